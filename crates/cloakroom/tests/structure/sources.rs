//! What may be written where, in the sources without their comments and tests.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::workspace::{MEMBERS, ROOT, Room, assert_none, rust_files};

/// Files are about 400 lines long; this is where "about" ends.
const LONGEST_FILE: usize = 450;

/// Crates whose types may show in core's public functions, because they are 1.0 and everybody has them.
const SHARED_VOCABULARY: &[&str] = &["http", "serde", "serde_json"];

#[test]
fn sql_text_is_in_one_place() {
    let places = ["statements", "dialect", "schema"].map(|file| format!("crates/cloakroom-sql/src/{file}"));
    // The demo is an application: its users are in a table of its own.
    let of_the_demo = ["demo/src/users/statements", "demo/src/database/migrations"];
    let phrases = [
        "ALTER TABLE",
        "BEGIN ",
        "COMMIT",
        "CREATE INDEX",
        "CREATE TABLE",
        "CREATE UNIQUE",
        "DELETE FROM",
        "DROP TABLE",
        "FOR UPDATE",
        "INSERT INTO",
        "ON CONFLICT",
        "ORDER BY",
        "PRAGMA ",
        "ROLLBACK",
        "SELECT ",
        "UPDATE ",
        "WHERE ",
        "delete from ",
        "insert into ",
        "select * from",
        "\"select ",
        "\"update ",
    ];
    // Conformance sends hostile keys, and has no driver that it could send SQL with.
    forbid("SQL belongs in cloakroom-sql's statements, dialect and schema", &phrases, |source, _| {
        source.room == Room::Conformance
            || places.iter().any(|place| source.is_in(place))
            || of_the_demo.iter().any(|place| source.is_in(place))
    });
}

#[test]
fn set_cookie_is_built_in_one_place() {
    let places = ["cookie", "session/lazy"].map(|file| format!("crates/cloakroom-core/src/{file}"));
    // Conformance is the browser in the scenarios: it reads what the frameworks sent.
    forbid(
        "Set-Cookie belongs in core's cookie",
        &["SET_COOKIE", "Set-Cookie", "set-cookie"],
        |source, _| source.room == Room::Conformance || places.iter().any(|place| source.is_in(place)),
    );
}

#[test]
fn the_clock_is_read_in_one_place() {
    let clocks = ["Instant::now", "Local::now", "SystemTime::now", "Utc::now", "UtcDateTime::now", "now_utc"];
    forbid("take the time from core's Clock", &clocks, |source, _| {
        // How long to wait for another process's lock is measured, and is no decision about a session.
        let lock_wait = source.is_in("crates/cloakroom-sql/src/embedded/connection");
        // How long one run of the sweeper may take, by tokio's clock, which tests stop and advance.
        let sweep_budget = source.is_in("crates/cloakroom-sql/src/sweeper");
        // What is left of an operation's time limit before it is tried again, by the same clock.
        let retries = source.is_in("crates/cloakroom-sql/src/gather");
        // The seed of a test of chance, unless one is given.
        let seed = source.is_in("crates/cloakroom-conformance/src/tools/effort");
        source.is_in("crates/cloakroom-core/src/clock") || lock_wait || sweep_budget || retries || seed
    });
}

/// Clippy sees them too, but an `allow` would silence it. Conformance is made of assertions.
#[test]
fn nothing_from_outside_can_panic() {
    let panics = [
        ".unwrap()",
        ".expect(",
        ".unwrap_err()",
        ".expect_err(",
        "panic!(",
        "unreachable!(",
        "todo!(",
        "unimplemented!(",
        "clippy::expect_used",
        "clippy::panic",
        "clippy::unwrap_used",
    ];
    // The length of a derived key is a constant, so the error that says it is too long has nobody to go to.
    let key_derivation = "crates/cloakroom-core/src/cookie/protection";
    forbid("return an error", &panics, |source, line| {
        // The compiler computes a constant, so it cannot panic later.
        source.room == Room::Conformance
            || source.is_in(key_derivation)
            || line.trim_start().starts_with("const ")
    });
}

