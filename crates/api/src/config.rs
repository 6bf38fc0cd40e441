//! Settings: by environment, or by a file that holds the same names.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
};

use domain::identity::PasswordProfile;

use crate::http::address::Networks;

/// The settings: `(name, default, what it is, whether its part is built)`.
pub const SETTINGS: &[(&str, &str, &str, bool)] = &[
    ("LIANXIN_LISTEN", "127.0.0.1:8080", "address and port of the API", true),
    ("LIANXIN_DATABASE_URL", "sqlite://lianxin.db", "sqlite://FILE or postgres://…", true),
    ("LIANXIN_PUBLIC_URL", "http:// + listen address", "the address under which clients reach it", true),
    ("LIANXIN_PROFILE", "development", "development | production", true),
    ("LIANXIN_DEMO_PASSWORD", "lianxin-demo", "password of the demonstration users", true),
    ("LIANXIN_LOG", "info", "what is logged, e.g. info,sqlx=warn", true),
    (
        "LIANXIN_KEYS_FILE",
        "lianxin.keys beside the database",
        "signing, encryption, index and cursor keys, mode 0600",
        true,
    ),
    ("LIANXIN_ORDERS_PER_RESIDENT_PER_DAY", "20", "orders that one account may place a day, 0 = no limit", true),
    ("LIANXIN_CORS_ORIGINS", "", "origins of web frontends, separated by commas", true),
    ("LIANXIN_STORAGE_URL", "", "where attachments go", false),
    ("LIANXIN_METRICS_LISTEN", "127.0.0.1:9464", "address and port of the metrics, or off", true),
    ("LIANXIN_RATE_LIMIT", "600", "requests per user and minute in each replica, 0 = no limit", true),
    ("LIANXIN_TRUSTED_PROXIES", "", "addresses and networks whose X-Forwarded-For is believed", true),
    ("LIANXIN_TIME_ZONE", "Asia/Shanghai", "time zone of answers", false),
    ("LIANXIN_PASSWORD_PROFILE", "standard", "standard | mlps3 (GB/T 22239-2019, third level)", true),
    ("LIANXIN_REQUIRE_MFA", "true in production", "true | false: a second factor for whoever holds an office", true),
    ("LIANXIN_CONFIG", "", "a TOML file with these names, lower case without LIANXIN_; the environment wins", true),
    (TRACES[1], "", "collector of traces, e.g. http://127.0.0.1:4318 (OTLP over HTTP); none without it", true),
];

/// Where the metrics are, unless it is set otherwise.
pub const DEFAULT_METRICS_LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9464);
/// Variables of OpenTelemetry that name a collector: of traces alone by its whole address, of everything by its base.
const TRACES: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"];
/// Those that keep traces from being sent, and by which value.
const NO_TRACES: [(&str, &str); 2] = [("OTEL_SDK_DISABLED", "true"), ("OTEL_TRACES_EXPORTER", "none")];

/// Passwords of databases that stand in our papers or in those of others.
const KNOWN_PASSWORDS: [&str; 9] =
    ["WORD", "lianxin", "lianxin-demo", "postgres", "password", "secret", "example", "changeme", "change-me"];

fn password_of(database_url: &str) -> Option<String> {
    let url = url::Url::parse(database_url).ok()?;
    let asked = url.query_pairs().filter(|(name, _)| name == "password").map(|(_, value)| value.into_owned()).last();
    asked.or_else(|| url.password().map(str::to_owned))
}

/// Where traces go, by the variables of OpenTelemetry; an empty one counts for none.
fn traces(given: &BTreeMap<String, String>) -> Result<Option<String>, String> {
    let get = |name: &str| given.get(name).map(String::as_str).filter(|value| !value.is_empty());
    if NO_TRACES.iter().any(|(name, off)| get(name).is_some_and(|value| value.eq_ignore_ascii_case(off))) {
        return Ok(None);
    }
    let [own, general] = TRACES;
    let (name, address) = match (get(own), get(general)) {
        (Some(whole), _) => (own, whole.to_owned()),
        (None, Some(base)) => (general, format!("{}/v1/traces", base.trim_end_matches('/'))),
        (None, None) => return Ok(None),
    };
    match url::Url::parse(&address) {
        Ok(url) if url.scheme() == "http" => Ok(Some(address)),
        _ => Err(format!("{name}: is no http:// address; a collector beside the service can send on by TLS")),
    }
}

/// Development or production.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// Makes what is missing.
    Development,
    /// Refuses what is not safe.
    Production,
}

