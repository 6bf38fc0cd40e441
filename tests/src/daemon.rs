//! Programs of others that run as long as a test.

use std::{
    ffi::OsStr,
    os::unix::process::CommandExt as _,
    path::Path,
    process::{Child, Command, Stdio},
};

use crate::debian::say;

/// Starts a program and stops it. Its standard input is a pipe whose other end only the starting process holds: when
/// that process ends, by `kill -9` too, `cat` returns.
/// Arguments: the signal that ends the program at once, its log, the program and what it is told.
const KEEPER: &str = r#"
signal=$1 log=$2
shift 2
"$@" </dev/null >"$log" 2>&1 &
program=$!
cat
kill -s "$signal" "$program"
(sleep 10; kill -s KILL "$program") &
wait "$program"
kill "$!"
"#;

/// A running program. It is told to stop when the value is dropped, which waits for its end, for ten seconds at most.
pub struct Daemon(Child);

impl Daemon {
    /// Starts a program that stays in the foreground, as this user if it cannot be the present one. `signal` is what
    /// ends it at once.
    pub fn start<S: AsRef<OsStr>>(
        command: &[S],
        signal: &str,
        user: Option<(u32, u32)>,
        log: &Path,
    ) -> Result<Self, String> {
        let mut keeper = Command::new("/bin/sh");
        keeper.args(["-c", KEEPER, "sh", signal]).arg(log).args(command);
        // an interrupt from the keyboard must not end the keeper before its work
        keeper.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
        if let Some((uid, gid)) = user {
            keeper.uid(uid).gid(gid);
        }
        keeper.spawn().map(Self).map_err(|error| format!("cannot run /bin/sh: {error}"))
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        if let Err(error) = self.0.wait() {
            say(&format!("cannot wait for a program to stop: {error}"));
        }
    }
}
