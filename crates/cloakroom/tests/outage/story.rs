//! What has to be seen whatever the fault: the story of an outage.

use tracing::Level;

use crate::site::{Line, Site};

/// What a fault makes impossible.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fails {
    Everything,
    /// Sessions can be read and not written.
    Writes,
}

/// How often each visitor tries.
const ROUNDS: usize = 2;

/// Signs visitors in, brings the fault about, sees what it does to them and to the log, lifts it, and sees that all is
/// as it was.
pub(crate) async fn endure(site: &Site, fails: Fails, fault: impl AsyncFnOnce(), repair: impl AsyncFnOnce()) {
    let mut ann = site.member("ann", "red").await;
    let mut bob = site.member("bob", "blue").await;
    assert_eq!(site.log.take(), []);

    fault().await;
    let mut refused = 0;
    for _ in 0..ROUNDS {
        let mut stranger = site.visitor();
        stranger.cookie = Some(format!("__Host-id={}", "A".repeat(43)));
        let mut guest = site.visitor();
        guest.get("/none").await.ok();
        for visitor in [&mut ann, &mut stranger] {
            let reply = visitor.get("/show").await;
            if fails == Fails::Everything {
                reply.unavailable();
                refused += 1;
            } else {
                assert!(["ann: red", "nobody: "].contains(&reply.ok().as_str()));
            }
        }
        // Nobody is told that what was not stored was stored, least of all that they are signed out.
        bob.get("/note/green").await.unavailable();
        ann.get("/logout").await.unavailable();
        guest.get("/login/eve").await.unavailable();
        refused += 3;
    }
    // A write in doubt is tried once more before the response, so that both fail.
    let told = site.failures.count();
    assert!([refused, 2 * refused].contains(&told), "the observer is told of every one: {told} of {refused}");
    let lines = site.log.take();
    assert_eq!(lines.len(), 1, "an outage is one line: {lines:#?}");
    assert_failed(&lines[0], 1);

    site.clock.advance(std::time::Duration::from_secs(61));
    bob.get("/note/green").await.unavailable();
    let lines = site.log.take();
    assert_eq!(lines.len(), 1, "and one a minute: {lines:#?}");
    assert_failed(&lines[0], told);

    repair().await;
    let shown = ann.get_at_last("/show").await;
    assert_eq!(shown, "ann: red", "a sign-out that failed has not happened");
    assert_eq!(bob.get("/show").await.ok(), "bob: blue", "nor has a change that failed");
    bob.get_at_last("/note/green").await;
    assert_eq!(bob.get("/show").await.ok(), "bob: green");
    let mut eve = site.visitor();
    eve.get("/login/eve").await.ok();
    assert_eq!(eve.get("/show").await.ok(), "eve: ");
    ann.get("/logout").await.ok();
    assert_eq!(ann.get("/show").await.ok(), "nobody: ");
    let lines = site.log.take();
    assert_eq!(lines.len(), 1, "its end is one line: {lines:#?}");
    assert_eq!(lines[0].level, Level::INFO);
    assert!(lines[0].text.contains("works again"), "{:?}", lines[0]);
    let failures = site.failures.count();
    assert!(failures > refused, "{failures}");
    assert!(lines[0].text.contains(&format!("failures={failures} seconds=61")), "{:?}", lines[0]);
}

#[track_caller]
fn assert_failed(line: &Line, failures: usize) {
    assert_eq!(line.level, Level::ERROR, "{line:?}");
    assert!(line.text.contains("session store failed"), "{line:?}");
    assert!(line.text.contains(&format!("failures={failures}")), "{line:?}");
}
