//! A form as a page shows it: what was typed, and what is wrong with it.
//!
//! Everything is checked on the server, which gives back what was typed (passwords excepted) and puts each complaint
//! beside its field.

/// Fields, and what is wrong with all of them together.
#[derive(Debug, Default)]
pub(crate) struct Form {
    /// What is wrong with more than one field can say.
    pub(crate) refusal: Option<String>,
    pub(crate) fields: Vec<Field>,
}

/// One field and everything around it.
#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) label: &'static str,
    /// The `type` of the input.
    pub(crate) kind: &'static str,
    /// The `inputmode` of the input, which says what keyboard a phone shows.
    pub(crate) keyboard: Option<&'static str>,
    /// What a password manager may fill in.
    pub(crate) autocomplete: &'static str,
    pub(crate) hint: Option<String>,
    pub(crate) value: String,
    pub(crate) complaint: Option<String>,
}

impl Form {
    pub(crate) fn new(fields: impl Into<Vec<Field>>) -> Self {
        Self { refusal: None, fields: fields.into() }
    }

    /// Says why the form as a whole was refused.
    pub(crate) fn refused(self, reason: impl Into<String>) -> Self {
        Self { refusal: Some(reason.into()), ..self }
    }

    pub(crate) fn has_errors(&self) -> bool {
        self.refusal.is_some() || self.fields.iter().any(|field| field.complaint.is_some())
    }

    /// What the title of a page begins with, which a screen reader says first.
    pub(crate) fn title_prefix(&self) -> &'static str {
        if self.has_errors() { "Error: " } else { "" }
    }
}

impl Field {
    pub(crate) fn text(name: &'static str, label: &'static str) -> Self {
        let (hint, value, complaint) = (None, String::new(), None);
        Self { name, label, kind: "text", keyboard: None, autocomplete: "off", hint, value, complaint }
    }

    /// An address, which is what people sign in with.
    pub(crate) fn email(name: &'static str, label: &'static str) -> Self {
        Self { kind: "email", autocomplete: "username", ..Self::text(name, label) }
    }

    /// A password that is there already.
    pub(crate) fn current_password(name: &'static str, label: &'static str) -> Self {
        Self { kind: "password", autocomplete: "current-password", ..Self::text(name, label) }
    }

    /// A password that is being chosen.
    pub(crate) fn new_password(name: &'static str, label: &'static str) -> Self {
        Self { kind: "password", autocomplete: "new-password", ..Self::text(name, label) }
    }

    /// A whole number. Not `type="number"`, which changes when a wheel is turned over it.
    pub(crate) fn whole_number(name: &'static str, label: &'static str) -> Self {
        Self { keyboard: Some("numeric"), ..Self::text(name, label) }
    }

    pub(crate) fn autocomplete(self, autocomplete: &'static str) -> Self {
        Self { autocomplete, ..self }
    }

    pub(crate) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    pub(crate) fn value(self, value: impl Into<String>) -> Self {
        Self { value: value.into(), ..self }
    }

    pub(crate) fn complaint(self, complaint: Option<impl Into<String>>) -> Self {
        Self { complaint: complaint.map(Into::into), ..self }
    }

    /// The elements that explain the field: what is wrong first.
    pub(crate) fn described_by(&self) -> Option<String> {
        let error = self.complaint.as_ref().map(|_| format!("{}-error", self.name));
        let hint = self.hint.as_ref().map(|_| format!("{}-hint", self.name));
        match (error, hint) {
            (Some(error), Some(hint)) => Some(format!("{error} {hint}")),
            (error, hint) => error.or(hint),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_complaint_is_read_before_the_hint() {
        let name = || Field::text("name", "Name").hint("As on your post.");
        assert_eq!(Field::text("name", "Name").described_by(), None);
        assert_eq!(name().described_by().as_deref(), Some("name-hint"));
        assert_eq!(name().complaint(Some("Say it.")).described_by().as_deref(), Some("name-error name-hint"));
    }

    #[test]
    fn a_form_with_one_complaint_has_errors() {
        let form = |complaint: Option<&str>| {
            Form::new([Field::text("name", "Name").complaint(complaint), Field::email("email", "Email")])
        };
        assert!(!form(None).has_errors());
        assert!(form(Some("Say it.")).has_errors());
        assert!(form(None).refused("Not now.").has_errors());
        assert_eq!(form(Some("Say it.")).title_prefix(), "Error: ");
    }
}
