//! A program that calls the application: it keeps the cookie and asks for no pages.

use ureq::Agent;

use super::server::Server;
use super::visitor::{Page, agent, url};

#[derive(Clone)]
pub(crate) struct Program {
    agent: Agent,
    /// The `Cookie` header that it sends.
    pub(crate) cookie: Option<String>,
}

impl Program {
    pub(crate) fn new() -> Self {
        Self { agent: agent(), cookie: None }
    }

    pub(crate) fn get(&mut self, server: &Server, path: &str) -> Page {
        self.get_with(server, path, &[])
    }

    pub(crate) fn get_with(&mut self, server: &Server, path: &str, headers: &[(&str, &str)]) -> Page {
        let request = self.agent.get(url(server, path)).header("accept", "*/*");
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        Page::read(request.header("cookie", self.cookie.as_deref().unwrap_or_default()).call().unwrap())
    }

    /// Sends a body of this kind, from nowhere else than from here.
    pub(crate) fn post(&mut self, server: &Server, path: &str, kind: &str, body: &str) -> Page {
        let origin = format!("http://127.0.0.1:{}", server.port());
        self.post_with(server, path, kind, body, &[("origin", &origin)])
    }

    /// Sends a body with these headers and no others that say where it is from.
    pub(crate) fn post_with(
        &mut self,
        server: &Server,
        path: &str,
        kind: &str,
        body: &str,
        headers: &[(&str, &str)],
    ) -> Page {
        let mut request = self.agent.post(url(server, path)).header("accept", "*/*");
        if !kind.is_empty() {
            request = request.header("content-type", kind);
        }
        if let Some(cookie) = &self.cookie {
            request = request.header("cookie", cookie);
        }
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let page =
            Page::read(if body.is_empty() { request.send_empty() } else { request.send(body) }.unwrap());
        for cookie in page.headers.get_all("set-cookie") {
            let cookie = cookie.to_str().unwrap();
            let (pair, attributes) = cookie.split_once(';').unwrap();
            self.cookie = (!attributes.contains("Max-Age=0")).then(|| pair.to_owned());
        }
        page
    }
}