/// An id, a digest and a signature are compared by functions that take as long whatever they find.
#[test]
fn asvs_11_2_4_secrets_are_compared_in_constant_time() {
    for (file, comparison) in [
        ("core/src/authentication", "self.0.ct_eq(&other.0)"),
        ("core/src/cookie/protection", "verify_slice(&tag)"),
        ("core/src/id", "self.0.as_bytes().ct_eq(other.0.as_bytes())"),
        ("core/src/verifier", "left.ct_eq(right)"),
        ("auth/src/csrf/token", "tag(&id).ct_eq(&shown)"),
        ("auth/src/password/hasher", "computed.ct_eq(&against.hash)"),
        ("auth/src/password/secret", ".ct_eq(other.as_bytes())"),
        ("auth/src/password/upgrade", ".ct_eq(link.as_bytes())"),
    ] {
        let path = ROOT.join(format!("crates/cloakroom-{file}.rs"));
        let text = fs::read_to_string(path).expect("a source of secrets");
        assert!(text.contains(comparison), "{file} no longer says {comparison}");
    }
    let secrets = ["digest(", "expose()", "tag", "issued.id", "previous"];
    forbid("compare in constant time", &[" == ", " != "], |source, line| {
        let is_secret = ["id", "verifier", "cookie/protection"]
            .iter()
            .any(|file| source.is_in(&format!("crates/cloakroom-core/src/{file}")));
        !is_secret || !secrets.iter().any(|secret| line.contains(secret))
    });
}

#[test]
fn no_public_function_takes_a_bool() {
    let signatures = sources().into_iter().flat_map(|source| {
        let with_bool = source.public_items().into_iter().filter(|item| {
            let parameters = item.text.split("->").next().unwrap_or_default();
            item.text.contains("fn ")
                && (parameters.contains(": bool") || parameters.contains(": Option<bool>"))
        });
        with_bool.map(|item| format!("{}: {}", source.at(item.line), item.text)).collect::<Vec<_>>()
    });
    assert_none("an enum says what true means", signatures);
}

#[test]
fn a_file_has_one_noun_and_about_400_lines() {
    let long = sources().into_iter().filter(|source| source.lines.len() > LONGEST_FILE);
    assert_none("split", long.map(|source| format!("{}: {} lines", source.path, source.lines.len())));
}

/// A type of another crate in core's API would make that crate's next version a breaking change of core.
#[test]
fn core_shows_no_foreign_types() {
    let core = MEMBERS.iter().find(|member| member.room == Room::Core).expect("core is a member");
    let crates =
        core.declared.iter().filter(|it| !it.for_tests && !SHARED_VOCABULARY.contains(&it.name.as_str()));
    let crates: Vec<String> = crates.map(|it| it.name.replace('-', "_")).collect();
    let shown = of_crate(&core.folder, core.room).into_iter().flat_map(|source| {
        let text = source.text();
        let crates = crates.iter().filter(|name| !text.contains(&format!("mod {name};")));
        let prefixes: Vec<String> = crates.map(|name| format!("{name}::")).collect();
        let is_foreign = |path: &str| prefixes.iter().any(|prefix| path.starts_with(prefix));
        let imported = imported_types(&text, is_foreign);
        let items = source.public_items().into_iter();
        let showing =
            items.filter(|item| item.shown().any(|path| is_foreign(path) || imported.contains(path)));
        showing.map(|item| format!("{}: {}", source.at(item.line), item.text)).collect::<Vec<_>>()
    });
    assert_none("wrap it in a type of our own", shown);
}

/// A default body in the contract would be what a store gets that forgot about the law.
#[test]
fn the_store_contract_has_no_default_bodies() {
    let path = "crates/cloakroom-core/src/store.rs";
    let text = fs::read_to_string(ROOT.join(path)).expect("the store contract");
    let body = text
        .split_once("\npub trait Store")
        .and_then(|(_, rest)| rest.split_once("\n}\n"))
        .expect("trait Store")
        .0;
    let bodies =
        body.lines().skip(1).filter(|line| !line.trim_start().starts_with("//") && line.contains('{'));
    assert_none("leave the body to the stores", bodies.map(|line| format!("{path}: {}", line.trim())));
}

/// A file without its test modules.
struct Source {
    /// From the root, with slashes.
    path: String,
    room: Room,
    /// Line numbers as in the file; comments are blank.
    lines: Vec<(usize, String)>,
}

/// The head of a public item, on one line.
struct Item {
    line: usize,
    text: String,
}

impl Source {
    /// Whether this is the file or the folder `module`.
    fn is_in(&self, module: &str) -> bool {
        self.path.strip_prefix(module).is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
    }

    fn at(&self, line: usize) -> String {
        format!("{}:{line}", self.path)
    }

    fn public_items(&self) -> Vec<Item> {
        let starts = (0..self.lines.len()).filter(|index| {
            let line = self.lines[*index].1.trim_start();
            line.starts_with("pub ") || line.starts_with("impl From<")
        });
        let head = |start: usize| {
            let mut text = String::new();
            for (_, line) in &self.lines[start..] {
                text += line.trim();
                text.push(' ');
                if line.trim_end().ends_with(['{', ';', ',', '}'])
                    && text.matches('(').count() == text.matches(')').count()
                {
                    break;
                }
            }
            text
        };
        starts.map(|start| Item { line: self.lines[start].0, text: head(start) }).collect()
    }

