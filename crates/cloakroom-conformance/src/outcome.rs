//! What a case came to, and what a whole run came to.

use std::error::Error;
use std::fmt;

/// What every case returns.
pub type Checked = Result<(), Failure>;

/// Why a case failed: a sentence for whoever wrote the store or the binding.
///
/// Every error turns into one, so that cases use `?`.
pub struct Failure(String);

impl Failure {
    /// A failure with its reason.
    pub fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }
}

impl<E: Error> From<E> for Failure {
    fn from(error: E) -> Self {
        let mut text = format!("unexpected error: {error}");
        let mut source = error.source();
        while let Some(cause) = source {
            text = format!("{text}: {cause}");
            source = cause.source();
        }
        Self(text)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Which cases of a suite failed, and why.
#[derive(Debug, Default)]
#[must_use = "a report that nobody reads finds no faults: call assert_passed"]
pub struct Report {
    passed: Vec<&'static str>,
    failed: Vec<(&'static str, Failure)>,
}

impl Report {
    /// The names of the cases that passed.
    pub fn passed(&self) -> &[&'static str] {
        &self.passed
    }

    /// The names of the cases that failed, each with its reason.
    pub fn failed(&self) -> &[(&'static str, Failure)] {
        &self.failed
    }

    /// Whether the case called `name` was run and failed.
    pub fn caught(&self, name: &str) -> bool {
        self.failed.iter().any(|(failed, _)| *failed == name)
    }

    /// Ends the test unless every case passed.
    ///
    /// # Panics
    /// When a case failed, listing all that did; and when no case was run at all.
    #[track_caller]
    pub fn assert_passed(&self) {
        assert!(!self.passed.is_empty() || !self.failed.is_empty(), "no case was run");
        assert!(self.failed.is_empty(), "{self}");
    }

    pub(crate) fn add(&mut self, name: &'static str, outcome: Checked) {
        match outcome {
            Ok(()) => self.passed.push(name),
            Err(failure) => self.failed.push((name, failure)),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} cases passed, {} failed", self.passed.len(), self.failed.len())?;
        for (name, failure) in &self.failed {
            write!(formatter, "\n  {name}: {failure}")?;
        }
        Ok(())
    }
}

/// Ends the case with a sentence unless the condition holds.
macro_rules! ensure {
    ($condition:expr, $($reason:tt)+) => {
        if !$condition {
            return Err($crate::Failure::new(format!($($reason)+)));
        }
    };
}

/// Ends the case with a sentence and both values unless they are equal.
macro_rules! ensure_eq {
    ($found:expr, $expected:expr, $($reason:tt)+) => {
        let (found, expected) = (&$found, &$expected);
        if found != expected {
            let reason = format!($($reason)+);
            return Err($crate::Failure::new(format!("{reason}: found {found:?}, expected {expected:?}")));
        }
    };
}

pub(crate) use {ensure, ensure_eq};