/// The settings, parsed.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where to listen.
    pub listen: SocketAddr,
    /// Which database.
    pub database_url: String,
    /// Under which address clients reach it; no slash at the end.
    pub public_url: String,
    /// Development or production.
    pub profile: Profile,
    /// Password of the demonstration users.
    pub demo_password: String,
    /// What is logged.
    pub log: String,
    /// Where the keys are.
    pub keys_file: PathBuf,
    /// Orders that one account may place a day; `None` is no limit.
    pub orders_per_day: Option<u64>,
    /// Requests that a caller may send a minute; `None` is no limit.
    pub rate_limit: Option<u64>,
    /// Origins of web frontends.
    pub cors_origins: Vec<String>,
    /// What is asked of passwords and sessions.
    pub password_profile: PasswordProfile,
    /// Whether whoever holds an office needs a second factor.
    pub require_mfa: bool,
    /// Whose word is taken for where a request comes from.
    pub trusted_proxies: Networks,
    /// Where the metrics are; `None` is nowhere.
    pub metrics_listen: Option<SocketAddr>,
    /// Where traces go; `None` is nowhere.
    pub traces: Option<String>,
    /// Names that were set although their part is not built yet.
    pub not_used: Vec<String>,
}

impl Settings {
    /// Reads the settings from the environment and, if it names one, a file.
    ///
    /// # Errors
    /// A sentence with the name of the setting that is wrong or unknown.
    pub fn read(environment: impl IntoIterator<Item = (String, String)>, demo: bool) -> Result<Self, String> {
        let (own, others): (BTreeMap<String, String>, BTreeMap<String, String>) =
            environment.into_iter().partition(|(name, _)| name.starts_with("LIANXIN_"));
        let mut given = own;
        given.retain(|name, _| !name.starts_with("LIANXIN_TEST_"));
        if let Some(path) = given.get("LIANXIN_CONFIG").filter(|path| !path.is_empty()) {
            let text = std::fs::read_to_string(path).map_err(|error| format!("LIANXIN_CONFIG: {path}: {error}"))?;
            let table: toml::Table = text.parse().map_err(|error| format!("LIANXIN_CONFIG: {path}: {error}"))?;
            for (name, value) in table {
                let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                given.entry(format!("LIANXIN_{}", name.to_uppercase())).or_insert(value);
            }
        }
        if let Some(name) = given.keys().find(|name| !SETTINGS.iter().any(|(known, ..)| known == name)) {
            return Err(format!("{name}: there is no such setting"));
        }
        Ok(Self { traces: traces(&others)?, ..Self::parse(&given, demo)? })
    }

