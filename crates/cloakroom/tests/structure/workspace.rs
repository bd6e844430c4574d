//! The workspace as cargo and the disk know it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use serde_json::Value;

/// The room that a crate stands in; see the drawing in ARCHITECTURE.md.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Room {
    Core,
    Conformance,
    Middle,
    Store,
    Framework,
    Facade,
    Leaf,
}

/// The one list of rooms. A new crate is a new line.
const ROOMS: &[(&str, Room)] = &[
    ("cloakroom-core", Room::Core),
    ("cloakroom-conformance", Room::Conformance),
    ("cloakroom-auth", Room::Middle),
    ("cloakroom-layers", Room::Middle),
    ("cloakroom-sql", Room::Store),
    ("cloakroom-mongodb", Room::Store),
    ("cloakroom-redis", Room::Store),
    ("cloakroom-tower", Room::Framework),
    ("cloakroom-actix", Room::Framework),
    ("cloakroom", Room::Facade),
    ("cloakroom-cli", Room::Leaf),
    ("cloakroom-node", Room::Leaf),
    ("demo", Room::Leaf),
];

/// The room of one of our crates; `None` for everybody else's.
pub(crate) fn room(name: &str) -> Option<Room> {
    ROOMS.iter().find(|(listed, _)| *listed == name).map(|(_, room)| *room)
}

/// A crate of this workspace.
pub(crate) struct Member {
    pub(crate) name: String,
    pub(crate) room: Room,
    pub(crate) folder: PathBuf,
    pub(crate) rust_version: String,
    pub(crate) declared: Vec<Declared>,
    /// Everything that comes along for users with every feature on, itself included: name and Rust version.
    pub(crate) brings: BTreeMap<String, Option<String>>,
}

/// A dependency as the manifest declares it.
pub(crate) struct Declared {
    pub(crate) name: String,
    pub(crate) for_tests: bool,
}

pub(crate) static ROOT: LazyLock<PathBuf> = LazyLock::new(|| {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the workspace's folder")
});

pub(crate) static MEMBERS: LazyLock<Vec<Member>> = LazyLock::new(|| {
    // Packages for other platforms have never been downloaded, and this asks no registry.
    let metadata = run(Command::new(env!("CARGO")).current_dir(&*ROOT).args([
        "metadata",
        "--format-version=1",
        "--locked",
        "--offline",
        "--all-features",
        "--filter-platform",
        &host(),
    ]));
    let metadata: Value = serde_json::from_str(&metadata).expect("cargo metadata prints JSON");
    let packages: BTreeMap<&str, &Value> =
        array(&metadata["packages"]).map(|it| (text(&it["id"]), it)).collect();
    let nodes: BTreeMap<&str, &Value> =
        array(&metadata["resolve"]["nodes"]).map(|it| (text(&it["id"]), it)).collect();
    array(&metadata["workspace_members"]).map(|id| member(text(id), &packages, &nodes)).collect()
});

/// The files that git tracks, relative to the root.
pub(crate) fn tracked() -> Vec<PathBuf> {
    let list = run(Command::new("git").current_dir(&*ROOT).args(["ls-files", "-z"]));
    list.split_terminator('\0').map(PathBuf::from).filter(|path| ROOT.join(path).is_file()).collect()
}

/// Every Rust file under `folder`, recursively, in order.
pub(crate) fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("a readable folder").path()).collect();
    paths.sort();
    paths
        .into_iter()
        .flat_map(|path| if path.is_dir() { rust_files(&path) } else { vec![path] })
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect()
}

/// Fails with every complaint at once, because one run should be enough to repair all of them.
#[track_caller]
pub(crate) fn assert_none(rule: &str, complaints: impl IntoIterator<Item = String>) {
    let complaints: Vec<String> = complaints.into_iter().collect();
    assert!(complaints.is_empty(), "{rule}:\n  {}", complaints.join("\n  "));
}

fn member(id: &str, packages: &BTreeMap<&str, &Value>, nodes: &BTreeMap<&str, &Value>) -> Member {
    let package = packages[id];
    let name = text(&package["name"]).to_owned();
    let manifest = Path::new(text(&package["manifest_path"]));
    Member {
        room: room(&name).unwrap_or_else(|| panic!("give {name} a line in ROOMS, in {}", file!())),
        folder: manifest.parent().expect("a manifest lies in a folder").to_owned(),
        rust_version: package["rust_version"].as_str().unwrap_or_default().to_owned(),
        declared: array(&package["dependencies"])
            .map(|it| Declared { name: text(&it["name"]).to_owned(), for_tests: it["kind"] == "dev" })
            .collect(),
        brings: closure(id, nodes)
            .into_iter()
            .map(|id| {
                (
                    text(&packages[id]["name"]).to_owned(),
                    packages[id]["rust_version"].as_str().map(str::to_owned),
                )
            })
            .collect(),
        name,
    }
}

/// What `id` needs to be built, without what only tests need.
fn closure<'a>(id: &'a str, nodes: &BTreeMap<&str, &'a Value>) -> BTreeSet<&'a str> {
    let mut seen = BTreeSet::new();
    let mut waiting = vec![id];
    while let Some(id) = waiting.pop() {
        if seen.insert(id) {
            let needed = |edge: &&Value| array(&edge["dep_kinds"]).any(|kind| kind["kind"] != "dev");
            waiting.extend(array(&nodes[id]["deps"]).filter(needed).map(|edge| text(&edge["pkg"])));
        }
    }
    seen
}

fn host() -> String {
    let version = run(Command::new("rustc").arg("-vV"));
    version.lines().find_map(|line| line.strip_prefix("host: ")).expect("rustc names its host").to_owned()
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}:\n{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

fn array(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().expect("an array").iter()
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a string")
}
