//! What a visitor has handed in: a section of the session, and the rules for what goes into it.

use cloakroom::Section;
use serde::{Deserialize, Serialize};

/// The longest description, in characters.
pub(crate) const LONGEST_NAME: usize = 60;
/// The most pieces of one thing.
pub(crate) const MOST_PIECES: u8 = 20;
/// The most things of one visitor: a session is read with every request, so it stays small.
pub(crate) const MOST_THINGS: usize = 12;

/// Everything on the visitor's hook, oldest first.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Things {
    /// The highest number given out so far; numbers are not used twice.
    last_number: u32,
    list: Vec<Thing>,
}

/// One thing and its number.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Thing {
    pub(crate) number: u32,
    pub(crate) name: String,
    pub(crate) pieces: u8,
}

/// A name and a count that keep the rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Description {
    name: String,
    pieces: u8,
}

/// What the visitor typed, as it was typed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct Typed {
    pub(crate) name: String,
    pub(crate) pieces: String,
}

/// What is wrong with it, field by field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Complaints {
    pub(crate) name: Option<String>,
    pub(crate) pieces: Option<String>,
}

impl Section for Things {
    const NAME: &'static str = "things";
}

impl Things {
    pub(crate) fn list(&self) -> &[Thing] {
        &self.list
    }

    pub(crate) fn find(&self, number: u32) -> Option<&Thing> {
        self.list.iter().find(|thing| thing.number == number)
    }

    pub(crate) fn is_full(&self) -> bool {
        self.list.len() >= MOST_THINGS
    }

    /// Adds a thing, unless the hook is full.
    pub(crate) fn hand_in(&mut self, description: &Description) {
        if !self.is_full() {
            self.last_number = self.last_number.saturating_add(1);
            let Description { name, pieces } = description.clone();
            self.list.push(Thing { number: self.last_number, name, pieces });
        }
    }

    /// Changes a thing, if it is still there.
    pub(crate) fn change(&mut self, number: u32, description: &Description) {
        if let Some(thing) = self.list.iter_mut().find(|thing| thing.number == number) {
            thing.name.clone_from(&description.name);
            thing.pieces = description.pieces;
        }
    }

    /// Removes a thing, if it is still there.
    pub(crate) fn take_back(&mut self, number: u32) {
        self.list.retain(|thing| thing.number != number);
    }
}

impl Description {
    pub(crate) fn name(&self) -> &str {
        &self.name
    }
}

impl Typed {
    /// Reads the form.
    ///
    /// # Errors
    /// With a sentence for every field that breaks a rule.
    pub(crate) fn read(&self) -> Result<Description, Complaints> {
        match (read_name(&self.name), read_pieces(&self.pieces)) {
            (Ok(name), Ok(pieces)) => Ok(Description { name, pieces }),
            (name, pieces) => Err(Complaints { name: name.err(), pieces: pieces.err() }),
        }
    }
}

impl From<&Thing> for Typed {
    fn from(thing: &Thing) -> Self {
        Self { name: thing.name.clone(), pieces: thing.pieces.to_string() }
    }
}

fn read_name(typed: &str) -> Result<String, String> {
    let name = typed.trim();
    let characters = name.chars().count();
    if name.is_empty() {
        Err("Say what you hand in, for example “Umbrella”.".to_owned())
    } else if characters > LONGEST_NAME {
        Err(format!("Use at most {LONGEST_NAME} characters; these are {characters}."))
    } else if name.contains(char::is_control) {
        Err("Use one line of plain text.".to_owned())
    } else {
        Ok(name.to_owned())
    }
}

fn read_pieces(typed: &str) -> Result<u8, String> {
    let pieces = typed.trim().parse().ok().filter(|pieces| (1..=MOST_PIECES).contains(pieces));
    pieces.ok_or_else(|| format!("Give a whole number from 1 to {MOST_PIECES}."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(name: &str, pieces: &str) -> Typed {
        Typed { name: name.to_owned(), pieces: pieces.to_owned() }
    }

    #[test]
    fn things_come_change_and_go_by_number() {
        let mut things = Things::default();
        things.hand_in(&typed(" Coat ", "1").read().unwrap());
        things.hand_in(&typed("Gloves", "2").read().unwrap());
        things.change(2, &typed("Mittens", " 3 ").read().unwrap());
        things.take_back(1);
        things.hand_in(&typed("Hat", "1").read().unwrap());
        let list: Vec<_> =
            things.list().iter().map(|thing| (thing.number, &*thing.name, thing.pieces)).collect();
        assert_eq!(list, [(2, "Mittens", 3), (3, "Hat", 1)]);
    }

    #[test]
    fn a_full_hook_takes_nothing_more() {
        let mut things = Things::default();
        let coat = typed("Coat", "1").read().unwrap();
        (0..=MOST_THINGS).for_each(|_| things.hand_in(&coat));
        assert_eq!(things.list().len(), MOST_THINGS);
        assert!(things.is_full());
    }

    #[test]
    fn every_field_has_its_own_complaint() {
        let longest = "é".repeat(LONGEST_NAME);
        for (name, pieces, good) in [
            ("Coat", "1", (true, true)),
            (&longest, "20", (true, true)),
            (&format!("{longest}é"), "1", (false, true)),
            (" \t", "1", (false, true)),
            ("two\nlines", "1", (false, true)),
            ("Coat", "0", (true, false)),
            ("Coat", "21", (true, false)),
            ("Coat", "257", (true, false)),
            ("Coat", "two", (true, false)),
            ("", "", (false, false)),
        ] {
            let complaints = typed(name, pieces).read().err().unwrap_or_default();
            assert_eq!((complaints.name.is_none(), complaints.pieces.is_none()), good, "{name:?} {pieces:?}");
        }
    }
}
