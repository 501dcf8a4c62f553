//! A private PostgreSQL: one server a test process, made when the first test asks for it, gone with the process
//! however that ends. Where there is no PostgreSQL on this machine the tests that ask for one fail.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};

/// The role that `server.url()` names; it has no password and may do everything.
const ADMIN: &str = "admin";

/// A role that is asked for its password.
pub(crate) const ROLE: &str = "ci";

/// Its password.
pub(crate) const PASSWORD: &str = "s3cret word";

/// A role that is let in over TLS alone, and one over nothing but a plain connection; neither has a password.
pub(crate) const ONLY_TLS: &str = "only_tls";
pub(crate) const ONLY_PLAIN: &str = "only_plain";

/// What a server for tests need not do: what it holds ends with it.
pub(crate) const HASTY: &str = "fsync = off\nfull_page_writes = off";

/// What the watching shell does: it makes the cluster, starts the server, says where, and waits for the end of its
/// input, which is held open by the test process alone. Then the server is stopped at once and all is removed.
const WATCH: &str = r#"
set -e
trap '' INT TERM HUP
cd "$FOLDER"
"$BIN/initdb" --pgdata=data --username="$ADMIN" --auth=trust --encoding=UTF8 --locale=C --no-sync >initdb.log 2>&1
cp tls.crt tls.key data/
chmod 600 data/tls.key
cat >data/pg_hba.conf <<EOF
host all $ROLE 127.0.0.1/32 scram-sha-256
hostssl all only_tls 127.0.0.1/32 trust
hostnossl all only_plain 127.0.0.1/32 trust
host all only_tls,only_plain 127.0.0.1/32 reject
host all all 127.0.0.1/32 trust
local all all trust
EOF
cat >>data/postgresql.conf <<EOF
listen_addresses = '127.0.0.1'
port = $PORT
unix_socket_directories = '$FOLDER'
max_connections = 150
shared_buffers = 128MB
max_wal_size = 2GB
ssl = on
ssl_cert_file = 'tls.crt'
ssl_key_file = 'tls.key'
$SETTINGS
EOF
"$BIN/pg_ctl" --pgdata=data --log=server.log --wait --timeout=60 start >start.log 2>&1
"$BIN/psql" --quiet --no-psqlrc --host="$FOLDER" --port="$PORT" --username="$ADMIN" --dbname=postgres \
    --command="CREATE ROLE $ROLE LOGIN PASSWORD '$PASSWORD'" --command="CREATE ROLE only_tls LOGIN" --command="CREATE ROLE only_plain LOGIN" \
    --command="GRANT CREATE ON DATABASE postgres TO $ROLE, only_tls, only_plain"
echo ready
cat >/dev/null || true
"$BIN/pg_ctl" --pgdata=data --mode=immediate --silent stop || true
cd /
rm -rf "$FOLDER"
"#;

/// A private server.
pub(crate) struct Server {
    /// Its port on the loopback interface, which is also that of its socket.
    pub(crate) port: u16,
    /// Where its socket and its files are.
    pub(crate) folder: PathBuf,
    bin: PathBuf,
    /// Its standard input keeps the server alive.
    _watch: Child,
}

/// The server of this test process.
pub(crate) fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| Server::start(HASTY))
}

/// The programs of PostgreSQL: on the path, or where Debian keeps those of the latest version.
fn programs() -> PathBuf {
    let has_all =
        |folder: &PathBuf| ["initdb", "pg_ctl", "postgres", "psql"].iter().all(|name| folder.join(name).exists());
    let mut folders: Vec<PathBuf> =
        std::env::var_os("PATH").map(|path| std::env::split_paths(&path).collect()).unwrap_or_default();
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut versions: Vec<PathBuf> = versions.map(|version| version.path().join("bin")).collect();
    versions.sort_by_key(|bin| {
        let version = bin.parent().and_then(Path::file_name).and_then(|name| name.to_str()?.parse::<u32>().ok());
        std::cmp::Reverse(version)
    });
    folders.extend(versions);
    folders.into_iter().find(has_all).expect(
        "PostgreSQL is needed for these tests, and is neither on the PATH nor in /usr/lib/postgresql: install the \
         package `postgresql` of your system",
    )
}

