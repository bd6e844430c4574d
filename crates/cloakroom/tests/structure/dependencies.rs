//! Who may know whom.

use crate::workspace::{Declared, MEMBERS, Member, Room, assert_none, room};

/// All that core may name; the rest of the world is behind these.
const CORE_MAY_NAME: &[&str] = &[
    "async-lock",
    "base64",
    "chacha20poly1305",
    "cookie",
    "getrandom",
    "hkdf",
    "hmac",
    "http",
    "serde",
    "serde_json",
    "sha2",
    "subtle",
    "thiserror",
    "tracing",
    "zeroize",
];

/// A name that ends in `*` stands for all that begin like it.
const RUNTIMES: &[&str] = &["actix-rt", "async-global-executor", "async-std", "smol", "tokio", "tokio-*"];
const FRAMEWORKS: &[&str] =
    &["actix-http", "actix-web", "axum*", "hyper*", "poem*", "rocket*", "salvo*", "tower", "tower-*", "warp"];
const DRIVERS: &[&str] = &[
    "deadpool*",
    "diesel*",
    "fred",
    "libsqlite3-sys",
    "mongodb",
    "mysql*",
    "postgres*",
    "redis",
    "rusqlite",
    "sea-*",
    "sqlx*",
    "tiberius",
    "tokio-postgres",
];

#[test]
fn core_names_only_what_is_on_its_list() {
    let core = MEMBERS.iter().filter(|member| member.room == Room::Core);
    let strangers = core.flat_map(|core| &core.declared).filter(|it| !it.for_tests).map(|it| it.name.clone());
    assert_none("core depends on", strangers.filter(|name| !CORE_MAY_NAME.contains(&name.as_str())));
}

#[test]
fn core_knows_no_runtime_no_framework_and_no_driver() {
    for rooms in [RUNTIMES, FRAMEWORKS, DRIVERS] {
        forbid(&[Room::Core], |name| listed(rooms, name));
    }
}

#[test]
fn a_store_knows_no_framework_and_no_other_store() {
    forbid(&[Room::Store], |name| listed(FRAMEWORKS, name) || is(name, &[Room::Framework, Room::Store]));
}

#[test]
fn a_framework_knows_no_store_and_no_other_framework() {
    forbid(&[Room::Framework], |name| listed(DRIVERS, name) || is(name, &[Room::Framework, Room::Store]));
}

#[test]
fn the_middle_knows_no_edge() {
    forbid(&[Room::Middle, Room::Conformance], |name| {
        listed(FRAMEWORKS, name) || listed(DRIVERS, name) || is(name, &[Room::Framework, Room::Store])
    });
}

#[test]
fn core_knows_none_of_the_others() {
    forbid(&[Room::Core], |name| room(name).is_some());
}

#[test]
fn conformance_is_for_tests_only() {
    let uses =
        declarations(|_, declared| room(&declared.name) == Some(Room::Conformance) && !declared.for_tests);
    assert_none("make it a dev-dependency", uses);
}

/// Database drivers know MD5 and SHA-1, because some servers greet with them; nothing that decides about a session
/// does.
#[test]
fn asvs_11_4_1_nothing_that_decides_brings_a_broken_hash() {
    forbid(&[Room::Core, Room::Middle, Room::Conformance, Room::Framework], |name| {
        listed(&["md-5", "md4", "md5*", "ripemd", "sha-1", "sha1*"], name)
    });
}

/// The facade is what leaves stand on; no room that is published beneath it may name it, not even in its tests.
#[test]
fn nothing_depends_on_a_leaf() {
    let uses = declarations(|member, declared| match room(&declared.name) {
        Some(Room::Leaf) => true,
        Some(Room::Facade) => member.room != Room::Leaf,
        _ => false,
    });
    assert_none("depends on a leaf", uses);
}

#[test]
fn every_crate_states_a_rust_version_that_its_dependencies_keep() {
    assert_none(
        "rust-version is too low",
        MEMBERS.iter().flat_map(|member| {
            let newer = member.brings.iter().filter_map(|(name, needs)| {
                let needs = needs.as_deref()?;
                (version(needs) > version(&member.rust_version)).then(|| format!("{name} needs {needs}"))
            });
            newer.map(|why| format!("{} states {:?}, but {why}", member.name, member.rust_version))
        }),
    );
}

#[test]
fn core_asks_for_an_older_rust_than_the_drivers_do() {
    let stated = |name| {
        MEMBERS.iter().find(|it| it.name == name).map(|it| version(&it.rust_version)).expect("a member")
    };
    assert!(stated("cloakroom-core") < stated("cloakroom-sql"));
    assert!(stated("cloakroom-core") >= version("1.85"), "edition 2024 begins there");
}

/// Complains about everything in the closure of the crates in `rooms`, but themselves, that is `forbidden`.
#[track_caller]
fn forbid(rooms: &[Room], forbidden: impl Fn(&str) -> bool) {
    let members = MEMBERS.iter().filter(|member| rooms.contains(&member.room));
    assert_none(
        "users of the first would get the second",
        members.flat_map(|member| {
            let brought = member.brings.keys().filter(|name| **name != member.name && forbidden(name));
            brought.map(|name| format!("{} → {name}", member.name))
        }),
    );
}

/// The declared dependencies, of every kind, that are `wrong`.
fn declarations(wrong: impl Fn(&Member, &Declared) -> bool) -> Vec<String> {
    let all =
        MEMBERS.iter().flat_map(|member| member.declared.iter().map(move |declared| (member, declared)));
    all.filter(|(member, declared)| wrong(member, declared))
        .map(|(member, declared)| format!("{} → {}", member.name, declared.name))
        .collect()
}

fn is(name: &str, rooms: &[Room]) -> bool {
    room(name).is_some_and(|room| rooms.contains(&room))
}

fn listed(list: &[&str], name: &str) -> bool {
    list.iter()
        .any(|pattern| pattern.strip_suffix('*').map_or(*pattern == name, |start| name.starts_with(start)))
}

/// Major, minor and patch; what is left out is zero.
fn version(text: &str) -> [u32; 3] {
    let mut parts = text.split('.').map(|part| part.parse().expect("a version number"));
    std::array::from_fn(|_| parts.next().unwrap_or(0))
}
