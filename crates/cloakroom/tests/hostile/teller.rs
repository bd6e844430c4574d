//! A process that prints all it can while it tells a story, and the search through what it printed.
//!
//! A process listens to itself only, so a story runs in one of its own, and its whole output is searched.

use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Mutex};

use cloakroom::{SessionId, SessionManager};
use http::HeaderMap;
use http::header::{COOKIE, SET_COOKIE};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::format::FmtSpan;

use crate::search::{Secrets, spellings, spellings_of_id};
use crate::support::Backend;

/// The file in which the telling process notes its secrets, one a line: kind, space, hexadecimal digits.
const NOTES: &str = "CLOAKROOM_TEST_NOTES";
/// Which store it tells of.
const STORE: &str = "CLOAKROOM_TEST_STORE";
/// What it tells.
const STORY: &str = "CLOAKROOM_TEST_STORY";

/// Starts the test `secrets::tell` of this program in a process of its own, searches what that printed for what it noted,
/// which must be more than `least` secrets, and returns it.
pub(crate) fn told(story: &str, backend: Backend, least: usize) -> String {
    let name = format!("secrets_{}_{story}_{backend:?}", std::process::id());
    let notes = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let mut teller = Command::new(std::env::current_exe().unwrap());
    teller.args(["--exact", "secrets::tell", "--nocapture", "--test-threads=1"]);
    teller.env(NOTES, &notes).env("RUST_BACKTRACE", "1");
    teller.env(STORE, format!("{backend:?}")).env(STORY, story);
    let output = teller.output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&text));
    let lines = fs::read_to_string(&notes).unwrap();
    fs::remove_file(&notes).unwrap();
    let secrets = Secrets::new(lines.lines().flat_map(noted_secret));
    assert!(secrets.len() > least, "{} secrets were noted", secrets.len());
    if let Some(found) = secrets.find(&text) {
        panic!("a secret was printed: {found}");
    }
    String::from_utf8_lossy(&text).into_owned()
}

/// What a telling process has to know.
pub(crate) struct Teller {
    pub(crate) story: String,
    pub(crate) backend: Backend,
    pub(crate) notes: Notes,
}

/// Turns everything on, if this is a telling process.
pub(crate) fn teller() -> Option<Teller> {
    let path = std::env::var(NOTES).ok()?;
    let notes = Notes(Arc::new(Mutex::new(fs::File::create(path).unwrap())));
    log::set_logger(&Printing).unwrap();
    log::set_max_level(log::LevelFilter::Trace);
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(LevelFilter::TRACE)
        .with_span_events(FmtSpan::FULL)
        .with_ansi(false)
        .with_writer(io::stdout)
        .finish();
    tracing::subscriber::set_global_default(subscriber).unwrap();
    let backend = match std::env::var(STORE).as_deref() {
        Ok("Memory") => Backend::Memory,
        Ok("Sqlite") => Backend::Sqlite,
        Ok("Postgres") => Backend::Postgres,
        Ok("Mysql") => Backend::Mysql,
        other => panic!("no store: {other:?}"),
    };
    Some(Teller { story: std::env::var(STORY).unwrap(), backend, notes })
}

/// Where secrets are noted, so that nothing of them goes the way that is searched.
#[derive(Clone)]
pub(crate) struct Notes(Arc<Mutex<fs::File>>);

impl Notes {
    pub(crate) fn note(&self, kind: &str, bytes: &[u8]) {
        let hex = bytes.iter().fold(String::new(), |mut hex, byte| {
            write!(hex, "{byte:02x}").unwrap();
            hex
        });
        writeln!(self.0.lock().unwrap(), "{kind} {hex}").unwrap();
    }

    /// Notes a cookie's value, and if it holds an id, that and its key in the store.
    pub(crate) fn cookie(&self, manager: &SessionManager, pair: &str) {
        let Some((name, value)) = pair.trim().split_once('=') else { return };
        if name != manager.cookie_name() || value.len() < 43 || value.len() > 200 {
            return;
        }
        self.note("value", value.as_bytes());
        if let Some(id) = value.get(..43).and_then(SessionId::parse) {
            self.note("id", id.expose().as_bytes());
            self.note("key", manager.key(&id).as_bytes());
        }
    }

    pub(crate) fn cookies(&self, manager: &SessionManager, headers: &HeaderMap) {
        let sent = headers.get_all(COOKIE).iter().chain(headers.get_all(SET_COOKIE));
        let lines = sent.filter_map(|line| line.to_str().ok());
        lines.flat_map(|line| line.split(';')).for_each(|pair| self.cookie(manager, pair));
    }
}

/// Prints whatever the crates that know no `tracing` say.
struct Printing;

impl log::Log for Printing {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        let _ = writeln!(io::stdout(), "{} {}: {}", record.level(), record.target(), record.args());
    }

    fn flush(&self) {}
}

fn noted_secret(line: &str) -> Vec<Vec<u8>> {
    let (kind, hex) = line.split_once(' ').unwrap();
    let bytes: Vec<u8> = hex
        .as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect();
    match kind {
        "id" => spellings_of_id(str::from_utf8(&bytes).unwrap()),
        _ => spellings(&bytes),
    }
}
