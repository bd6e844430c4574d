//! Chromium, driven through chromedriver by a few calls of [W3C's protocol](https://www.w3.org/TR/webdriver2/).

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _, stdout};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;
use ureq::Agent;

/// The member that holds an element's reference, fixed by the standard.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// One window of one browser with an empty profile. Everything ends when it goes out of scope.
pub(crate) struct Chromium {
    driver: Child,
    agent: Agent,
    session: String,
    profile: TempDir,
}

impl Chromium {
    pub(crate) fn start() -> Self {
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect(
                "chromedriver is missing: run `scripts/test`, or apt-get install chromium chromium-driver",
            );
        let output = BufReader::new(driver.stdout.take().unwrap());
        let line =
            output.lines().map(Result::unwrap).find(|line| line.contains("started successfully on port"));
        let port = line.unwrap().trim_end_matches('.').rsplit(' ').next().unwrap().to_owned();
        let config = Agent::config_builder().http_status_as_error(false).proxy(None);
        let mut chromium = Self {
            driver,
            agent: config.build().new_agent(),
            session: format!("http://127.0.0.1:{port}/session"),
            profile: tempfile::tempdir().unwrap(),
        };
        chromium.begin();
        chromium
    }

    fn begin(&mut self) {
        let folder = format!("--user-data-dir={}", self.profile.path().display());
        let arguments = [
            "--headless",
            // Root may not use the sandbox, and the pages are our own.
            "--no-sandbox",
            "--disable-dev-shm-usage",
            "--disable-gpu",
            "--disable-quic",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--no-first-run",
            "--no-proxy-server",
            "--hide-scrollbars",
            "--window-size=1280,900",
            &folder,
        ];
        let capabilities = json!({ "capabilities": { "alwaysMatch": {
            "goog:chromeOptions": { "args": arguments },
            // An element that is not there yet is looked for again, at most this long.
            "timeouts": { "implicit": 10_000 },
        } } });
        let begun = self.call("", capabilities);
        let id = begun["sessionId"].as_str().unwrap().to_owned();
        self.session = format!("{}/{id}", self.session);
    }

    pub(crate) fn open(&self, url: &str) {
        self.call("/url", json!({ "url": url }));
    }

    pub(crate) fn reload(&self) {
        self.call("/refresh", json!({}));
    }

    /// Presses the *back* button.
    pub(crate) fn back(&self) {
        self.call("/back", json!({}));
    }

    pub(crate) fn click(&self, css: &str) {
        let element = self.element(css);
        self.call(&format!("/element/{element}/click"), json!({}));
    }

    /// Puts `text` into a field, in the place of what was there.
    pub(crate) fn fill(&self, css: &str, text: &str) {
        let element = self.element(css);
        self.call(&format!("/element/{element}/clear"), json!({}));
        self.call(&format!("/element/{element}/value"), json!({ "text": text }));
    }

    /// Presses keys where the focus is, or sends them to the page.
    pub(crate) fn press(&self, key: char) {
        let actions = json!([
            { "type": "keyDown", "value": key.to_string() },
            { "type": "keyUp", "value": key.to_string() },
        ]);
        self.call(
            "/actions",
            json!({ "actions": [{ "type": "key", "id": "keyboard", "actions": actions }] }),
        );
    }

    /// Waits until there is such an element.
    pub(crate) fn wait_for(&self, css: &str) {
        self.element(css);
    }

    /// The text of an element as a reader sees it.
    pub(crate) fn text(&self, css: &str) -> String {
        self.read(&format!("/element/{}/text", self.element(css)))
    }

    /// The texts of all such elements that are there now.
    pub(crate) fn texts(&self, css: &str) -> Vec<String> {
        let found = self.call("/elements", json!({ "using": "css selector", "value": css }));
        let elements = found.as_array().unwrap().iter().map(|element| element[ELEMENT].as_str().unwrap());
        elements.map(|element| self.read(&format!("/element/{element}/text"))).collect()
    }

