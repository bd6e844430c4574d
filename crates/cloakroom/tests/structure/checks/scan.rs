//! The tests that carry numbers, found in the sources.

use std::fmt;
use std::fs;

use crate::workspace::{ROOT, tracked};

/// What numbers begin with when words follow, up to the word that says which.
const WORDS: &[&str] = &["nist", "owasp", "rfc6265bis", "chips", "dbsc"];

/// A function whose name has numbers in it.
pub(super) struct Test {
    pub(super) name: String,
    /// From the root, with slashes.
    pub(super) path: String,
    pub(super) numbers: Vec<String>,
    /// Whether it is marked as a test, or is a case of a list of tests.
    pub(super) runs: bool,
}

impl fmt::Display for Test {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}::{}", self.path, self.name)
    }
}

/// All of them, in the order of their files and in the order in which they stand there.
pub(super) fn tests() -> Vec<Test> {
    let mut files: Vec<(String, String)> = tracked()
        .into_iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .map(|path| {
            let text = fs::read_to_string(ROOT.join(&path)).expect("a source in UTF-8");
            (path.to_string_lossy().replace('\\', "/"), text)
        })
        .collect();
    files.sort();
    let is_listed = |name: &str| files.iter().any(|(_, text)| lists(text, name));
    let mut tests = Vec::new();
    for (path, text) in &files {
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        for (index, line) in lines.iter().enumerate() {
            let Some(name) = function(line) else { continue };
            let numbers = numbers(name);
            if numbers.is_empty() {
                continue;
            }
            let runs = is_marked(&lines[..index]) || is_listed(name);
            tests.push(Test { name: name.to_owned(), path: path.clone(), numbers, runs });
        }
    }
    tests
}

/// The numbers in a name: `r07`, three numbers after `asvs`, and the sections and the word after `nist` and its like.
fn numbers(name: &str) -> Vec<String> {
    let parts: Vec<&str> = name.split('_').collect();
    let is_number = |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let mut numbers = Vec::new();
    for (index, part) in parts.iter().enumerate() {
        let rest = &parts[index + 1..];
        let digits = rest.iter().take_while(|part| is_number(part)).count();
        if part.len() == 3 && part.strip_prefix('r').is_some_and(|digits| is_number(&digits)) {
            numbers.push((*part).to_owned());
        } else if *part == "asvs" {
            numbers.push(format!("asvs_{}", rest[..digits.min(3)].join("_")));
        } else if WORDS.contains(part) {
            numbers.push(parts[index..].iter().take(digits + 2).copied().collect::<Vec<_>>().join("_"));
        }
    }
    numbers
}

/// The name of the function that begins on this line.
fn function(line: &str) -> Option<&str> {
    let (before, rest) = line.split_once("fn ")?;
    let is_head = before
        .split_whitespace()
        .all(|word| ["async", "const", "unsafe"].contains(&word) || word.starts_with("pub"));
    let name = rest.split(|character: char| !character.is_alphanumeric() && character != '_').next()?;
    (is_head && !name.is_empty()).then_some(name)
}

/// Whether the attributes that these lines end with make a test, and one that is not left out.
fn is_marked(before: &[&str]) -> bool {
    let head: Vec<&&str> = before.iter().rev().take_while(|line| !line.is_empty() && **line != "}").collect();
    let is_test = |line: &&&str| line.starts_with("#[test]") || line.starts_with("#[tokio::test");
    head.iter().any(is_test) && !head.iter().any(|line| line.starts_with("#[ignore"))
}

/// Whether `text` has a list of tests in which `name` stands: a macro's, one name after another.
fn lists(text: &str, name: &str) -> bool {
    let is_name = |character: char| character.is_alphanumeric() || character == '_';
    text.match_indices(name).any(|(start, _)| {
        let (before, after) = (&text[..start], &text[start + name.len()..]);
        let is_whole = !before.ends_with(is_name) && !after.starts_with(is_name);
        is_whole
            && !before.ends_with("fn ")
            && !before.ends_with("::")
            && after.starts_with(['\n', ',', ' ', '}'])
    })
}
