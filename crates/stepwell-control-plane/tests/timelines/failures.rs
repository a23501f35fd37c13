//! Runs that fail, for good and for now.

use stepwell_arroyo::ErrorDomain;
use stepwell_control_plane::Options;

use crate::story::{
    Step::{self, Ask, Expect, Fail, FailForNow, Looks, Until, Watch},
    Story,
};

const MISSING_FILE: &str = "error in connector: failed to open file '/srv/data/missing.json': No such file or directory (os error 2)";
const DIVISION: &str = "SQL error: Divide by zero error";
const BAD_DATA: &str = "error deserializing data: invalid JSON: JsonError(\"Encountered unexpected 'o' whilst parsing literal\") (1 times)";

/// More than the 5 s of Failing.
const FAILING: Step = Looks(12);

pub fn stories() -> Vec<Story> {
    vec![
        missing_file(),
        recovering(
            2,
            &["340_create_bad_data_fail"],
            "340_bad_data_fail_states",
            "341_bad_data_fail_jobs",
        ),
    ]
}
