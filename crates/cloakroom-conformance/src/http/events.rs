//! What an audit log is told.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cloakroom_core::{ErrorKind, Event, Observer, Operation};
use serde_json::Value;

use super::site::{COOKIE_NAME, Driver, Site};
use crate::outcome::{Checked, Failure, ensure_eq};
use crate::tools::Fault;

/// Writes down the names of all events.
#[derive(Clone, Debug, Default)]
struct Notes(Arc<Mutex<Vec<String>>>);

impl Observer for Notes {
    fn observe(&self, event: &Event<'_>) {
        // Only the error of a store has more to say than its name, and its words are the stores' own.
        let name = match event {
            Event::StoreFailed(_) => "StoreFailed".to_owned(),
            event => format!("{event:?}"),
        };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(name);
    }
}

impl Notes {
    /// What happened since the last call, without what merely came along.
    fn take(&self) -> Vec<String> {
        let mut events = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        events.retain(|event| event != "Loaded" && event != "Saved");
        events
    }
}

fn watched(driver: &Driver) -> Result<(Site, Notes), Failure> {
    let notes = Notes::default();
    Ok((driver.site_with(|builder| builder.observer(notes.clone()))?, notes))
}

pub(super) async fn asvs_16_3_1_beginnings_new_ids_and_ends_are_events(driver: Driver) -> Checked {
    let (site, notes) = watched(&driver)?;
    let guest = site.visitor();
    for (target, expected) in [
        ("/look", &[] as &[&str]),
        ("/insert?key=a&value=b", &["Created"]),
        ("/read?key=a", &[]),
        ("/sign-in?user=ada", &["Rotated"]),
        ("/rotate", &["Rotated"]),
        ("/destroy", &["Destroyed"]),
    ] {
        guest.get(target).await?.ok()?;
        ensure_eq!(notes.take(), expected, "events of {target}");
    }
    let guest = site.guest().await?;
    site.clock.advance(Duration::from_secs(3_601));
    notes.take();
    // The store may have swept it, and then it is as unknown as any other.
    guest.get("/look").await?.ok()?;
    ensure_eq!(notes.take(), ["Expired"], "events of a session that has ended");
    Ok(())
}

pub(super) async fn asvs_16_3_3_owasp_strict_refused_cookies_are_events(driver: Driver) -> Checked {
    let (site, notes) = watched(&driver)?;
    let id = site.guest().await?.held_id()?;
    notes.take();
    let unknown = cloakroom_core::SessionId::generate(&cloakroom_core::SystemRandom)?;
    for (sent, expected) in [
        (format!("{COOKIE_NAME}={}", unknown.expose()), "Rejected(Unknown)"),
        (format!("{COOKIE_NAME}=../../etc/passwd"), "Rejected(Malformed)"),
        (format!("{COOKIE_NAME}={id}; {COOKIE_NAME}={}", unknown.expose()), "Rejected(Ambiguous)"),
    ] {
        site.get_with("/look", sent.as_bytes()).await?.ok()?;
        ensure_eq!(notes.take(), [expected], "events");
    }
    Ok(())
}

pub(super) async fn asvs_16_3_4_failures_of_the_store_are_events(driver: Driver) -> Checked {
    let (site, notes) = watched(&driver)?;
    let guest = site.guest().await?;
    notes.take();
    for (target, verb) in [
        ("/look", Operation::Load),
        ("/insert?key=a&value=b", Operation::Save),
        ("/destroy", Operation::Delete),
    ] {
        site.faults.add(Fault::new(ErrorKind::Unavailable).on(verb));
        guest.get(target).await?.status(http::StatusCode::SERVICE_UNAVAILABLE)?;
        ensure_eq!(notes.take(), ["StoreFailed"], "events of {target}");
        site.faults.clear();
    }
    Ok(())
}

/// Fails at every event.
#[derive(Debug)]
struct Broken;

impl Observer for Broken {
    #[allow(clippy::panic, reason = "this is what it is for")]
    fn observe(&self, _: &Event<'_>) {
        panic!("an observer that panics");
    }
}

pub(super) async fn r22_an_observer_that_panics_keeps_no_session_alive(driver: Driver) -> Checked {
    let site = driver.site_with(|builder| builder.observer(Broken))?;
    let guest = site.guest().await?;
    let thief = guest.copy();
    ensure_eq!(guest.value("greeting").await?, "hello", "the session");
    guest.get("/destroy").await?.removes_the_cookie()?;
    ensure_eq!(site.rows().await?, 0, "records");
    ensure_eq!(thief.value("greeting").await?, Value::Null, "what the old cookie reads");
    Ok(())
}