    fn parse(given: &BTreeMap<String, String>, demo: bool) -> Result<Self, String> {
        let get = |name: &str| given.get(name).map(String::as_str).filter(|value| !value.is_empty());
        let listen: SocketAddr = get("LIANXIN_LISTEN")
            .unwrap_or("127.0.0.1:8080")
            .parse()
            .map_err(|_| "LIANXIN_LISTEN: is not an address and port")?;
        let database_url = get("LIANXIN_DATABASE_URL").unwrap_or("sqlite://lianxin.db").to_owned();
        if !["sqlite://", "postgres://", "postgresql://"].iter().any(|scheme| database_url.starts_with(scheme)) {
            return Err("LIANXIN_DATABASE_URL: is neither sqlite:// nor postgres://".to_owned());
        }
        let profile = match get("LIANXIN_PROFILE").unwrap_or("development") {
            "development" => Profile::Development,
            "production" => Profile::Production,
            _ => return Err("LIANXIN_PROFILE: is neither development nor production".to_owned()),
        };
        let public_url = get("LIANXIN_PUBLIC_URL").map_or_else(|| format!("http://{listen}"), str::to_owned);
        let parsed = url::Url::parse(&public_url).map_err(|_| "LIANXIN_PUBLIC_URL: is not a URL")?;
        if !["http", "https"].contains(&parsed.scheme()) {
            return Err("LIANXIN_PUBLIC_URL: is neither http nor https".to_owned());
        }
        let beside =
            database_url.strip_prefix("sqlite://").map(PathBuf::from).and_then(|path| path.parent().map(PathBuf::from));
        let keys_file =
            get("LIANXIN_KEYS_FILE").map_or_else(|| beside.unwrap_or_default().join("lianxin.keys"), PathBuf::from);
        let number = |name: &str, default: u64| {
            get(name).map_or(Ok(default), |value| value.parse().map_err(|_| format!("{name}: is not a whole number")))
        };
        // a demonstration is walked through in minutes: no limits unless they are set
        let orders = number("LIANXIN_ORDERS_PER_RESIDENT_PER_DAY", if demo { 0 } else { 20 })?;
        let requests = number("LIANXIN_RATE_LIMIT", if demo { 0 } else { 600 })?;
        let cors_origins: Vec<String> = get("LIANXIN_CORS_ORIGINS")
            .unwrap_or_default()
            .split(',')
            .map(|origin| origin.trim().trim_end_matches('/').to_owned())
            .filter(|origin| !origin.is_empty())
            .collect();
        let password_profile = PasswordProfile::from_name(get("LIANXIN_PASSWORD_PROFILE").unwrap_or("standard"))
            .ok_or("LIANXIN_PASSWORD_PROFILE: is neither standard nor mlps3")?;
        let require_mfa = match get("LIANXIN_REQUIRE_MFA") {
            Some("true") => true,
            Some("false") => false,
            Some(_) => return Err("LIANXIN_REQUIRE_MFA: is neither true nor false".to_owned()),
            None => profile == Profile::Production,
        };
        let trusted_proxies = Networks::parse(get("LIANXIN_TRUSTED_PROXIES").unwrap_or_default())
            .map_err(|item| format!("LIANXIN_TRUSTED_PROXIES: {item} is neither an address nor a network"))?;
        let metrics_listen = match get("LIANXIN_METRICS_LISTEN") {
            None => Some(DEFAULT_METRICS_LISTEN),
            Some("off") => None,
            Some(address) => {
                let wrong = |_| "LIANXIN_METRICS_LISTEN: is neither an address and port nor off";
                Some(address.parse().map_err(wrong)?)
            }
        };
        let settings = Self {
            listen,
            database_url,
            public_url: public_url.trim_end_matches('/').to_owned(),
            profile,
            demo_password: get("LIANXIN_DEMO_PASSWORD").unwrap_or("lianxin-demo").to_owned(),
            log: get("LIANXIN_LOG").unwrap_or("info").to_owned(),
            keys_file,
            orders_per_day: (orders > 0).then_some(orders),
            rate_limit: (requests > 0).then_some(requests),
            cors_origins,
            password_profile,
            require_mfa,
            trusted_proxies,
            metrics_listen,
            traces: None,
            not_used: given
                .keys()
                .filter(|name| SETTINGS.iter().any(|(known, _, _, built)| known == name && !built))
                .cloned()
                .collect(),
        };
        settings.judge(demo)?;
        Ok(settings)
    }

    /// What production does not accept.
    fn judge(&self, demo: bool) -> Result<(), String> {
        if let Some(origin) = self.cors_origins.iter().find(|origin| url::Url::parse(origin).is_err()) {
            return Err(format!("LIANXIN_CORS_ORIGINS: {origin} is not an origin"));
        }
        if self.profile == Profile::Development {
            return Ok(());
        }
        if demo {
            return Err("LIANXIN_PROFILE: there are no demonstration data in production".to_owned());
        }
        if !persistence::is_private(&self.database_url) {
            return Err("LIANXIN_DATABASE_URL: a remote database needs sslmode=verify-full".to_owned());
        }
        if password_of(&self.database_url).is_some_and(|password| KNOWN_PASSWORDS.contains(&password.as_str())) {
            return Err("LIANXIN_DATABASE_URL: its password is an example that everybody knows".to_owned());
        }
        Ok(())
    }

    /// The page of `serve --help` that lists the settings.
    #[must_use]
    pub fn help() -> String {
        let lines = SETTINGS.iter().map(|(name, default, what, built)| {
            let built = if *built { "" } else { " [not used yet]" };
            format!("  {name:<38} {what}{built}\n  {:<38} default: {default}\n", "")
        });
        format!("Settings (environment):\n{}", lines.collect::<String>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Settings, String> {
        Settings::read(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())), false)
    }

