//! What the documents at the root promise.

use std::env;
use std::fs;
use std::path::{Component, Path};

use crate::workspace::{ROOT, assert_none, tracked};

const DOCUMENTS: &[&str] =
    &["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"];

/// A path is what begins with a folder of the root or is a file there, and has no placeholder such as `<name>`.
/// `path::name` also promises a test, type or function of that name in the file.
#[test]
fn paths_in_documents_exist() {
    let broken = DOCUMENTS.iter().flat_map(|document| {
        let text =
            fs::read_to_string(ROOT.join(document)).unwrap_or_else(|error| panic!("{document}: {error}"));
        let promised = quoted(&text).chain(linked(&text)).filter(|path| is_path(path) && !is_there(path));
        promised.map(|path| format!("{document}: {path}")).collect::<Vec<_>>()
    });
    assert_none("not there", broken);
}

/// The folders of this checkout and of this user say nothing to anybody else.
#[test]
fn no_tracked_file_names_a_folder_of_this_machine() {
    let home = env::var("HOME").unwrap_or_default();
    let folders: Vec<String> = [ROOT.as_path(), Path::new(&home)].into_iter().filter_map(top).collect();
    let naming = tracked().into_iter().flat_map(|path| {
        let text = String::from_utf8_lossy(&fs::read(ROOT.join(&path)).expect("a tracked file")).into_owned();
        let named: Vec<&String> = folders.iter().filter(|folder| text.contains(folder.as_str())).collect();
        named.into_iter().map(|folder| format!("{}: {folder}", path.display())).collect::<Vec<_>>()
    });
    assert_none("names a folder of this machine", naming);
}

/// The first folder of a path, unless it is one that every machine has.
fn top(path: &Path) -> Option<String> {
    let first = path.components().find_map(|part| match part {
        Component::Normal(name) => name.to_str(),
        _ => None,
    })?;
    (!["tmp", "usr", "var"].contains(&first)).then(|| format!("/{first}/"))
}

/// What stands between backticks, outside code blocks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    let prose = text.split("\n```").step_by(2);
    prose.flat_map(|prose| prose.split('`').skip(1).step_by(2))
}

/// The targets of links to files.
fn linked(text: &str) -> impl Iterator<Item = &str> {
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next());
    targets.filter(|target| !target.is_empty() && !target.contains("://"))
}

fn is_path(text: &str) -> bool {
    let is_plain = !text.contains(['<', '*', '…', ' ', '{', '$']);
    let first = text.split('/').next().unwrap_or_default();
    is_plain
        && (text.contains('/') && ROOT.join(first).is_dir()
            || [".md", ".toml"].iter().any(|end| text.ends_with(end)))
}

fn is_there(promised: &str) -> bool {
    let (path, name) = promised.split_once("::").unwrap_or((promised, ""));
    let path = ROOT.join(path);
    path.exists() && (name.is_empty() || fs::read_to_string(path).is_ok_and(|text| text.contains(name)))
}

/// The README's doctests cannot hold an application's own users, so it shows a part of an example that is compiled and run.
#[test]
fn the_readme_shows_the_example_of_sign_in_as_it_is() {
    let read = |path| fs::read_to_string(ROOT.join(path)).expect("a document");
    let (readme, example) = (read("README.md"), read("crates/cloakroom/examples/sign_in.rs"));
    let shown = readme.split("```rust,ignore\n").nth(1).and_then(|rest| rest.split("\n```").next());
    let shown = shown.expect("the part of the example");
    assert!(example.contains(shown), "copy the example into README.md again");
    let lines = shown.lines().filter(|line| !line.trim().is_empty()).count();
    assert!((30..=60).contains(&lines), "{lines} lines");
}
