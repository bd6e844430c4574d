//! A visitor, with a browser as far as sessions go: it keeps cookies, sends forms and follows redirects.

use std::collections::BTreeMap;

use ureq::http::Response;
use ureq::{Agent, Body};

use super::server::Server;

/// What everybody in the tests chooses.
pub(crate) const PASSWORD: &str = "correct horse battery staple";

/// One visitor. Like a browser, it sends its cookies to every port, and Secure ones to localhost over HTTP.
#[derive(Clone)]
pub(crate) struct Visitor {
    agent: Agent,
    browser: &'static str,
    address: Option<&'static str>,
    cookies: BTreeMap<String, String>,
}

/// What came back.
pub(crate) struct Page {
    pub(crate) status: u16,
    pub(crate) headers: ureq::http::HeaderMap,
    pub(crate) text: String,
}

impl Visitor {
    pub(crate) fn new() -> Self {
        Self::with_browser("Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0")
    }

    /// A visitor whose browser says this of itself.
    pub(crate) fn with_browser(browser: &'static str) -> Self {
        Self { agent: agent(), address: None, browser, cookies: BTreeMap::new() }
    }

    /// A visitor who says that a proxy saw this address.
    pub(crate) fn behind(self, address: &'static str) -> Self {
        Self { address: Some(address), ..self }
    }

    /// Opens a page and follows its redirects.
    pub(crate) fn get(&mut self, server: &Server, path: &str) -> Page {
        let response = self.ask(server, path);
        self.arrive(server, response)
    }

    /// Opens a page, keeps its cookies and stays where it says to go on.
    pub(crate) fn peek(&mut self, server: &Server, path: &str) -> Page {
        let response = self.ask(server, path);
        self.keep_all(&response);
        Page::read(response)
    }

    /// Sends a form as a page of the demo would, and follows the redirects.
    pub(crate) fn post(&mut self, server: &Server, path: &str, fields: &[(&str, &str)]) -> Page {
        let response = self.send(server, path, fields, "same-origin");
        self.arrive(server, response)
    }

    /// Sends a form from a page that is to the demo what `site` says, and keeps nothing of the answer.
    pub(crate) fn post_from(&self, site: &str, server: &Server, path: &str, fields: &[(&str, &str)]) -> Page {
        Page::read(self.send(server, path, fields, site))
    }

    /// Signs up with the address `name@example.com`.
    pub(crate) fn sign_up(&mut self, server: &Server, name: &str) -> Page {
        let email = format!("{name}@example.com");
        self.post(server, "/sign-up", &[("name", name), ("email", &email), ("password", PASSWORD)])
    }

    /// Signs in with that address; `more` is what else the form says.
    pub(crate) fn sign_in(&mut self, server: &Server, name: &str, more: &[(&str, &str)]) -> Page {
        let email = format!("{name}@example.com");
        let fields = [[("email", &*email), ("password", PASSWORD)].as_slice(), more].concat();
        self.post(server, "/sign-in", &fields)
    }

    /// Whose name the pages show, if anybody's.
    pub(crate) fn user(&mut self, server: &Server) -> Option<String> {
        let page = self.get(server, "/");
        assert_eq!(page.status, 200);
        let link = page.text.split_once("<a href=\"/profile\"")?.1;
        Some(link.split_once('>')?.1.split_once('<')?.0.to_owned())
    }

    pub(crate) fn cookies(&self) -> &BTreeMap<String, String> {
        &self.cookies
    }

    pub(crate) fn cookie_header(&self) -> String {
        self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
    }

    fn send(&self, server: &Server, path: &str, fields: &[(&str, &str)], site: &str) -> Response<Body> {
        let request = self.agent.post(url(server, path));
        let request = request.header("cookie", self.cookie_header()).header("sec-fetch-site", site);
        let request = request.header("accept", "text/html,*/*;q=0.8").header("user-agent", self.browser);
        let request = match self.address {
            Some(address) => request.header("x-forwarded-for", address),
            None => request,
        };
        request.send_form(fields.iter().copied()).unwrap()
    }

    fn ask(&self, server: &Server, path: &str) -> Response<Body> {
        let request = self.agent.get(url(server, path)).header("cookie", self.cookie_header());
        request.header("accept", "text/html,*/*;q=0.8").header("user-agent", self.browser).call().unwrap()
    }

    fn arrive(&mut self, server: &Server, response: Response<Body>) -> Page {
        self.keep_all(&response);
        if let Some(location) = response.headers().get("location") {
            assert_eq!(response.status(), 303);
            let path = location.to_str().unwrap().to_owned();
            return self.get(server, &path);
        }
        Page::read(response)
    }

    fn keep_all(&mut self, response: &Response<Body>) {
        for header in response.headers().get_all("set-cookie") {
            self.keep(header.to_str().unwrap());
        }
    }

    /// Keeps or removes a cookie, as its attributes say.
    pub(crate) fn keep(&mut self, header: &str) {
        let mut parts = header.split("; ");
        let (name, value) = parts.next().unwrap().split_once('=').unwrap();
        if parts.any(|attribute| attribute == "Max-Age=0") {
            self.cookies.remove(name);
        } else {
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
    }
}

impl Page {
    pub(crate) fn read(mut response: Response<Body>) -> Self {
        let text = response.body_mut().read_to_string().unwrap();
        Self { status: response.status().as_u16(), headers: response.headers().clone(), text }
    }

    /// The text of the element with this id, when it holds nothing but text.
    pub(crate) fn element(&self, id: &str) -> &str {
        let start = format!("id=\"{id}\"");
        let rest = self.text.split_once(&start).unwrap_or_else(|| panic!("no #{id} in {}", self.text)).1;
        let rest = rest.split_once('>').unwrap().1;
        rest.split_once('<').unwrap().0
    }

    /// How many things are on the hook.
    pub(crate) fn things(&self) -> usize {
        self.text.matches("class=\"thing\"").count()
    }

    /// The token of the first form.
    pub(crate) fn csrf_token(&self) -> String {
        let value = self.text.split_once("name=\"csrf_token\" value=\"").expect("a token").1;
        value.split_once('"').unwrap().0.to_owned()
    }

    /// The handles of all devices that are listed, this one's first.
    pub(crate) fn handles(&self) -> Vec<String> {
        let forms = self.text.split("action=\"/devices/").skip(1);
        let handles = forms.filter_map(|form| Some(form.split_once("/sign-out\"")?.0.to_owned()));
        handles.filter(|handle| !handle.contains('"')).collect()
    }

    #[track_caller]
    pub(crate) fn assert_says(&self, part: &str) {
        assert!(self.text.contains(part), "{part:?} is not in {}: {}", self.status, self.text);
    }

    #[track_caller]
    pub(crate) fn assert_silent_about(&self, part: &str) {
        assert!(!self.text.contains(part), "{part:?} is in {}: {}", self.status, self.text);
    }
}

/// Keeps no cookies and follows nothing by itself.
pub(crate) fn agent() -> Agent {
    Agent::config_builder().max_redirects(0).http_status_as_error(false).proxy(None).build().new_agent()
}

pub(crate) fn url(server: &Server, path: &str) -> String {
    format!("http://127.0.0.1:{}{path}", server.port())
}
