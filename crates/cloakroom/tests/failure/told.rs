//! What the log says of an outage.

use std::io;
use std::process::Command;
use std::sync::{Arc, Mutex};

use futures_util::future::join_all;
use tokio::runtime::Builder;
use tracing_subscriber::filter::LevelFilter;

use crate::cuts::short;
use crate::site::{Browser, Site};
use crate::support::{Backend, Place};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    /// How many lines hold all of these words.
    fn count(&self, words: &[&str]) -> usize {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        text.lines().filter(|line| words.iter().all(|word| line.contains(word))).count()
    }
}

/// Three hundred requests meet one outage, and the log hears of it when it begins and when it is over.
fn an_outage_is_told_once(backend: Backend) {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().with_max_level(LevelFilter::INFO).with_ansi(false);
    let subscriber = subscriber.with_writer(move || writer.clone()).finish();
    // Everything runs on this thread, so that nothing of other tests is heard.
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let _listening = tracing::subscriber::set_default(subscriber);
    runtime.block_on(async {
        let place = Place::new(backend);
        let mut site = Site::new(&place, short()).await;
        let mut browser = site.browser();
        assert!(browser.get_patiently("/update").await.is_ok());
        let failed = || log.count(&["ERROR", "session store failed"]);
        let told_before = failed();
        site.proxy.refuse().await;
        for path in ["/read", "/update", "/logout"] {
            let mut browsers: Vec<Browser> = std::iter::repeat_n(browser.clone(), 100).collect();
            for reply in join_all(browsers.iter_mut().map(|browser| browser.get(path))).await {
                reply.is_by_the_policy(path);
            }
        }
        assert_eq!(failed() - told_before, 1, "{}", String::from_utf8_lossy(&log.0.lock().unwrap()));
        site.proxy.mend();
        assert!(browser.get_patiently("/read").await.is_ok());
        assert_eq!(log.count(&["INFO", "session store works again", "300"]), 1);
        place.clean().await;
    });
}

/// Whether this process is one that was begun for one test, so that no other test's subscriber is in the way: what one
/// thread wants to hear decides what all others can.
fn is_alone() -> bool {
    std::env::var_os(ALONE).is_some()
}

const ALONE: &str = "CLOAKROOM_TEST_ALONE";

/// Runs a test of this file in a process of its own.
fn alone(test: &str) {
    let mut child = Command::new(std::env::current_exe().unwrap());
    let child = child.args(["--exact", &format!("told::{test}"), "--nocapture"]).env(ALONE, "");
    let ended = child.output().unwrap();
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(ended.status.success(), "{}{}", said(&ended.stdout), said(&ended.stderr));
    assert!(said(&ended.stdout).contains("1 passed"), "no such test: {test}");
}

#[test]
fn asvs_16_5_2_an_outage_is_told_once_on_postgres() {
    if is_alone() {
        an_outage_is_told_once(Backend::Postgres);
    } else {
        alone("asvs_16_5_2_an_outage_is_told_once_on_postgres");
    }
}

#[test]
fn asvs_16_5_2_an_outage_is_told_once_on_mysql() {
    if is_alone() {
        an_outage_is_told_once(Backend::Mysql);
    } else {
        alone("asvs_16_5_2_an_outage_is_told_once_on_mysql");
    }
}
