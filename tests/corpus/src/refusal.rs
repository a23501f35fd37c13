//! What the diagnostics of a refused query must contain.

use serde::Deserialize;
use stepwell_arroyo::SqlDiagnostic;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refusal {
    /// Texts that one diagnostic must contain, ignoring case.
    says: Vec<String>,
    /// Texts that no diagnostic may contain.
    #[serde(default)]
    never: Vec<String>,
    /// The position at which that diagnostic begins.
    line: Option<u64>,
    column: Option<u64>,
}

impl Refusal {
    pub(crate) fn parse(text: &str) -> Self {
        serde_json::from_str(text).unwrap_or_else(|error| panic!("{error} in {text}"))
    }

    /// Whether the diagnostics match.
    pub fn is_met(&self, diagnostics: &[SqlDiagnostic]) -> bool {
        let says = |diagnostic: &SqlDiagnostic, text: &String| {
            let message = diagnostic.message.to_lowercase();
            message.contains(&text.to_lowercase())
        };
        let said = diagnostics.iter().any(|diagnostic| {
            self.says.iter().all(|text| says(diagnostic, text)) && self.is_at(diagnostic)
        });
        let never = |diagnostic| !self.never.iter().any(|text| says(diagnostic, text));
        said && diagnostics.iter().all(never)
    }

    fn is_at(&self, diagnostic: &SqlDiagnostic) -> bool {
        let start = diagnostic.span.map(|span| span.start);
        let is = |wanted: Option<u64>, found: Option<u64>| wanted.is_none() || wanted == found;
        is(self.line, start.map(|start| start.line))
            && is(self.column, start.map(|start| start.column))
    }
}

#[cfg(test)]
mod tests {
    use stepwell_arroyo::{SqlLocation, SqlSpan};

    use super::*;

    #[test]
    fn words_and_places_are_looked_at() {
        let place = SqlSpan::new(SqlLocation::new(3, 8), SqlLocation::new(3, 12));
        let said = [SqlDiagnostic::new("It cannot run JOINS").at(place)];
        let table = [
            (r#"{"says":["joins"]}"#, true),
            (r#"{"says":["joins","cannot"],"line":3,"column":8}"#, true),
            (r#"{"says":["joins","can not"]}"#, false),
            (r#"{"says":["joins"],"never":["run"]}"#, false),
            (r#"{"says":["joins"],"line":2}"#, false),
            (r#"{"says":["joins"],"line":3,"column":9}"#, false),
        ];
        for (refusal, expected) in table {
            assert_eq!(Refusal::parse(refusal).is_met(&said), expected, "{refusal}");
        }
        let elsewhere = [SqlDiagnostic::new("It cannot run joins")];
        assert!(!Refusal::parse(r#"{"says":["joins"],"line":3}"#).is_met(&elsewhere));
        assert!(!Refusal::parse(r#"{"says":[]}"#).is_met(&[]));
    }
}