    #[test]
    fn a_wrong_setting_is_named() {
        for (name, value) in [
            ("LIANXIN_LISTEN", "nowhere"),
            ("LIANXIN_DATABASE_URL", "mysql://x"),
            ("LIANXIN_PROFILE", "test"),
            ("LIANXIN_PUBLIC_URL", "ftp://x"),
            ("LIANXIN_ORDERS_PER_RESIDENT_PER_DAY", "many"),
            ("LIANXIN_CORS_ORIGINS", "*"),
            ("LIANXIN_TRUSTED_PROXIES", "10.0.0.0/33"),
            ("LIANXIN_PASSWORD_PROFILE", "strict"),
            ("LIANXIN_REQUIRE_MFA", "yes"),
            ("LIANXIN_METRICS_LISTEN", "9464"),
            ("LIANXIN_METRICS_LISTEN", "none"),
            ("LIANXIN_COLOUR", "red"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "127.0.0.1:4318"),
            ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "https://collector.example/v1/traces"),
        ] {
            assert!(read(&[(name, value)]).unwrap_err().starts_with(name), "{name}");
        }
        assert!(read(&[("LIANXIN_TEST_X", "1"), ("PATH", "/bin")]).is_ok());
    }

    #[test]
    fn metrics_are_here_unless_they_are_off() {
        let at = |value: &str| read(&[("LIANXIN_METRICS_LISTEN", value)]).unwrap().metrics_listen;
        assert_eq!(read(&[]).unwrap().metrics_listen, Some(DEFAULT_METRICS_LISTEN));
        assert_eq!(DEFAULT_METRICS_LISTEN.to_string(), "127.0.0.1:9464");
        assert_eq!((at(""), at("off")), (Some(DEFAULT_METRICS_LISTEN), None));
        assert_eq!(at("[::1]:9000").unwrap().port(), 9000);
        assert!(SETTINGS.iter().any(|(name, default, ..)| {
            *name == "LIANXIN_METRICS_LISTEN" && *default == DEFAULT_METRICS_LISTEN.to_string()
        }));
    }

    #[test]
    fn traces_go_nowhere_unless_a_collector_is_named() {
        let to = |pairs: &[(&str, &str)]| read(pairs).unwrap().traces;
        let base = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318/");
        assert_eq!((to(&[]), to(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "")])), (None, None));
        assert_eq!(to(&[base]).as_deref(), Some("http://127.0.0.1:4318/v1/traces"));
        let whole = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://127.0.0.1:4319/spans");
        assert_eq!(to(&[base, whole]).as_deref(), Some("http://127.0.0.1:4319/spans"));
        for (name, off) in NO_TRACES {
            assert_eq!(to(&[base, (name, off)]), None, "{name}");
        }
    }

    #[test]
    fn production_needs_a_second_factor_unless_it_is_told() {
        let needs = |pairs: &[(&str, &str)]| read(pairs).unwrap().require_mfa;
        assert!(!needs(&[]));
        assert!(needs(&[("LIANXIN_REQUIRE_MFA", "true")]));
        assert!(needs(&[("LIANXIN_PROFILE", "production")]));
        assert!(!needs(&[("LIANXIN_PROFILE", "production"), ("LIANXIN_REQUIRE_MFA", "false")]));
    }

    #[test]
    fn production_needs_tls_to_a_remote_database() {
        let remote = |query: &str| {
            let url = format!("postgres://lianxin@db.example/lianxin{query}");
            read(&[("LIANXIN_PROFILE", "production"), ("LIANXIN_DATABASE_URL", &url)])
        };
        assert!(remote("").unwrap_err().starts_with("LIANXIN_DATABASE_URL"));
        assert!(remote("?sslmode=require").is_err());
        assert!(remote("?sslmode=verify-full&sslmode=disable").is_err());
        assert!(remote("?sslmode=verify-full").is_ok());
    }

    #[test]
    fn a_host_counts_wherever_it_stands() {
        let at = |url: &str| read(&[("LIANXIN_PROFILE", "production"), ("LIANXIN_DATABASE_URL", url)]);
        assert!(at("postgres://localhost/lianxin?host=db.example").is_err());
        assert!(at("postgres://localhost/lianxin?hostaddr=192.0.2.1").is_err());
        assert!(at("postgres:///lianxin?host=/var/run/postgresql").is_ok());
        for here in ["localhost", "127.0.0.1", "[::1]", "%2Fvar%2Frun"] {
            assert!(at(&format!("postgres://{here}/lianxin")).is_ok(), "{here}");
        }
        assert!(at("sqlite://lianxin.db").is_ok());
    }

    #[test]
    fn production_takes_no_password_that_everybody_knows() {
        let at = |url: &str| read(&[("LIANXIN_PROFILE", "production"), ("LIANXIN_DATABASE_URL", url)]);
        for url in ["postgres://u:changeme@localhost/x", "postgres:///x?host=/run&user=u&password=WORD"] {
            assert!(at(url).unwrap_err().starts_with("LIANXIN_DATABASE_URL"), "{url}");
        }
        assert!(at("postgres://u:8Jb2vQx0cE@localhost/x").is_ok());
    }
}
