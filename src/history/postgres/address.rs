//! Where the history is, and how to get in: an address as libpq reads it, with what the environment adds.
//!
//! What cannot be understood is never shown: a password with an odd character in it looks like anything.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};

use super::passfile;
use super::tls::{Identity, Roots, Tls, Trust};
use crate::history::store::{Result, StoreError};

/// The schema of a history that names none.
pub(super) const SCHEMA: &str = "cargo_gate";

/// A name in PostgreSQL has so many bytes at most.
const LONGEST_NAME: usize = 63;

/// A variable of the environment, by name.
pub(super) type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Where the history is, and how to get in.
pub(super) struct Address {
    pub(super) config: Config,
    pub(super) tls: Tls,
    pub(super) schema: String,
    /// What the user should know.
    pub(super) warnings: Vec<String>,
}

/// What stands in an address beside what the client of the database understands.
#[derive(Default)]
struct Own {
    schema: Option<String>,
    mode: Option<String>,
    roots: Option<String>,
    certificate: Option<String>,
    key: Option<String>,
}

impl Address {
    /// Reads an address, and what the environment has for what it does not say.
    pub(super) fn parse(url: &str, env: Lookup<'_>) -> Result<Self> {
        let env = |name: &str| env(name).filter(|value| !value.is_empty());
        let (rest, own) = take_own(url)?;
        let mut config: Config = rest.parse().map_err(|_| unclear())?;
        if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
            config.host(env("PGHOST").unwrap_or_else(|| "localhost".to_owned()));
        }
        if config.get_ports().is_empty()
            && let Some(port) = env("PGPORT")
        {
            let port =
                port.parse().map_err(|_| StoreError::Unreadable("PGPORT must be the number of a port".to_owned()));
            config.port(port?);
        }
        if config.get_user().is_none()
            && let Some(user) = env("PGUSER")
        {
            config.user(user);
        }
        if config.get_dbname().is_none()
            && let Some(name) = env("PGDATABASE")
        {
            config.dbname(name);
        }
        let mut warnings = Vec::new();
        add_password(&mut config, &env, &mut warnings);
        config.application_name("cargo gate");
        // What stands between may forget a connection on which nobody says anything for the length of a test run.
        config.keepalives_idle(Duration::from_secs(30)).keepalives_interval(Duration::from_secs(10));
        let schema = own.schema.clone().unwrap_or_else(|| SCHEMA.to_owned());
        if !is_name(&schema) {
            let why = "the schema of the history's address must be of lower-case letters, digits and `_`, at most 63";
            return Err(StoreError::Unreadable(why.to_owned()));
        }
        let tls = read_tls(&mut config, own, &env)?;
        Ok(Self { config, tls, schema, warnings })
    }
}

impl Address {
    /// Several hosts share the time there is: one to which nothing comes through takes it from no other.
    pub(super) fn share(&mut self, time: Duration) {
        let hosts = places(&self.config).len();
        if hosts > 1 && self.config.get_connect_timeout().is_none() {
            self.config.connect_timeout(time / u32::try_from(hosts).unwrap_or(u32::MAX));
        }
    }
}

fn unclear() -> StoreError {
    let why = "its address cannot be understood: it reads `postgres://USER@HOST:PORT/DATABASE?sslmode=…&schema=…`, \
               with odd characters written as `%2F`";
    StoreError::Unreadable(why.to_owned())
}

/// The address without what is read here, and that.
fn take_own(url: &str) -> Result<(String, Own)> {
    let has_scheme = ["postgres://", "postgresql://"].into_iter().any(|scheme| url.starts_with(scheme));
    // A password may hold a `?`.
    let credentials = url.find('@').unwrap_or(0);
    let query = url.get(credentials..).and_then(|rest| rest.find('?')).map(|at| credentials + at);
    let (place, query) = query.and_then(|at| url.split_at_checked(at)).unwrap_or((url, ""));
    if !has_scheme {
        return Err(unclear());
    }
    let mut own = Own::default();
    let mut others = Vec::new();
    for parameter in query.trim_start_matches('?').split('&').filter(|parameter| !parameter.is_empty()) {
        let (name, value) = parameter.split_once('=').ok_or_else(unclear)?;
        let slot = match name {
            "schema" => &mut own.schema,
            "sslmode" => &mut own.mode,
            "sslrootcert" => &mut own.roots,
            "sslcert" => &mut own.certificate,
            "sslkey" => &mut own.key,
            _ => {
                others.push(parameter);
                continue;
            }
        };
        let value = percent_encoding::percent_decode_str(value).decode_utf8().map_err(|_| unclear())?;
        *slot = Some(value.into_owned());
    }
    let query = if others.is_empty() { String::new() } else { format!("?{}", others.join("&")) };
    Ok((format!("{place}{query}"), own))
}

