//! Smoke checks: read-only requests to what runs, in order, the first failure ends.
//!
//! Who cannot be reached may still be starting, and is tried three times, a second apart. Who answers, and not as it
//! should, has had its say.

mod request;

use std::time::{Duration, Instant};

use crate::config::{SmokeCheck, without_password};
use crate::model::RetryPolicy;
use request::{Client, Reply};

/// How often, and how far apart, it is tried again to reach somebody.
const REACH: RetryPolicy = RetryPolicy::fixed(2, Duration::from_secs(1));

/// Whether an end was asked for is looked at so often.
const GLANCE: Duration = Duration::from_millis(50);

/// What came of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// What was asked for, without its password.
    pub url: String,
    /// Was the answer the one that must come?
    pub ok: bool,
    /// The status of the answer, where one came.
    pub status: Option<u16>,
    /// From the first try to the end of the last.
    pub took: Duration,
    /// How often it was tried.
    pub tries: u32,
    /// What came, in words that go on after the address: "answers 503 in place of 200".
    pub why: String,
}

/// Asks for one after the other, and tells of each as it is known. The first failure ends, and so does an interrupt: the
/// check under way then counts as failed.
pub fn run(checks: &[SmokeCheck], interrupted: &dyn Fn() -> bool, tell: &mut dyn FnMut(&Answered)) -> Vec<Answered> {
    run_as(&Client::default(), checks, interrupted, tell)
}

fn run_as(
    client: &Client,
    checks: &[SmokeCheck],
    interrupted: &dyn Fn() -> bool,
    tell: &mut dyn FnMut(&Answered),
) -> Vec<Answered> {
    let mut all = Vec::new();
    for check in checks {
        let since = Instant::now();
        let pause = |delay| wait(delay, interrupted);
        let (reply, tries) = insist(&REACH, || client.ask(check, interrupted), pause);
        let (ok, status, why) = match reply {
            Reply::Good { status, why } => (true, Some(status), why),
            Reply::Wrong { status, why } => (false, status, why),
            Reply::Unreachable(why) => (false, None, format!("{why} ({tries} tries)")),
            Reply::Interrupted => (false, None, "was not waited for: an end was asked for".to_owned()),
        };
        let answered = Answered { url: without_password(&check.url), ok, status, took: since.elapsed(), tries, why };
        tell(&answered);
        all.push(answered);
        if !ok {
            break;
        }
    }
    all
}

/// Asks until somebody is reached, at most as often as the policy says. Gives the last reply, and how often it was
/// asked. `pause` says whether to go on.
fn insist(
    policy: &RetryPolicy,
    mut ask: impl FnMut() -> Reply,
    mut pause: impl FnMut(Duration) -> bool,
) -> (Reply, u32) {
    let mut tries = 1;
    loop {
        let reply = ask();
        let Some(delay) = policy.delay_before(tries, 0.0).filter(|_| matches!(reply, Reply::Unreachable(_))) else {
            return (reply, tries);
        };
        if !pause(delay) {
            return (Reply::Interrupted, tries);
        }
        tries += 1;
    }
}

