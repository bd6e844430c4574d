//! A visitor, with a browser as far as sessions go: it keeps cookies, sends forms and follows redirects.

use std::collections::BTreeMap;

use ureq::http::Response;
use ureq::{Agent, Body};

use super::server::Server;

/// One visitor. Like a browser, it sends its cookies to every port, and Secure ones to localhost over HTTP.
#[derive(Clone)]
pub(crate) struct Visitor {
    agent: Agent,
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
        let config = Agent::config_builder().max_redirects(0).http_status_as_error(false).proxy(None);
        Self { agent: config.build().new_agent(), cookies: BTreeMap::new() }
    }

    /// Opens a page and follows its redirects.
    pub(crate) fn get(&mut self, server: &Server, path: &str) -> Page {
        let request = self.agent.get(url(server, path)).header("cookie", self.cookie_header());
        let response = request.call().unwrap();
        self.arrive(server, response)
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

    pub(crate) fn cookies(&self) -> &BTreeMap<String, String> {
        &self.cookies
    }

    pub(crate) fn cookie_header(&self) -> String {
        self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
    }

    fn send(&self, server: &Server, path: &str, fields: &[(&str, &str)], site: &str) -> Response<Body> {
        let request = self.agent.post(url(server, path));
        let request = request.header("cookie", self.cookie_header()).header("sec-fetch-site", site);
        request.send_form(fields.iter().copied()).unwrap()
    }

    fn arrive(&mut self, server: &Server, response: Response<Body>) -> Page {
        for header in response.headers().get_all("set-cookie") {
            self.keep(header.to_str().unwrap());
        }
        if let Some(location) = response.headers().get("location") {
            assert_eq!(response.status(), 303);
            let path = location.to_str().unwrap().to_owned();
            return self.get(server, &path);
        }
        Page::read(response)
    }

    /// Keeps or removes a cookie, as its attributes say.
    fn keep(&mut self, header: &str) {
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
    fn read(mut response: Response<Body>) -> Self {
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

    #[track_caller]
    pub(crate) fn assert_says(&self, part: &str) {
        assert!(self.text.contains(part), "{part:?} is not in {}: {}", self.status, self.text);
    }

    #[track_caller]
    pub(crate) fn assert_silent_about(&self, part: &str) {
        assert!(!self.text.contains(part), "{part:?} is in {}: {}", self.status, self.text);
    }
}

fn url(server: &Server, path: &str) -> String {
    format!("http://127.0.0.1:{}{path}", server.port())
}
