//! What a browser does with `Set-Cookie`.

use std::time::Duration;

use cloakroom_core::Timestamp;

use crate::outcome::{Checked, Failure, ensure, ensure_eq};

/// One `Set-Cookie` line, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SetCookie {
    pub(super) name: String,
    pub(super) value: String,
    pub(super) max_age: Option<i64>,
    /// Every attribute but the lifetime, in lower case and in order: what a removal has to repeat.
    pub(super) attributes: Vec<String>,
}

/// The cookies of one browser that talks to one host over HTTPS.
#[derive(Clone, Debug, Default)]
pub(super) struct Jar(Vec<(SetCookie, Option<Timestamp>)>);

impl SetCookie {
    /// Reads a line as RFC 6265 section 5.2 does, but refuses what no careful server writes.
    pub(super) fn parse(line: &str) -> Result<Self, Failure> {
        let mut parts = line.split(';').map(str::trim);
        let pair = parts.next().and_then(|pair| pair.split_once('='));
        let (name, value) = pair.ok_or_else(|| Failure::new("a Set-Cookie line without a name"))?;
        let mut attributes: Vec<_> = parts.map(str::to_ascii_lowercase).collect();
        let max_age = attributes.iter().find_map(|attribute| attribute.strip_prefix("max-age="));
        let max_age = max_age.map(str::parse).transpose()?;
        attributes
            .retain(|attribute| !attribute.starts_with("max-age=") && !attribute.starts_with("expires="));
        attributes.sort();
        Ok(Self { name: name.to_owned(), value: value.to_owned(), max_age, attributes })
    }

    pub(super) fn has(&self, attribute: &str) -> bool {
        self.attributes.iter().any(|found| found == attribute)
    }

    /// Whether it takes a cookie away.
    pub(super) fn is_removal(&self) -> bool {
        self.max_age.is_some_and(|seconds| seconds <= 0)
    }
}

impl Jar {
    /// Keeps, replaces or removes a cookie.
    ///
    /// # Errors
    /// When a browser would not do what the line means: a prefix's conditions are not met, or a removal differs in an
    /// attribute from the cookie that it is to remove.
    pub(super) fn take(&mut self, cookie: SetCookie, now: Timestamp) -> Checked {
        if cookie.name.starts_with("__Host-") {
            let bound = cookie.has("secure") && cookie.has("path=/");
            let roams = cookie.attributes.iter().any(|attribute| attribute.starts_with("domain="));
            ensure!(bound && !roams, "a browser refuses this __Host- cookie: {:?}", cookie.attributes);
        }
        if let Some((old, _)) = self.0.iter().find(|(old, _)| old.name == cookie.name) {
            ensure_eq!(
                cookie.attributes,
                old.attributes,
                "the attributes differ from those of the cookie before"
            );
        }
        self.0.retain(|(old, _)| old.name != cookie.name);
        if !cookie.is_removal() {
            let ends = cookie.max_age.and_then(|seconds| u64::try_from(seconds).ok());
            self.0.push((cookie, ends.map(|seconds| now.plus(Duration::from_secs(seconds)))));
        }
        Ok(())
    }

    /// The value of the cookie, if the browser still has it.
    pub(super) fn value(&self, name: &str, now: Timestamp) -> Option<&str> {
        let live = |ends: &Option<Timestamp>| ends.is_none_or(|ends| now < ends);
        let found = self.0.iter().find(|(cookie, ends)| cookie.name == name && live(ends));
        found.map(|(cookie, _)| cookie.value.as_str())
    }

    /// The `Cookie` header that the browser sends.
    pub(super) fn header(&self, now: Timestamp) -> Option<String> {
        let names = self.0.iter().map(|(cookie, _)| cookie.name.as_str());
        let pairs: Vec<_> =
            names.filter_map(|name| Some(format!("{name}={}", self.value(name, now)?))).collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }

    /// Closes the browser: cookies without a lifetime go.
    pub(super) fn close(&mut self) {
        self.0.retain(|(_, ends)| ends.is_some());
    }
}