    /// The current value of a field.
    pub(crate) fn value(&self, css: &str) -> String {
        self.read(&format!("/element/{}/property/value", self.element(css)))
    }

    /// The text of the element that has the focus.
    pub(crate) fn focused(&self) -> String {
        let active = self.get("/element/active");
        let element = active[ELEMENT].as_str().unwrap().to_owned();
        self.read(&format!("/element/{element}/text"))
    }

    /// What the address bar shows.
    pub(crate) fn url(&self) -> String {
        self.read("/url")
    }

    /// All cookies that the browser keeps for the page.
    pub(crate) fn cookies(&self) -> Vec<Value> {
        self.get("/cookie").as_array().unwrap().clone()
    }

    /// Shows pages as on a device of this width, in the scheme that its owner likes.
    pub(crate) fn emulate(&self, width: u32, scheme: &str) {
        let device = json!({ "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600 });
        self.devtools("Emulation.setDeviceMetricsOverride", device);
        let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.devtools("Emulation.setEmulatedMedia", features);
    }

    /// How much wider than the window the page is, in pixels.
    pub(crate) fn overflow(&self) -> i64 {
        let script = "return document.documentElement.scrollWidth - document.documentElement.clientWidth";
        self.call("/execute/sync", json!({ "script": script, "args": [] })).as_i64().unwrap()
    }

    /// What the page does wrong for people who do not see it, or do not see it well.
    pub(crate) fn accessibility_faults(&self) -> Vec<String> {
        let script = include_str!("accessibility.js");
        let faults = self.call("/execute/sync", json!({ "script": script, "args": [] }));
        faults.as_array().unwrap().iter().map(|fault| fault.as_str().unwrap().to_owned()).collect()
    }

    /// Photographs the whole page into the target folder, and gives the path.
    pub(crate) fn photograph(&self, name: &str) -> PathBuf {
        let options = json!({ "format": "png", "captureBeyondViewport": true });
        let photograph = self.devtools("Page.captureScreenshot", options);
        let bytes = decoded(photograph["data"].as_str().unwrap());
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join(format!("demo-{name}.png"));
        fs::write(&path, bytes).unwrap();
        // Not with `println!`, which is hidden when a test succeeds.
        stdout().write_all(format!("photograph: {}\n", path.display()).as_bytes()).unwrap();
        path
    }

    fn element(&self, css: &str) -> String {
        let found = self.call("/element", json!({ "using": "css selector", "value": css }));
        found[ELEMENT].as_str().unwrap().to_owned()
    }

    fn devtools(&self, command: &str, parameters: Value) -> Value {
        self.call("/goog/cdp/execute", json!({ "cmd": command, "params": parameters }))
    }

    fn read(&self, path: &str) -> String {
        self.get(path).as_str().unwrap().to_owned()
    }

    fn get(&self, path: &str) -> Value {
        let mut response = self.agent.get(format!("{}{path}", self.session)).call().unwrap();
        value(path, &response.body_mut().read_to_string().unwrap())
    }

    #[track_caller]
    fn call(&self, path: &str, body: Value) -> Value {
        let request = self.agent.post(format!("{}{path}", self.session)).content_type("application/json");
        let mut response = request.send(body.to_string()).unwrap();
        let text = response.body_mut().with_config().limit(64 << 20).read_to_string().unwrap();
        value(path, &text)
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        // Closes the browser too; the driver alone would leave it running.
        let _ = self.agent.delete(&self.session).call();
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

#[track_caller]
fn value(call: &str, text: &str) -> Value {
    let answer: Value = serde_json::from_str(text).unwrap();
    let value = answer["value"].clone();
    assert!(value["error"].is_null(), "{call}: {} {}", value["error"], value["message"]);
    value
}

fn decoded(base64: &str) -> Vec<u8> {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.decode(base64).unwrap()
}
