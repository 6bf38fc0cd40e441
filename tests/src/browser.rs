//! A headless Chromium with one page, driven as a person would: it clicks, types and reads.
//!
//! It speaks Chromium's own protocol over a pipe. When the process that holds the other end is gone, however it
//! ended, the browser stops and its profile is removed.
#![expect(clippy::indexing_slicing, reason = "a member that a JSON value lacks is null, and made when written")]

use std::{
    env,
    fs::{self, DirBuilder},
    io::{BufRead as _, BufReader, Write as _},
    os::unix::{fs::DirBuilderExt as _, process::CommandExt as _},
    path::PathBuf,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::mpsc::{Receiver, channel},
    thread,
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::debian;

/// Names the browser to use instead of one that `PATH` leads to.
pub const PROGRAM_VARIABLE: &str = "LIANXIN_TEST_CHROMIUM";
/// Names a directory for pictures of the pages that are tested.
pub const PICTURES_VARIABLE: &str = "LIANXIN_TEST_PICTURES";
/// The names under which it may be installed.
const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
/// The longest that any answer of the browser, or any change of a page, may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Every name is this machine: so a page is reached by a name as in production, and nothing leaves the machine.
const ARGUMENTS: [&str; 9] = [
    "--headless",
    "--remote-debugging-pipe",
    "--host-resolver-rules=MAP * 127.0.0.1",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--window-size=1280,1600",
];

/// The browser reads commands from 3 and writes to 4. Arguments: directory for its profile, program, its arguments.
const KEEPER: &str = r#"
directory=$1
shift
"$@" 3<&0 4>&1 </dev/null >/dev/null 2>&1
exec <&- >&-
rm -rf "$directory"
"#;

/// A page in a browser of its own, which is closed when the value is dropped.
pub struct Page {
    keeper: Child,
    commands: Option<ChildStdin>,
    messages: Receiver<Value>,
    events: Vec<Value>,
    session: Option<String>,
    last_id: u64,
}

impl Page {
    /// Starts a browser and loads a page.
    pub fn open(url: &str) -> Self {
        let mut page = Self::start().unwrap_or_else(|error| panic!("{error}"));
        let target = page.call("Target.createTarget", json!({"url": "about:blank"}));
        let attached =
            page.call("Target.attachToTarget", json!({"targetId": target["targetId"].clone(), "flatten": true}));
        page.session = attached["sessionId"].as_str().map(str::to_owned);
        for domain in ["Network", "Runtime", "Log", "Page"] {
            page.call(&format!("{domain}.enable"), json!({}));
        }
        let answer = page.call("Page.navigate", json!({ "url": url }));
        assert!(answer["errorText"].is_null(), "{url}: {}", answer["errorText"]);
        page.run("document.readyState === 'complete' || new Promise(done => window.addEventListener('load', done))");
        page
    }

    fn start() -> Result<Self, String> {
        let program = find_program()?;
        let directory = env::temp_dir().join(format!("lianxin-browser-{}", Uuid::new_v4().simple()));
        let cannot = |error| format!("cannot make {}: {error}", directory.display());
        DirBuilder::new().mode(0o700).create(&directory).map_err(cannot)?;
        let mut command = Command::new("/bin/sh");
        command.args(["-c", KEEPER, "sh"]).arg(&directory).arg(&program).args(ARGUMENTS);
        command.arg(format!("--user-data-dir={}", directory.display()));
        if debian::is_root()? {
            // Chromium's sandbox refuses root
            command.arg("--no-sandbox");
        }
        // an interrupt from the keyboard must not end the keeper before its work
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).process_group(0);
        let mut keeper = command.spawn().map_err(|error| format!("cannot run /bin/sh: {error}"))?;
        let messages = keeper.stdout.take().map(listen).ok_or("the browser has no output")?;
        let commands = keeper.stdin.take();
        Ok(Self { keeper, commands, messages, events: Vec::new(), session: None, last_id: 0 })
    }

    /// Clicks the middle of the first element that fits a CSS selector, as soon as there is one.
    pub fn click(&mut self, selector: &str) {
        let middle = self.wait_for(&format!(
            "(element => {{
                if (!element) return null;
                element.scrollIntoView({{ block: 'center', behavior: 'instant' }});
                const box = element.getBoundingClientRect();
                return box.width && {{ x: box.x + box.width / 2, y: box.y + box.height / 2 }};
            }})(document.querySelector({}))",
            Value::from(selector)
        ));
        for kind in ["mousePressed", "mouseReleased"] {
            let (x, y) = (&middle["x"], &middle["y"]);
            let event = json!({"type": kind, "x": x, "y": y, "button": "left", "clickCount": 1});
            self.call("Input.dispatchMouseEvent", event);
        }
    }

    /// Pastes into the element that has the focus.
    pub fn paste(&mut self, text: &str) {
        self.call("Input.insertText", json!({ "text": text }));
    }

    /// The text of the first element that fits a CSS selector, as soon as there is one with any.
    pub fn text(&mut self, selector: &str) -> String {
        let text = self.wait_for(&format!(
            "(element => element && (element.value || element.innerText).trim())(document.querySelector({}))",
            Value::from(selector)
        ));
        text.as_str().unwrap_or_default().to_owned()
    }

    /// The value of an expression, as soon as it is one that counts as true.
    pub fn wait_for(&mut self, expression: &str) -> Value {
        self.run(&format!(
            "new Promise((done, fail) => {{
                const look = () => {{
                    const found = {expression};
                    if (found) {{ observer.disconnect(); done(found); }}
                }};
                const observer = new MutationObserver(look);
                observer.observe(document, {{ subtree: true, childList: true, attributes: true, characterData: true }});
                setTimeout(() => fail(new Error('this never comes')), {});
                look();
            }})",
            PATIENCE.as_millis() / 2,
        ))
    }

    /// The value of an expression, or of what it promises.
    pub fn run(&mut self, expression: &str) -> Value {
        let arguments = json!({"expression": expression, "awaitPromise": true, "returnByValue": true});
        let answer = self.call("Runtime.evaluate", arguments);
        let thrown = &answer["exceptionDetails"];
        assert!(thrown.is_null(), "{expression}: {}", thrown["exception"]["description"]);
        answer["result"]["value"].clone()
    }

    /// Keeps a picture of the page for people to look at, where [`PICTURES_VARIABLE`] names a directory.
    pub fn picture(&mut self, name: &str) {
        let Some(directory) = env::var_os(PICTURES_VARIABLE) else { return };
        let answer = self.call("Page.captureScreenshot", json!({"format": "png"}));
        let file = PathBuf::from(directory).join(format!("{name}.png"));
        let bytes = STANDARD.decode(answer["data"].as_str().unwrap_or_default()).unwrap_or_default();
        fs::write(&file, bytes).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    }

    /// The addresses of everything that the page has asked for.
    pub fn requests(&self) -> Vec<&str> {
        let sent = self.events_of("Network.requestWillBeSent");
        sent.filter_map(|event| event["params"]["request"]["url"].as_str()).collect()
    }

    /// What the console has to complain about.
    pub fn complaints(&self) -> Vec<String> {
        let thrown = self.events_of("Runtime.exceptionThrown");
        let said = self.events_of("Runtime.consoleAPICalled").filter(|event| event["params"]["type"] == "error");
        let logged = self.events_of("Log.entryAdded").filter(|event| event["params"]["entry"]["level"] == "error");
        thrown.chain(said).chain(logged).map(|event| event["params"].to_string()).collect()
    }

    fn events_of(&self, method: &str) -> impl Iterator<Item = &Value> {
        self.events.iter().filter(move |event| event["method"] == method)
    }

    /// Sends a command and waits for its answer; what else the browser tells meanwhile is kept.
    fn call(&mut self, method: &str, parameters: Value) -> Value {
        self.last_id += 1;
        let mut command = json!({"id": self.last_id, "method": method, "params": parameters});
        if let Some(session) = &self.session {
            command["sessionId"] = session.as_str().into();
        }
        let sent = self.commands.as_mut().map(|pipe| write!(pipe, "{command}\0").and_then(|()| pipe.flush()));
        assert!(matches!(sent, Some(Ok(()))), "{method}: the browser is gone: {sent:?}");
        loop {
            let message = self.messages.recv_timeout(PATIENCE);
            let message = message.unwrap_or_else(|error| panic!("{method}: no answer from the browser: {error}"));
            if message["id"] == self.last_id {
                assert!(message["error"].is_null(), "{method}: {}", message["error"]);
                return message["result"].clone();
            }
            self.events.push(message);
        }
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        drop(self.commands.take());
        if let Err(error) = self.keeper.wait() {
            debian::say(&format!("cannot wait for the browser to stop: {error}"));
        }
    }
}

/// Messages end with a NUL.
fn listen(output: ChildStdout) -> Receiver<Value> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        let messages = BufReader::new(output).split(0).map_while(Result::ok);
        messages.map_while(|bytes| serde_json::from_slice(&bytes).ok()).map_while(|m| sender.send(m).ok()).count()
    });
    receiver
}

fn find_program() -> Result<PathBuf, String> {
    if let Some(named) = env::var_os(PROGRAM_VARIABLE) {
        return Ok(named.into());
    }
    debian::find_or_install("Chromium", installed_program, || debian::install(&["chromium"]))?.ok_or_else(|| {
        format!(
            "there is no Chromium to test with: install one (on Debian: apt-get install chromium), \
             or name its program in {PROGRAM_VARIABLE}"
        )
    })
}

fn installed_program() -> Option<PathBuf> {
    let path = debian::search_path();
    NAMES.iter().flat_map(|name| path.iter().map(move |directory| directory.join(name))).find(|file| file.is_file())
}