impl Server {
    /// Starts one with these further settings.
    pub(crate) fn start(settings: &str) -> Self {
        let bin = programs();
        let folder = tempfile::Builder::new().prefix("gate-pg-").tempdir().unwrap().keep();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        write_certificates(&folder);
        let mut shell = match rustix::process::geteuid().is_root() {
            false => Command::new("sh"),
            true => {
                // PostgreSQL refuses to be started by the superuser.
                let user = if has_user("postgres") { "postgres" } else { "nobody" };
                let owned = Command::new("chown").args(["-R", user]).arg(&folder).status().unwrap();
                assert!(owned.success(), "the server's folder cannot be given to {user}");
                let mut shell = Command::new("runuser");
                shell.args(["-u", user, "--", "sh"]);
                shell
            }
        };
        let mut watch = shell
            .args(["-c", WATCH])
            .env("BIN", &bin)
            .env("FOLDER", &folder)
            .env("PORT", port.to_string())
            .envs([("SETTINGS", settings), ("ADMIN", ADMIN), ("ROLE", ROLE), ("PASSWORD", PASSWORD)])
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = String::new();
        BufReader::new(watch.stdout.take().unwrap()).read_line(&mut said).unwrap();
        if said.trim_end() != "ready" {
            let log = |name| fs::read_to_string(folder.join(name)).unwrap_or_default();
            panic!("PostgreSQL does not start: {}{}{}", log("initdb.log"), log("start.log"), log("server.log"));
        }
        Self { port, folder, bin, _watch: watch }
    }

    /// An address with a schema of its own each time, in clear text.
    pub(crate) fn url(&self) -> String {
        format!("{}&sslmode=disable", self.url_of(ADMIN, "127.0.0.1"))
    }

    /// An address for a role at a host, with a schema of its own each time.
    pub(crate) fn url_of(&self, role: &str, host: &str) -> String {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        format!("postgres://{role}@{host}:{}/postgres?schema=test_{number}", self.port)
    }

    /// Runs SQL in the schema of an address, and gives what it prints, without headings.
    pub(crate) fn sql(&self, url: &str, sql: &str) -> String {
        let schema = url.split("schema=").nth(1).unwrap().split('&').next().unwrap();
        let ended = Command::new(self.bin.join("psql"))
            .args(["--quiet", "--no-psqlrc", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1"])
            .arg(format!("--host={}", self.folder.display()))
            .args(["--port", &self.port.to_string(), "--username", ADMIN, "--dbname", "postgres"])
            .args(["--command", &format!("SET search_path = \"{schema}\""), "--command", sql])
            .output()
            .unwrap();
        assert!(ended.status.success(), "{sql}: {}", String::from_utf8_lossy(&ended.stderr));
        String::from_utf8(ended.stdout).unwrap().trim_end().to_owned()
    }

    /// The certificate of the authority that signed the server's.
    pub(crate) fn authority(&self) -> PathBuf {
        self.folder.join("authority.crt")
    }

    /// The certificate of an authority that signed nothing.
    pub(crate) fn stranger(&self) -> PathBuf {
        self.folder.join("stranger.crt")
    }
}

fn has_user(name: &str) -> bool {
    fs::read_to_string("/etc/passwd").is_ok_and(|users| users.lines().any(|user| user.starts_with(&format!("{name}:"))))
}

/// A certificate for `localhost`, signed by an authority of our own; and a stranger's.
fn write_certificates(folder: &Path) {
    let authority = |name: &str| {
        let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
    };
    let (ours, strange) = (authority("ours"), authority("a stranger"));
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec!["localhost".to_owned()]).unwrap().signed_by(&key, &ours).unwrap();
    for (name, text) in [
        ("authority.crt", ours.pem()),
        ("stranger.crt", strange.pem()),
        ("tls.crt", certificate.pem()),
        ("tls.key", key.serialize_pem()),
    ] {
        fs::write(folder.join(name), text).unwrap();
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
    }
}