    fn text(&self) -> String {
        self.lines.iter().map(|(_, line)| line.trim().to_owned() + "\n").collect()
    }
}

impl Item {
    /// The paths in it, without the private fields of a tuple.
    fn shown(&self) -> impl Iterator<Item = &str> {
        let is_private = self.text.starts_with("pub struct") && !self.text.contains("(pub ");
        let text = if is_private { self.text.split('(').next().unwrap_or_default() } else { &self.text };
        paths(text)
    }
}

/// The types that `text` imports from crates that are foreign.
fn imported_types(text: &str, is_foreign: impl Fn(&str) -> bool) -> BTreeSet<&str> {
    let imports =
        text.split("use ").skip(1).filter_map(|rest| rest.split_once(';')).map(|(import, _)| import);
    let names = imports.filter(|import| is_foreign(import)).flat_map(paths).flat_map(|path| path.split("::"));
    names.filter(|name| name.starts_with(char::is_uppercase)).collect()
}

/// Complains about every line that holds one of the `phrases`, unless it is `allowed`.
#[track_caller]
fn forbid(rule: &str, phrases: &[&str], allowed: impl Fn(&Source, &str) -> bool) {
    let lines = sources().into_iter().flat_map(|source| {
        let found =
            source.lines.iter().filter(|(_, line)| phrases.iter().any(|phrase| line.contains(phrase)));
        let found = found.filter(|(_, line)| !allowed(&source, line));
        found.map(|(number, line)| format!("{}: {}", source.at(*number), line.trim())).collect::<Vec<_>>()
    });
    assert_none(rule, lines);
}

fn sources() -> Vec<Source> {
    let sources: Vec<Source> =
        MEMBERS.iter().flat_map(|member| of_crate(&member.folder, member.room)).collect();
    assert!(sources.len() > MEMBERS.len(), "the sources were not found");
    sources
}

fn of_crate(folder: &Path, room: Room) -> Vec<Source> {
    let files = rust_files(&folder.join("src"));
    let texts: Vec<(PathBuf, String)> =
        files.into_iter().map(|path| (path.clone(), fs::read_to_string(path).expect("UTF-8"))).collect();
    let test_folders: Vec<PathBuf> = texts.iter().flat_map(|(path, text)| test_modules(path, text)).collect();
    let is_test = |path: &Path| {
        test_folders.iter().any(|module| path.starts_with(module) || path.with_extension("") == *module)
    };
    let kept = texts.iter().filter(|(path, _)| !is_test(path));
    kept.map(|(path, text)| {
        let path = path.strip_prefix(&*ROOT).expect("members lie in the workspace");
        Source { path: path.to_string_lossy().replace('\\', "/"), room, lines: without_tests(text) }
    })
    .collect()
}

/// The modules that `#[cfg(test)] mod name;` puts into files of their own, as paths without an extension.
fn test_modules(path: &Path, text: &str) -> Vec<PathBuf> {
    let folder = match path.file_stem().and_then(|stem| stem.to_str()) {
        Some("lib" | "main" | "mod") => path.parent().expect("a file lies in a folder").to_owned(),
        _ => path.with_extension(""),
    };
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let pairs = lines.windows(2).filter(|pair| is_for_tests(pair[0]));
    pairs.filter_map(|pair| Some(folder.join(pair[1].rsplit_once("mod ")?.1.strip_suffix(';')?))).collect()
}

fn without_tests(text: &str) -> Vec<(usize, String)> {
    let mut kept = Vec::new();
    let mut lines = text.lines().enumerate();
    while let Some((index, line)) = lines.next() {
        if is_for_tests(line.trim()) {
            let end = line.replace(line.trim(), "}");
            let mut item =
                lines.by_ref().map(|(_, line)| line).skip_while(|line| line.trim().starts_with("#["));
            let one_line = item.next().is_some_and(|line| line.ends_with([';', '}']));
            if !one_line {
                item.find(|line| *line == end);
            }
        } else {
            kept.push((index + 1, without_comment(line).to_owned()));
        }
    }
    kept
}

fn is_for_tests(line: &str) -> bool {
    line.starts_with("#[cfg(test)]") || line.starts_with("#[cfg(all(test")
}

fn without_comment(line: &str) -> &str {
    if line.trim_start().starts_with("//") { "" } else { line.split(" // ").next().unwrap_or_default() }
}

/// What may name a type: `Cookie` or `cookie::Cookie`.
fn paths(text: &str) -> impl Iterator<Item = &str> {
    text.split(|character: char| !character.is_alphanumeric() && !"_:".contains(character))
        .map(|path| path.trim_end_matches(':'))
        .filter(|path| !path.is_empty())
}