/// The password, where the address has none: `PGPASSWORD`, else the file of passwords.
fn add_password(config: &mut Config, env: Lookup<'_>, warnings: &mut Vec<String>) {
    if config.get_password().is_some() {
        return;
    }
    if let Some(password) = env("PGPASSWORD") {
        config.password(password);
        return;
    }
    let user = config.get_user().map(str::to_owned).or_else(|| env("USER")).unwrap_or_default();
    let database = config.get_dbname().unwrap_or(&user);
    let password_of = |(host, port): (String, u16)| {
        passfile::look_up(env, &passfile::Wanted { host: &host, port, database, user: &user })
    };
    match places(config).into_iter().map(password_of).collect::<std::result::Result<BTreeSet<_>, _>>() {
        Ok(found) => match (found.len(), found.into_iter().next().flatten()) {
            (1, Some(password)) => drop(config.password(password)),
            (1, None) => {}
            // One of them would be told another's.
            _ => warnings.push("the hosts of the address have not one password, so none is used".to_owned()),
        },
        Err(warning) => warnings.push(warning),
    }
}

/// The hosts of an address as the file of passwords names them, and their ports.
fn places(config: &Config) -> Vec<(String, u16)> {
    let (hosts, addresses, ports) = (config.get_hosts(), config.get_hostaddrs(), config.get_ports());
    let place = |index: usize| {
        let host = match (hosts.get(index), addresses.get(index)) {
            (Some(Host::Tcp(host)), _) => host.clone(),
            (None, Some(address)) => address.to_string(),
            _ => "localhost".to_owned(),
        };
        (host, ports.get(index).or(ports.first()).copied().unwrap_or(5432))
    };
    (0..hosts.len().max(addresses.len()).max(1)).map(place).collect()
}

fn read_tls(config: &mut Config, own: Own, env: Lookup<'_>) -> Result<Tls> {
    let mode = own.mode.or_else(|| env("PGSSLMODE")).unwrap_or_else(|| "prefer".to_owned());
    let roots = own.roots.or_else(|| env("PGSSLROOTCERT"));
    let home_file =
        |name| passfile::home(env).map(|home| home.join(".postgresql").join(name)).filter(|it| it.is_file());
    let roots = match roots {
        Some(word) if word == "system" => Roots::OfSystem,
        Some(file) => Roots::In(file.into()),
        None => home_file("root.crt").map_or(Roots::OfSystem, Roots::In),
    };
    let (mode, trust) = match mode.as_str() {
        "disable" => (SslMode::Disable, Trust::Anyone),
        "allow" | "prefer" => (SslMode::Prefer, Trust::Anyone),
        // So does libpq: who names authorities means them.
        "require" if matches!(roots, Roots::In(_)) => (SslMode::Require, Trust::Signed(roots)),
        "require" => (SslMode::Require, Trust::Anyone),
        "verify-ca" => (SslMode::Require, Trust::Signed(roots)),
        "verify-full" => (SslMode::Require, Trust::Named(roots)),
        _ => {
            let modes = "`disable`, `prefer`, `require`, `verify-ca` or `verify-full`";
            return Err(StoreError::Unreadable(format!("the sslmode of its address must be {modes}")));
        }
    };
    config.ssl_mode(mode);
    let certificate = own.certificate.or_else(|| env("PGSSLCERT"));
    let key = own.key.or_else(|| env("PGSSLKEY"));
    let identity = match (certificate, key) {
        _ if mode == SslMode::Disable => return Ok(Tls::none()),
        (Some(certificate), Some(key)) => Some(Identity { certificate, key }),
        (None, None) => None,
        _ => {
            let why = "`sslcert` and `sslkey` of its address (PGSSLCERT, PGSSLKEY) go together: one of them is missing";
            return Err(StoreError::Unreadable(why.to_owned()));
        }
    };
    Tls::new(trust, identity)
}

