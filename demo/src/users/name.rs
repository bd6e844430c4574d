//! What somebody is called.

/// The longest name, in characters.
pub(crate) const LONGEST: usize = 100;

/// One line of text, without white space around it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Name(String);

impl Name {
    /// Reads what was typed.
    ///
    /// # Errors
    /// With a sentence for whoever typed it.
    pub(crate) fn read(typed: &str) -> Result<Self, String> {
        let name = typed.trim();
        let characters = name.chars().count();
        if name.is_empty() {
            Err("Enter your name.".to_owned())
        } else if characters > LONGEST {
            Err(format!("Use at most {LONGEST} characters; these are {characters}."))
        } else if name.contains(char::is_control) {
            Err("Use one line of plain text.".to_owned())
        } else {
            Ok(Self(name.to_owned()))
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_trimmed_and_bounded() {
        assert_eq!(Name::read("  Ann Smith\t").unwrap().as_str(), "Ann Smith");
        assert!(Name::read(&"é".repeat(LONGEST)).is_ok());
        for typed in ["", " \t", "two\nlines", &"é".repeat(LONGEST + 1)] {
            assert!(Name::read(typed).is_err(), "{typed:?}");
        }
    }
}
