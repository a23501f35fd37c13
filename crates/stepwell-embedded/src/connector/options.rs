//! The options of a `WITH` clause, with their positions.

use std::{collections::BTreeMap, str::FromStr};

use datafusion_sql::sqlparser::tokenizer::Span;
use stepwell_arroyo::SqlDiagnostic;

use crate::plan::diagnostic::planning_at;
use crate::plan::supported::refuse_option_value;

/// How many unknown options a message names.
const SHOWN: usize = 5;

/// The options that have not been read yet.
#[derive(Debug)]
pub(crate) struct Options {
    given: BTreeMap<String, Given>,
    /// The position of an error about a missing option.
    place: Span,
}

/// An option as it was given.
#[derive(Clone, Debug)]
pub(crate) struct Given {
    pub(crate) text: String,
    /// Where its name is.
    pub(crate) name: Span,
    /// Where its value is.
    pub(crate) value: Span,
}

impl Options {
    pub(crate) fn new(place: Span) -> Self {
        Self {
            given: BTreeMap::new(),
            place,
        }
    }

    /// Adds an option. Returns whether it is the first of its name.
    pub(crate) fn add(&mut self, name: &str, given: Given) -> bool {
        self.given.insert(name.to_owned(), given).is_none()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.given.is_empty()
    }

    /// Sets the position of errors about missing options.
    pub(crate) fn place_at(&mut self, place: Span) {
        self.place = place;
    }

    pub(crate) fn take(&mut self, name: &str) -> Option<Given> {
        self.given.remove(name)
    }

    /// An option that is required. The message is that of recording `035_validate_missing_option`.
    pub(crate) fn require(&mut self, name: &str) -> Result<Given, SqlDiagnostic> {
        let missing = || planning_at(&format!("required option '{name}' not set"), self.place);
        self.given.remove(name).ok_or_else(missing)
    }

    /// An option that may be left out and has one possible value.
    pub(crate) fn expect(&mut self, name: &str, value: &'static str) -> Result<(), SqlDiagnostic> {
        match self.take(name) {
            Some(found) if found.text != value => {
                Err(refuse_option_value(name, &found.text, value, found.value))
            }
            _ => Ok(()),
        }
    }

    /// An option that may be left out and has one of two values.
    pub(crate) fn one_of<'a>(
        &mut self,
        name: &str,
        values: &[&'a str; 2],
    ) -> Result<Option<&'a str>, SqlDiagnostic> {
        let Some(found) = self.take(name) else {
            return Ok(None);
        };
        let value = values.iter().find(|value| **value == found.text);
        let [first, second] = values;
        let other = || {
            let text = &found.text;
            let message = format!("option '{name}' is '{first}' or '{second}', not '{text}'");
            planning_at(&message, found.value)
        };
        value.map(|value| Some(*value)).ok_or_else(other)
    }

    /// Refuses options that were not read.
    pub(crate) fn finish(self) -> Result<(), SqlDiagnostic> {
        let Some(first) = self.given.values().min_by_key(|given| given.name.start) else {
            return Ok(());
        };
        let names = self.given.keys().take(SHOWN);
        let names: Vec<_> = names.map(|name| format!("'{name}'")).collect();
        let more = match self.given.len().saturating_sub(SHOWN) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        // The message of recording `036_validate_unknown_option`.
        let message = format!(
            "unknown options provided in WITH clause: {}{more}",
            names.join(", ")
        );
        Err(planning_at(&message, first.name))
    }
}

impl Given {
    /// Parses the value; `what` says what it has to be.
    pub(crate) fn parse<T: FromStr>(&self, name: &str, what: &str) -> Result<T, SqlDiagnostic> {
        let is_no = |_| {
            let text = &self.text;
            planning_at(
                &format!("option '{name}' is not {what}: '{text}'"),
                self.value,
            )
        };
        self.text.parse().map_err(is_no)
    }
}