/// Is it a name that needs no quoting?
fn is_name(name: &str) -> bool {
    let first = name.bytes().next();
    first.is_some_and(|first| first == b'_' || first.is_ascii_lowercase())
        && name.len() <= LONGEST_NAME
        && !name.starts_with("pg_")
        && name.bytes().all(|byte| byte == b'_' || byte.is_ascii_lowercase() || byte.is_ascii_digit())
}

/// The address of a workspace's own history in a database that several share: with a schema of its name, unless the
/// address names one.
#[must_use]
pub fn of_workspace(url: &str, workspace: &str) -> String {
    if take_own(url).is_ok_and(|(_, own)| own.schema.is_some()) {
        return url.to_owned();
    }
    let separator =
        if url.get(url.find('@').unwrap_or(0)..).is_some_and(|rest| rest.contains('?')) { '&' } else { '?' };
    format!("{url}{separator}schema={}", schema_of(workspace))
}

/// The schema of a workspace: its name as far as it can be read, and a hash where that is not all of it.
fn schema_of(workspace: &str) -> String {
    let readable: String = workspace
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' })
        .take(LONGEST_NAME - "gate_".len() - "_12345678".len())
        .collect();
    if readable == workspace {
        return format!("gate_{readable}");
    }
    let hash = blake3::hash(workspace.as_bytes()).to_hex();
    format!("gate_{readable}_{}", hash.get(..8).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nothing(_: &str) -> Option<String> {
        None
    }

    fn read(url: &str) -> Address {
        Address::parse(url, &nothing).unwrap_or_else(|error| panic!("{url}: {error}"))
    }

    #[test]
    fn an_address_says_where_who_and_how() {
        let address = read("postgres://ci:s3%2Fcret@db.example:5433/gate?schema=app&sslmode=require");
        let config = &address.config;
        assert_eq!(config.get_hosts(), [Host::Tcp("db.example".into())]);
        assert_eq!(
            (config.get_ports(), config.get_user(), config.get_dbname()),
            (&[5433][..], Some("ci"), Some("gate"))
        );
        assert_eq!(config.get_password(), Some(b"s3/cret".as_slice()));
        assert_eq!((config.get_ssl_mode(), address.schema.as_str()), (SslMode::Require, "app"));
        let plain = read("postgresql://ci@db/gate");
        assert_eq!((plain.config.get_ssl_mode(), plain.schema.as_str()), (SslMode::Prefer, SCHEMA));
        assert_eq!(
            read("postgres://db/gate?sslmode=disable&connect_timeout=2").config.get_ssl_mode(),
            SslMode::Disable
        );
        assert_eq!(read("postgres://a,b:1/gate").config.get_hosts().len(), 2);
    }

    #[test]
    fn what_an_address_leaves_out_the_environment_has() {
        let env = |name: &str| {
            let value = match name {
                "PGHOST" => "elsewhere",
                "PGPORT" => "6543",
                "PGUSER" => "me",
                "PGDATABASE" => "mine",
                "PGPASSWORD" => "s3cret",
                "PGSSLMODE" => "disable",
                _ => return None,
            };
            Some(value.to_owned())
        };
        let config = Address::parse("postgres://", &env).unwrap_or_else(|error| panic!("{error}")).config;
        assert_eq!(config.get_hosts(), [Host::Tcp("elsewhere".into())]);
        assert_eq!(
            (config.get_ports(), config.get_user(), config.get_dbname()),
            (&[6543][..], Some("me"), Some("mine"))
        );
        assert_eq!((config.get_password(), config.get_ssl_mode()), (Some(b"s3cret".as_slice()), SslMode::Disable));
        let told = "postgres://you:word@here:1/yours?sslmode=require";
        let config = Address::parse(told, &env).unwrap_or_else(|error| panic!("{error}")).config;
        assert_eq!(config.get_hosts(), [Host::Tcp("here".into())]);
        assert_eq!(
            (config.get_ports(), config.get_user(), config.get_dbname()),
            (&[1][..], Some("you"), Some("yours"))
        );
        assert_eq!((config.get_password(), config.get_ssl_mode()), (Some(b"word".as_slice()), SslMode::Require));
    }

    #[test]
    fn half_of_what_is_needed_is_refused_with_words() {
        for (url, variable, word) in [
            ("postgres://", ("PGPORT", "54x"), "PGPORT"),
            ("postgres://ci@db/gate?sslcert=a.crt", ("", ""), "sslkey"),
            ("postgres://ci@db/gate", ("PGSSLKEY", "a.key"), "PGSSLCERT"),
        ] {
            let env = |name: &str| (name == variable.0).then(|| variable.1.to_owned());
            let error = Address::parse(url, &env).err().unwrap_or_else(|| panic!("{url}"));
            assert!(error.to_string().contains(word), "{url}: {error}");
        }
        assert!(Address::parse("postgres://db/gate?sslmode=disable&sslcert=a.crt", &nothing).is_ok());
    }

    #[test]
    fn hosts_share_the_time_there_is() {
        let timeout = |url| {
            let mut address = read(url);
            address.share(Duration::from_secs(4));
            address.config.get_connect_timeout().copied()
        };
        assert_eq!(timeout("postgres://a/gate"), None);
        assert_eq!(timeout("postgres://a,b:1/gate"), Some(Duration::from_secs(2)));
        assert_eq!(timeout("postgres://a,b:1/gate?connect_timeout=3"), Some(Duration::from_secs(3)));
    }

    #[cfg(unix)]
    #[test]
    fn a_password_goes_to_its_own_host_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("passwords");
        fs_err::write(&file, "localhost:*:*:*:near\n10.0.0.5:*:*:*:far\na:*:*:*:of_a\nb:*:*:*:of_b\nc:*:*:*:of_a\n")
            .unwrap();
        fs_err::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
        let env = |name: &str| (name == "PGPASSFILE").then(|| file.to_str().unwrap().to_owned());
        for (hosts, password, warnings) in [
            ("", Some("near"), 0),
            ("?hostaddr=10.0.0.5", Some("far"), 0),
            ("a?hostaddr=10.0.0.5", Some("of_a"), 0),
            ("?host=/run", Some("near"), 0),
            ("a,c", Some("of_a"), 0),
            ("a,b", None, 1),
            ("a,nobody", None, 1),
            ("nobody", None, 0),
        ] {
            let address =
                Address::parse(&format!("postgres://{hosts}"), &env).unwrap_or_else(|error| panic!("{error}"));
            let found = address.config.get_password().map(|bytes| String::from_utf8_lossy(bytes).into_owned());
            assert_eq!((found.as_deref(), address.warnings.len()), (password, warnings), "{hosts}");
        }
    }

    #[test]
    fn what_cannot_be_understood_is_an_error_without_it() {
        for url in [
            "",
            "s3cret",
            "mysql://s3cret@db/gate",
            "postgres://ci:s3cret@db/gate?s3cret",
            "postgres://ci:s3cret@db/gate?s3cret=1",
            "postgres://ci:s3cret@db:port/gate",
            "postgres://ci:s3cret@db/gate?sslmode=s3cret",
            "postgres://ci:s3cret@db/gate?schema=S3cret",
            "postgres://ci:s3cret@db/gate?schema=pg_s3cret",
            "postgres://ci:s3cret@db/gate?schema=s3cret%22",
            "postgres://ci:s3cret@db/gate?schema=",
            "postgres://ci:s3cret@db/gate?schema=%ff",
        ] {
            let error = Address::parse(url, &nothing).err().unwrap_or_else(|| panic!("{url}"));
            assert!(!error.to_string().to_lowercase().contains("s3cret"), "{url}: {error}");
        }
    }

    #[test]
    fn each_workspace_has_a_schema_of_its_name() {
        let hashed = |name: &str| of_workspace("postgres://db/gate", name);
        assert_eq!(hashed("app"), "postgres://db/gate?schema=gate_app");
        assert_eq!(
            of_workspace("postgres://a:b?c@db/gate?sslmode=require", "x_1"),
            "postgres://a:b?c@db/gate?sslmode=require&schema=gate_x_1"
        );
        assert_eq!(of_workspace("postgres://db/gate?schema=mine", "app"), "postgres://db/gate?schema=mine");
        let long = "a-name/that is".repeat(20);
        let names = ["App", "my-app", "my_app", "é", "", long.as_str()].map(hashed);
        for (index, url) in names.iter().enumerate() {
            let schema = url.rsplit('=').next().unwrap_or_default();
            assert!(is_name(schema), "{url}");
            assert!(!names[..index].contains(url), "{url}");
            assert_eq!(read(url).schema, schema);
        }
    }
}