/// Waits; says whether nobody asked for an end meanwhile.
fn wait(delay: Duration, interrupted: &dyn Fn() -> bool) -> bool {
    let until = Instant::now() + delay;
    while !interrupted() {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return true;
        }
        std::thread::sleep(left.min(GLANCE));
    }
    false
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Read, Write};
    use std::net::{TcpListener, TcpStream};
    use std::process::Command;
    use std::sync::{Arc, Mutex};
    use std::thread;

    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
    use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
    use rustls::{ServerConfig, ServerConnection, StreamOwned};
    use ureq::tls::Certificate;

    use super::*;

    /// A server on this machine, and all that it was asked.
    struct Server {
        port: u16,
        asked: Arc<Mutex<Vec<String>>>,
    }

    impl Server {
        /// Reads what it is asked, then does this on the connection.
        fn that(does: impl Fn(TcpStream) + Send + 'static) -> Self {
            Self::on(TcpListener::bind("127.0.0.1:0").unwrap(), does)
        }

        fn on(listener: TcpListener, does: impl Fn(TcpStream) + Send + 'static) -> Self {
            let server = Self { port: listener.local_addr().unwrap().port(), asked: Arc::default() };
            let asked = Arc::clone(&server.asked);
            thread::spawn(move || {
                for stream in listener.incoming().map_while(Result::ok) {
                    let head =
                        BufReader::new(&stream).lines().map_while(Result::ok).take_while(|line| !line.is_empty());
                    let head: Vec<String> = head.collect();
                    asked.lock().unwrap().push(head.join("\n"));
                    does(stream);
                }
            });
            server
        }

        fn that_says(answer: impl Into<Vec<u8>>) -> Self {
            let answer = answer.into();
            Self::that(move |mut stream| drop(stream.write_all(&answer)))
        }

        fn url(&self) -> String {
            format!("http://127.0.0.1:{}/health", self.port)
        }

        fn check(&self) -> SmokeCheck {
            SmokeCheck { url: self.url(), ..SmokeCheck::default() }
        }

        fn asked(&self) -> Vec<String> {
            self.asked.lock().unwrap().clone()
        }
    }

    fn with_body(body: &str) -> Vec<u8> {
        format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
    }

    fn ask(check: &SmokeCheck) -> Reply {
        Client::default().ask(check, &|| false)
    }

    fn containing(check: SmokeCheck, text: &str) -> SmokeCheck {
        SmokeCheck { contains: Some(text.to_owned()), ..check }
    }

    /// Too short to wait for, too long for a busy machine to miss an answer that is there.
    fn impatient(check: SmokeCheck) -> SmokeCheck {
        SmokeCheck { timeout: Some(Duration::from_secs(2)), ..check }
    }

    fn good(why: &str) -> Reply {
        Reply::Good { status: 200, why: why.to_owned() }
    }

    fn wrong(status: impl Into<Option<u16>>, why: &str) -> Reply {
        Reply::Wrong { status: status.into(), why: why.to_owned() }
    }

    /// Holds connections open without a word.
    fn silent() -> impl Fn(TcpStream) + Send + 'static {
        let held = Mutex::new(Vec::new());
        move |stream| held.lock().unwrap().push(stream)
    }

    fn endless(head: &'static str, piece: &'static [u8], pause: Duration) -> impl Fn(TcpStream) + Send + 'static {
        move |mut stream| {
            let mut sent = stream.write_all(head.as_bytes());
            while sent.is_ok() {
                thread::sleep(pause);
                sent = stream.write_all(piece);
            }
        }
    }

    #[test]
    fn the_status_and_the_text_decide() {
        let server = Server::that_says(with_body("all is ok here"));
        assert_eq!(ask(&server.check()), good("answers 200"));
        assert_eq!(ask(&containing(server.check(), "is ok")), good("answers 200 with `is ok`"));
        let why = "answers 200 without `OK` in the first 64 KiB";
        assert_eq!(ask(&containing(server.check(), "OK")), wrong(200, why));
        let created = SmokeCheck { status: 201, ..server.check() };
        assert_eq!(ask(&created), wrong(200, "answers 200 in place of 201"));
        let down = Server::that_says("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 2\r\n\r\nok");
        let reply = ask(&containing(down.check(), "ok"));
        assert_eq!(reply, wrong(503, "answers 503 in place of 200"));
        let wanted = SmokeCheck { status: 503, ..down.check() };
        assert_eq!(ask(&wanted), Reply::Good { status: 503, why: "answers 503".to_owned() });
        let request = server.asked().remove(0).to_lowercase();
        assert!(request.starts_with("get /health http/1.1\n"), "{request}");
        assert!(request.contains("accept-encoding: identity"), "{request}");
    }

    #[test]
    fn a_redirect_is_not_followed() {
        let server = Server::that_says("HTTP/1.1 302 Found\r\nLocation: /login\r\nContent-Length: 0\r\n\r\n");
        let why = "answers 302 in place of 200; redirects are not followed";
        assert_eq!(ask(&server.check()), wrong(302, why));
        assert_eq!(server.asked().len(), 1);
    }

    #[test]
    fn only_the_first_64_kib_are_searched() {
        let reaching_to = |end: usize| format!("{}ok", "x".repeat(end - 2));
        for (end, found) in [(64 * 1024, true), (64 * 1024 + 1, false)] {
            let body = reaching_to(end);
            let chunked = body
                .as_bytes()
                .chunks(1000)
                .map(|chunk| format!("{:x}\r\n{}\r\n", chunk.len(), std::str::from_utf8(chunk).unwrap()));
            let chunked = format!(
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{}0\r\n\r\n",
                chunked.collect::<String>()
            );
            for answer in [with_body(&body), chunked.into_bytes()] {
                let reply = ask(&containing(Server::that_says(answer).check(), "ok"));
                assert_eq!(matches!(reply, Reply::Good { .. }), found, "{end}: {reply:?}");
            }
        }
    }

    #[test]
    fn an_answer_without_end_is_read_as_far_as_it_is_searched() {
        let server = Server::that(endless("HTTP/1.1 200 OK\r\n\r\nok", &[b'x'; 4096], Duration::ZERO));
        assert_eq!(ask(&containing(server.check(), "ok")), good("answers 200 with `ok`"));
        let why = "answers 200 without `y` in the first 64 KiB";
        assert_eq!(ask(&containing(server.check(), "y")), wrong(200, why));
    }

    #[test]
    fn a_compressed_answer_nobody_asked_for_is_named() {
        let answer = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\n\x1f\x0b\x08";
        let why = "answers 200 without `ok` in the first 64 KiB, which came as gzip, though that was not asked for";
        assert_eq!(ask(&containing(Server::that_says(answer).check(), "ok")), wrong(200, why));
    }

    #[test]
    fn whoever_is_there_and_too_slow_has_failed() {
        let drop_by_drop = Duration::from_millis(20);
        let slow = |server: Server, reply: Reply| (impatient(server.check()), reply);
        let all = [
            slow(Server::that(silent()), wrong(None, "does not answer within 2s")),
            slow(
                Server::that(endless("HTTP/1.1 200 OK\r\n", b"X-More: x\r\n", drop_by_drop)),
                wrong(None, "does not answer within 2s"),
            ),
            slow(
                Server::that(endless("HTTP/1.1 200 OK\r\n\r\n", b"ok", drop_by_drop)),
                wrong(200, "answers 200, but comes to no end within 2s"),
            ),
        ];
        thread::scope(|scope| {
            for (check, reply) in &all {
                scope.spawn(move || assert_eq!(ask(check), *reply));
            }
        });
    }

    #[test]
    fn what_is_no_whole_answer_has_failed() {
        let torn = Server::that_says("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nok");
        let Reply::Wrong { status: Some(200), why } = ask(&torn.check()) else { panic!("{:?}", ask(&torn.check())) };
        assert!(why.starts_with("answers 200, but breaks off: "), "{why}");
        let other = Server::that_says("220 mail.example ESMTP\r\n");
        let Reply::Wrong { status: None, why } = ask(&other.check()) else { panic!("{:?}", ask(&other.check())) };
        assert!(why.starts_with("answers something that is not HTTP: "), "{why}");
        for url in ["127.0.0.1/health", "ftp://127.0.0.1/", "http://a b/", "/health", ""] {
            let check = SmokeCheck { url: url.to_owned(), ..SmokeCheck::default() };
            assert_eq!(ask(&check), wrong(None, "cannot be asked: that is no http or https address"), "{url}");
        }
    }

    fn closed_port() -> u16 {
        TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
    }

    #[test]
    fn whoever_is_not_there_is_tried_three_times() {
        let check = SmokeCheck { url: format!("http://127.0.0.1:{}", closed_port()), ..SmokeCheck::default() };
        let mut pauses = Vec::new();
        let (reply, tries) = insist(
            &REACH,
            || ask(&check),
            |delay| {
                pauses.push(delay);
                true
            },
        );
        let Reply::Unreachable(why) = reply else { panic!("{reply:?}") };
        assert!(why.starts_with("cannot be reached: ") && why.contains("refused"), "{why}");
        assert_eq!((tries, pauses), (3, vec![Duration::from_secs(1); 2]));
        let rude = Server::that(drop);
        let (reply, tries) = insist(&REACH, || ask(&rude.check()), |_| true);
        assert_eq!(reply, Reply::Unreachable("closes the connection without an answer".to_owned()));
        assert_eq!((tries, rude.asked().len()), (3, 3));
        let nowhere = SmokeCheck { url: "http://no-such-host.invalid/".to_owned(), ..SmokeCheck::default() };
        assert!(matches!(ask(&nowhere), Reply::Unreachable(_)), "{:?}", ask(&nowhere));
    }

    #[test]
    fn a_server_that_is_still_starting_is_waited_for() {
        let port = closed_port();
        let check = SmokeCheck { url: format!("http://127.0.0.1:{port}"), ..SmokeCheck::default() };
        let mut started = None;
        let (reply, tries) = insist(
            &REACH,
            || ask(&check),
            |_| {
                let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
                started = Some(Server::on(listener, |mut stream| drop(stream.write_all(&with_body("ok")))));
                true
            },
        );
        assert_eq!((reply, tries), (good("answers 200"), 2));
    }

    #[test]
    fn whoever_answers_is_asked_once() {
        for reply in [good("x"), wrong(500, "x"), Reply::Interrupted] {
            let told = insist(&REACH, || reply.clone(), |_| panic!("nobody waits"));
            assert_eq!(told, (reply.clone(), 1));
        }
        assert_eq!(insist(&REACH, || Reply::Unreachable(String::new()), |_| false), (Reply::Interrupted, 1));
    }

    /// Would wait for ever otherwise.
    #[test]
    fn an_interrupt_ends_requests_and_pauses() {
        let server = Server::that(silent());
        let check = SmokeCheck { timeout: None, ..server.check() };
        let mut told = Vec::new();
        let all = run(&[check.clone(), check], &|| !server.asked().is_empty(), &mut |one| told.push(one.clone()));
        assert_eq!(told, all);
        let [one] = &all[..] else { panic!("{all:?}") };
        assert_eq!((one.ok, one.tries), (false, 1));
        assert_eq!(one.why, "was not waited for: an end was asked for");
        assert!(!wait(Duration::from_secs(3600), &|| true));
    }

    #[test]
    fn they_are_asked_in_order_and_the_first_failure_ends() {
        let (fine, down) = (Server::that_says(with_body("ok")), Server::that_says("HTTP/1.1 500 No\r\n\r\n"));
        let secret = fine.url().replace("//", "//ci:s3cret@");
        let checks = [SmokeCheck { url: secret, ..fine.check() }, down.check(), fine.check()];
        let mut told = Vec::new();
        let all = run(&checks, &|| false, &mut |one| told.push(one.clone()));
        assert_eq!(told, all);
        let said: Vec<_> = all.iter().map(|one| (one.url.clone(), one.ok, one.status, one.tries, &*one.why)).collect();
        let shown = fine.url().replace("//", "//ci:***@");
        assert_eq!(
            said,
            [
                (shown, true, Some(200), 1, "answers 200"),
                (down.url(), false, Some(500), 1, "answers 500 in place of 200"),
            ]
        );
        let asked = fine.asked();
        assert_eq!(asked.len(), 1);
        assert!(asked[0].to_lowercase().contains("authorization: basic "), "{asked:?}");
    }

    #[test]
    fn addresses_of_version_6_are_asked() {
        let listener = TcpListener::bind("[::1]:0").unwrap();
        let server = Server::on(listener, |mut stream| drop(stream.write_all(&with_body("ok"))));
        let check = SmokeCheck { url: format!("http://[::1]:{}/", server.port), ..SmokeCheck::default() };
        assert_eq!(ask(&check), good("answers 200"));
    }

    /// An authority of certificates, made for a test.
    fn authority(name: &str) -> CertifiedIssuer<'static, KeyPair> {
        let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
    }

    fn certificate(authority: &CertifiedIssuer<'static, KeyPair>) -> Certificate<'static> {
        Certificate::from_der(authority.der()).to_owned()
    }

    /// Answers `ok` by TLS, with a certificate of this authority; gives its address.
    fn tls_server(authority: &CertifiedIssuer<'static, KeyPair>, name: &str, last_year: i32) -> String {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        params.not_after = rcgen::date_time_ymd(last_year, 1, 1);
        let certificate = params.signed_by(&key, authority).unwrap();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        let config = Arc::new(config);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("https://127.0.0.1:{}/", listener.local_addr().unwrap().port());
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
                let mut stream = StreamOwned::new(connection, stream);
                // Who does not trust it hangs up.
                if stream.read(&mut [0; 1024]).is_ok() {
                    let _ = stream.write_all(&with_body("ok")).and_then(|()| stream.flush());
                    stream.conn.send_close_notify();
                    let _ = stream.flush();
                }
            }
        });
        url
    }

    #[test]
    fn tls_is_spoken_with_whom_the_authorities_vouch_for() {
        let (ours, theirs) = (authority("ours"), authority("theirs"));
        let ask = |trusted: &CertifiedIssuer<'static, KeyPair>, url: String| {
            let check = SmokeCheck { url, contains: Some("ok".to_owned()), ..SmokeCheck::default() };
            Client::trusting(&[certificate(trusted)]).ask(&check, &|| false)
        };
        assert_eq!(ask(&ours, tls_server(&ours, "127.0.0.1", 2100)), good("answers 200 with `ok`"));
        let unknown = "has a certificate of an authority that the system does not trust; `SSL_CERT_FILE` names others";
        assert_eq!(ask(&theirs, tls_server(&ours, "127.0.0.1", 2100)), wrong(None, unknown));
        let expired = "has a certificate that has expired";
        assert_eq!(ask(&ours, tls_server(&ours, "127.0.0.1", 2020)), wrong(None, expired));
        let other = "has a certificate of another name";
        assert_eq!(ask(&ours, tls_server(&ours, "elsewhere.example", 2100)), wrong(None, other));
    }

    #[test]
    fn whoever_speaks_no_tls_where_it_is_asked_for_has_failed() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("https://127.0.0.1:{}/", listener.local_addr().unwrap().port());
        thread::spawn(move || {
            let mut stream = listener.accept().unwrap().0;
            let _ = stream.read(&mut [0; 1024]);
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        });
        let check = SmokeCheck { url, ..SmokeCheck::default() };
        let reply = Client::trusting(&[certificate(&authority("ours"))]).ask(&check, &|| false);
        let Reply::Wrong { status: None, why } = reply else { panic!("{reply:?}") };
        assert!(why.starts_with("speaks no TLS with us: "), "{why}");
    }

    /// In a process of its own, since its environment is what matters: this very test is called again in it.
    #[test]
    fn the_environment_names_authorities_and_no_proxy() {
        const URL: &str = "SMOKE_TEST_URL";
        if let Ok(url) = std::env::var(URL) {
            let check = SmokeCheck { url, ..SmokeCheck::default() };
            writeln!(std::io::stdout(), "\nreply: {:?}", ask(&check)).unwrap();
            return;
        }
        let authority = authority("ours");
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("authority.pem");
        std::fs::write(&file, authority.pem()).unwrap();
        let proxy = Server::that_says("HTTP/1.1 502 Proxy\r\n\r\n");
        let plain = Server::that_says(with_body("ok"));
        let asked = |url: &str, certificates: Option<&std::path::Path>| {
            let me = "pipeline::smoke::tests::the_environment_names_authorities_and_no_proxy";
            let mut command = Command::new(std::env::current_exe().unwrap());
            command.args(["--exact", me, "--nocapture", "--test-threads=1"]).env(URL, url);
            for name in ["http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"] {
                command.env(name, proxy.url());
            }
            command
                .env_remove("SSL_CERT_DIR")
                .env_remove("SSL_CERT_FILE")
                .env_remove("NO_PROXY")
                .env_remove("no_proxy");
            command.envs(certificates.map(|file| ("SSL_CERT_FILE", file)));
            let said = String::from_utf8(command.output().unwrap().stdout).unwrap();
            let line = said.lines().find_map(|line| line.strip_prefix("reply: "));
            line.unwrap_or_else(|| panic!("{said}")).to_owned()
        };
        let secure = tls_server(&authority, "127.0.0.1", 2100);
        let good = format!("{:?}", good("answers 200"));
        assert_eq!(asked(&plain.url(), None), good);
        assert_eq!(asked(&secure, Some(&file)), good);
        let missing = asked(&secure, Some(&dir.path().join("missing.pem")));
        assert!(
            missing.contains("cannot be asked: the certificates that the system trusts cannot be read: "),
            "{missing}"
        );
        assert_eq!(proxy.asked(), Vec::<String>::new());
    }
}
