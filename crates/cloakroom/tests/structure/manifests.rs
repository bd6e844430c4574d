//! What every manifest has in common.

use std::fs;

use crate::workspace::{MEMBERS, ROOT, assert_none};

/// Every crate has the workspace's version, edition, licence and home, and its lints.
const SHARED: &[&str] = &[
    "version.workspace = true",
    "edition.workspace = true",
    "license.workspace = true",
    "repository.workspace = true",
    "[lints]\nworkspace = true",
];

#[test]
fn every_crate_shares_version_edition_licence_and_lints() {
    let missing = MEMBERS.iter().flat_map(|member| {
        let text = fs::read_to_string(member.folder.join("Cargo.toml")).expect("a manifest");
        let missing: Vec<_> = SHARED.iter().filter(|line| !text.contains(&format!("\n{line}"))).collect();
        missing.into_iter().map(|line| format!("{}: {line:?}", member.name)).collect::<Vec<_>>()
    });
    assert_none("missing", missing);
}

#[test]
fn every_crate_says_what_it_is_and_which_rust_it_needs() {
    let missing = MEMBERS.iter().flat_map(|member| {
        let text = fs::read_to_string(member.folder.join("Cargo.toml")).expect("a manifest");
        let missing = ["description", "rust-version"]
            .into_iter()
            .filter(move |key| !text.contains(&format!("\n{key}")));
        missing.map(|key| format!("{}: {key}", member.name))
    });
    assert_none("missing", missing);
}

/// One list of versions, so that two crates cannot want two versions.
#[test]
fn versions_are_in_the_workspace_manifest_only() {
    let manifests = MEMBERS.iter().map(|member| (&member.name, member.folder.join("Cargo.toml")));
    let own = manifests.flat_map(|(name, path)| {
        let entries = dependencies(&fs::read_to_string(path).expect("a manifest")).into_iter().flatten();
        let own = entries.filter(|entry| !entry.contains("workspace = true"));
        own.map(|entry| format!("{name}: {entry}")).collect::<Vec<_>>()
    });
    assert_none("write `workspace = true`", own);
}

#[test]
fn dependencies_are_sorted() {
    let manifests =
        MEMBERS.iter().map(|member| member.folder.join("Cargo.toml")).chain([ROOT.join("Cargo.toml")]);
    let unsorted = manifests.flat_map(|path| {
        let groups = dependencies(&fs::read_to_string(&path).expect("a manifest"));
        let pairs = groups
            .into_iter()
            .flat_map(|group| group.windows(2).map(|it| (key(&it[0]), key(&it[1]))).collect::<Vec<_>>());
        pairs
            .filter(|(first, second)| first > second)
            .map(|(first, second)| format!("{}: {second} before {first}", path.display()))
            .collect::<Vec<_>>()
    });
    assert_none("sort", unsorted);
}

/// The entries of all dependency tables, in groups that an empty line or a heading ends.
fn dependencies(manifest: &str) -> Vec<Vec<String>> {
    let mut groups = vec![Vec::new()];
    let mut inside = false;
    for line in manifest.lines() {
        if line.starts_with('[') {
            inside = line.ends_with("dependencies]");
        }
        let is_entry = inside && line.starts_with(|first: char| first.is_alphanumeric());
        match groups.last_mut() {
            Some(group) if is_entry => group.push(line.to_owned()),
            _ if line.is_empty() => groups.push(Vec::new()),
            _ => {}
        }
    }
    groups
}

fn key(entry: &str) -> String {
    entry.split([' ', '.', '=']).next().unwrap_or_default().to_owned()
}
