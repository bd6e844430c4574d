//! The list of what a session library is held to, and the tests that hold it: they agree, and SECURITY.md shows both.
//!
//! `list.tsv` has a line for every check: its number, what is checked, how it stands, and the reason where something is
//! left. A test carries the numbers of its checks in its name, as `asvs_7_4_1_nist_5_1_ended_r20_after_logout_the_old_cookie_is_dead`.
//!
//! To accept what has changed in SECURITY.md, run with `UPDATE_GOLDEN=1` and read the difference.

mod scan;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;

use self::scan::Test;
use crate::workspace::{ROOT, assert_none};

const LIST: &str = include_str!("list.tsv");
const BEGIN: &str = "<!-- What follows is generated: see \"a check\" in CONTRIBUTING.md. -->\n";
const END: &str = "<!-- This is where the generated part ends. -->\n";

/// What has to be in the list whatever else is: sections of ASVS chapter 7 and how many items each has.
const SESSIONS_OF_ASVS: &[(u32, u32)] = &[(1, 3), (2, 4), (3, 2), (4, 5), (5, 3), (6, 2)];
const DEFECTS: u32 = 50;

/// One line of the list.
struct Check {
    number: &'static str,
    what: &'static str,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Tested,
    InPart(&'static str),
    Open(&'static str),
    DoesNotApply(&'static str),
}

/// Checks under a heading.
struct Section {
    title: &'static str,
    checks: Vec<Check>,
}

#[test]
fn every_number_is_listed_once() {
    let checks: Vec<&str> = sections().iter().flat_map(|it| &it.checks).map(|check| check.number).collect();
    let defects = (1..=DEFECTS).map(|number| format!("r{number:02}"));
    let items = SESSIONS_OF_ASVS
        .iter()
        .flat_map(|(section, items)| (1..=*items).map(move |item| format!("asvs_7_{section}_{item}")));
    let missing = defects.chain(items).filter(|number| !checks.contains(&number.as_str()));
    assert_none("not in the list", missing);
    let twice = checks.iter().enumerate().filter(|(index, number)| checks[..*index].contains(number));
    assert_none("in the list twice", twice.map(|(_, number)| (*number).to_owned()));
}

#[test]
fn the_tests_are_those_that_the_list_speaks_of() {
    let tests = scan::tests();
    assert!(tests.len() > 100, "the tests were not found");
    let idle = tests.iter().filter(|test| !test.runs);
    assert_none("has a number and is never run", idle.map(Test::to_string));

    let sections = sections();
    let checks: Vec<&Check> = sections.iter().flat_map(|section| &section.checks).collect();
    let listed = |number: &String| checks.iter().any(|check| check.number == number);
    let strangers = tests.iter().flat_map(|test| {
        let unlisted = test.numbers.iter().filter(|number| !listed(number));
        unlisted.map(move |number| format!("{number} of {test}"))
    });
    assert_none("is not in the list", strangers);

    let held = by_number(&tests);
    let wrong = checks.iter().filter(|check| check.state.has_tests() != held.contains_key(check.number));
    assert_none(
        "the list is wrong about whether there are tests",
        wrong.map(|check| format!("{}: {:?}", check.number, check.state)),
    );
}

#[test]
fn the_table_in_security_md_is_up_to_date() {
    let path = ROOT.join("SECURITY.md");
    let text = fs::read_to_string(&path).expect("SECURITY.md");
    let (before, rest) = text.split_once(BEGIN).expect("where the generated part begins");
    let (_, after) = rest.split_once(END).expect("where the generated part ends");
    let new = format!("{before}{BEGIN}{}{END}{after}", table(&sections(), &scan::tests()));
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, new).expect("SECURITY.md can be written");
    } else if let Some((old, new)) = text.lines().zip(new.lines()).find(|(old, new)| old != new) {
        panic!("SECURITY.md is old; run with UPDATE_GOLDEN=1 and read the difference:\n- {old}\n+ {new}");
    } else {
        assert_eq!(text.len(), new.len(), "SECURITY.md is old; run with UPDATE_GOLDEN=1");
    }
}

impl State {
    fn read(word: &str, reason: &'static str) -> Option<Self> {
        Some(match (word, reason.is_empty()) {
            ("tested", true) => Self::Tested,
            ("tested in part", false) => Self::InPart(reason),
            ("open", false) => Self::Open(reason),
            ("does not apply", false) => Self::DoesNotApply(reason),
            _ => return None,
        })
    }

    fn has_tests(self) -> bool {
        matches!(self, Self::Tested | Self::InPart(_))
    }
}

fn sections() -> Vec<Section> {
    let mut sections: Vec<Section> = Vec::new();
    for line in LIST.lines() {
        if let Some(title) = line.strip_prefix("# ") {
            sections.push(Section { title, checks: Vec::new() });
            continue;
        }
        let mut fields = line.split('\t');
        let mut field = || fields.next().unwrap_or_default();
        let (number, what, word, reason) = (field(), field(), field(), field());
        let state = State::read(word, reason).unwrap_or_else(|| panic!("a state and its reason: {line}"));
        let section = sections.last_mut().expect("a heading comes first");
        section.checks.push(Check { number, what, state });
    }
    sections
}

fn by_number(tests: &[Test]) -> BTreeMap<&str, Vec<&Test>> {
    let mut held: BTreeMap<&str, Vec<&Test>> = BTreeMap::new();
    for test in tests {
        for number in &test.numbers {
            held.entry(number).or_default().push(test);
        }
    }
    held
}

fn table(sections: &[Section], tests: &[Test]) -> String {
    let held = by_number(tests);
    let count = |wanted: fn(State) -> bool| {
        sections.iter().flat_map(|section| &section.checks).filter(|check| wanted(check.state)).count()
    };
    let mut text = format!(
        "\nOf {} checks {} are tested, {} are tested in part, {} are open and {} do not apply.\n",
        count(|_| true),
        count(|state| state == State::Tested),
        count(|state| matches!(state, State::InPart(_))),
        count(|state| matches!(state, State::Open(_))),
        count(|state| matches!(state, State::DoesNotApply(_))),
    );
    for section in sections {
        let _ =
            writeln!(text, "\n### {}\n\n| number | what is checked | tests |\n|---|---|---|", section.title);
        for Check { number, what, state } in &section.checks {
            let tests = held.get(number).into_iter().flatten();
            let links =
                tests.map(|test| format!("[`{}`]({})", test.name, test.path)).collect::<Vec<_>>().join(", ");
            let state = match state {
                State::Tested => links,
                State::InPart(reason) => format!("{links}; open: {reason}"),
                State::Open(reason) => format!("open: {reason}"),
                State::DoesNotApply(reason) => format!("does not apply: {reason}"),
            };
            let _ = writeln!(text, "| `{number}` | {what} | {state} |");
        }
    }
    text.push('\n');
    text
}
