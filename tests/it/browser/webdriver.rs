//! A browser, driven over the few commands of WebDriver that the tests need.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// The driver's name; `CHROMEDRIVER` names another.
const DRIVER: &str = "chromedriver";

/// A page that takes longer than this does not come.
const LONGEST_LOAD: Duration = Duration::from_secs(60);

/// Keys, as WebDriver writes them.
pub(crate) mod keys {
    pub(crate) const TAB: char = '\u{e004}';
    pub(crate) const ENTER: char = '\u{e007}';
    pub(crate) const HOME: char = '\u{e011}';
    pub(crate) const LEFT: char = '\u{e012}';
    pub(crate) const DOWN: char = '\u{e015}';
}

/// The schemes that a reader's system may prefer.
pub(crate) const SCHEMES: [&str; 2] = ["light", "dark"];

/// A headless Chromium with a profile of its own. It ends with the test.
pub(crate) struct Browser {
    agent: ureq::Agent,
    driver: Child,
    session: String,
    _profile: tempfile::TempDir,
}

impl Browser {
    pub(crate) fn start() -> Self {
        let program = std::env::var("CHROMEDRIVER").unwrap_or_else(|_| DRIVER.to_owned());
        let mut driver = Command::new(&program)
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("{program} does not start: {error}"));
        let port = port(&mut driver);
        let profile = tempfile::tempdir().unwrap();
        // A container has no user namespaces for the sandbox; the pages are our own.
        let arguments =
            ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"];
        let mut arguments: Vec<String> = arguments.map(str::to_owned).to_vec();
        arguments.push(format!("--user-data-dir={}", profile.path().display()));
        let agent = ureq::Agent::config_builder().http_status_as_error(false).proxy(None).build().into();
        let mut browser =
            Self { agent, driver, session: format!("http://127.0.0.1:{port}/session"), _profile: profile };
        let wanted = json!({
            "goog:chromeOptions": {"args": arguments},
            "goog:loggingPrefs": {"browser": "ALL"},
        });
        let session = browser.post("", &json!({"capabilities": {"alwaysMatch": wanted}}));
        browser.session = format!("{}/{}", browser.session, session["sessionId"].as_str().unwrap());
        // Nobody looks at a headless window, and a window that nobody looks at tells of no focus.
        browser.devtools("Emulation.setFocusEmulationEnabled", &json!({"enabled": true}));
        browser
    }

    /// Goes to a file.
    pub(crate) fn open(&self, page: &Path) {
        self.leave("/url", &json!({"url": format!("file://{}", page.display())}));
    }

    pub(crate) fn reload(&self) {
        self.leave("/refresh", &json!({}));
    }

    /// Leaves the page that is shown. On a busy machine the driver says that the next one is there while scripts still
    /// meet the old one, which is known by a mark.
    fn leave(&self, path: &str, body: &Value) {
        self.script("window.isLeft = true");
        self.post(path, body);
        let until = Instant::now() + LONGEST_LOAD;
        while self.script("return !window.isLeft && document.readyState === 'complete'") != true {
            assert!(Instant::now() < until, "{body} is not there");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// What a script returns.
    pub(crate) fn script(&self, script: &str) -> Value {
        self.post("/execute/sync", &json!({"script": script, "args": []}))
    }

    /// What a script hands to its last argument, sooner or later.
    pub(crate) fn script_later(&self, script: &str) -> Value {
        self.post("/execute/async", &json!({"script": script, "args": []}))
    }

    /// Clicks the first element that this selects.
    pub(crate) fn click(&self, selector: &str) {
        self.script(&format!("document.querySelector({}).scrollIntoView({{block: 'center'}})", json!(selector)));
        self.post(&format!("{}/click", self.element(selector)), &json!({}));
    }

    /// Types into the first element that this selects.
    pub(crate) fn type_into(&self, selector: &str, text: &str) {
        self.post(&format!("{}/value", self.element(selector)), &json!({"text": text}));
    }

    fn element(&self, selector: &str) -> String {
        let found = self.post("/element", &json!({"using": "css selector", "value": selector}));
        let id = found.as_object().and_then(|found| found.values().next()).and_then(Value::as_str);
        format!("/element/{}", id.unwrap_or_else(|| panic!("{selector}: {found}")))
    }

    /// Presses keys, one after the other, wherever the focus is.
    pub(crate) fn press(&self, keys: impl IntoIterator<Item = char>) {
        let strokes: Vec<Value> = keys
            .into_iter()
            .flat_map(|key| ["keyDown", "keyUp"].map(|what| json!({"type": what, "value": key})))
            .collect();
        let keyboard = json!({"type": "key", "id": "keyboard", "actions": strokes});
        self.post("/actions", &json!({"actions": [keyboard]}));
    }

    /// As wide as this, and no phone's magic.
    pub(crate) fn resize(&self, width: u32, height: u32) {
        let size = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        self.devtools("Emulation.setDeviceMetricsOverride", &size);
    }

    /// As if the reader's system preferred this scheme.
    pub(crate) fn prefer(&self, scheme: &str) {
        let features = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        self.devtools("Emulation.setEmulatedMedia", &features);
    }

    fn devtools(&self, command: &str, parameters: &Value) {
        self.post("/goog/cdp/execute", &json!({"cmd": command, "params": parameters}));
    }

    /// What the console holds since it was last asked: errors, violations of the page's policy, and the like.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let log = self.post("/se/log", &json!({"type": "browser"}));
        log.as_array().unwrap().iter().map(|entry| entry["message"].as_str().unwrap().to_owned()).collect()
    }

    fn post(&self, path: &str, body: &Value) -> Value {
        let mut answer = self.agent.post(format!("{}{path}", self.session)).send(body.to_string()).unwrap();
        let text = answer.body_mut().read_to_string().unwrap();
        let mut answer: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}: {text}"));
        assert!(answer["value"]["error"].is_null(), "{path}: {}", answer["value"]);
        answer["value"].take()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The browser is the driver's child: it ends when its session does.
        let _ = self.agent.delete(&self.session).call();
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

/// The driver says on one of its first lines where it listens.
fn port(driver: &mut Child) -> u16 {
    let lines = BufReader::new(driver.stdout.take().unwrap()).lines().map_while(Result::ok);
    lines
        .filter_map(|line| line.split_once("started successfully on port ")?.1.trim_end_matches('.').parse().ok())
        .next()
        .expect("the driver says its port")
}
