//! One section of the session as an argument of a handler.

use std::fmt;
use std::marker::PhantomData;

use axum_core::extract::FromRequestParts;
use cloakroom_core::{EncodeError, Section, Session, ValueError};
use http::request::Parts;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::lazy_session;
use crate::error::SessionError;

/// The section `S` of the visitor's session.
///
/// It is forgiving, so that a deployment which changed `S` shows no visitor an error: a stored object that no longer
/// decodes reads as `S::default()`, the observer is told each time
/// ([`Event::Undecodable`](cloakroom_core::Event::Undecodable)), and it stays stored until the first update replaces
/// it. Where losing the old object matters, use [`Session::section`] and [`Session::update_section`], which say so.
///
/// ```
/// use cloakroom_core::Section;
/// use cloakroom_tower::axum::{SessionError, Typed};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Default, Serialize, Deserialize)]
/// struct Basket {
///     articles: Vec<u64>,
/// }
///
/// impl Section for Basket {
///     const NAME: &'static str = "basket";
/// }
///
/// async fn add(basket: Typed<Basket>) -> Result<String, SessionError> {
///     let basket = basket.update(|basket| basket.articles.push(7))?;
///     Ok(format!("{} articles", basket.articles.len()))
/// }
/// # let _ = add;
/// ```
pub struct Typed<S> {
    session: Session,
    section: PhantomData<fn() -> S>,
}

impl<S: Section> Typed<S> {
    /// The section, or its default when there is none or it does not decode.
    pub fn get(&self) -> S {
        self.session.section().unwrap_or_default()
    }

    /// Changes the section in place and returns what it became.
    ///
    /// When another request wrote first, `change` runs again on what it wrote; it therefore has no side effects.
    /// Members of the stored object that `S` does not know are kept.
    ///
    /// # Errors
    /// When the section cannot be written as JSON; nothing changes.
    pub fn update(&self, change: impl Fn(&mut S) + Send + Sync + 'static) -> Result<S, ValueError> {
        // Read strictly once, so that the observer hears of an object that the update is about to replace.
        let _ = self.session.section::<S>();
        Ok(self.session.update_section(move |section: &mut OrDefault<S>| change(&mut section.0))?.0)
    }

    /// Puts `section` in the place of whatever is stored.
    ///
    /// # Errors
    /// When it cannot be written as JSON; nothing changes.
    pub fn insert(&self, section: &S) -> Result<(), EncodeError> {
        self.session.insert_section(section)
    }

    /// Removes the section.
    pub fn remove(&self) {
        self.session.remove_section::<S>();
    }

    /// The session that it is a section of.
    pub const fn session(&self) -> &Session {
        &self.session
    }
}

impl<S> Clone for Typed<S> {
    fn clone(&self) -> Self {
        Self { session: self.session.clone(), section: PhantomData }
    }
}

impl<S> fmt::Debug for Typed<S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Typed").field("session", &self.session).finish_non_exhaustive()
    }
}

impl<S: Section, State: Send + Sync> FromRequestParts<State> for Typed<S> {
    type Rejection = SessionError;

    async fn from_request_parts(parts: &mut Parts, _: &State) -> Result<Self, Self::Rejection> {
        let session = lazy_session(&parts.extensions)?.load().await?;
        Ok(Self { session, section: PhantomData })
    }
}

/// A section that decodes from anything: what does not fit is its default.
#[derive(Default)]
struct OrDefault<S>(S);

impl<S: Serialize> Serialize for OrDefault<S> {
    fn serialize<To: Serializer>(&self, serializer: To) -> Result<To::Ok, To::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de, S: Deserialize<'de> + Default> Deserialize<'de> for OrDefault<S> {
    fn deserialize<From: Deserializer<'de>>(deserializer: From) -> Result<Self, From::Error> {
        // The core decodes sections from a value in memory, so there is no text to lose the place in.
        Ok(Self(S::deserialize(deserializer).unwrap_or_default()))
    }
}

impl<S: Section> Section for OrDefault<S> {
    const NAME: &'static str = S::NAME;
}
