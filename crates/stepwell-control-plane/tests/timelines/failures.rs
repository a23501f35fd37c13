//! Runs that fail, permanently or temporarily.

use stepwell_arroyo::ErrorDomain;
use stepwell_control_plane::Options;

use crate::story::{
    Step::{self, Ask, Expect, Fail, FailForNow, Lose, Until, Watch},
    Story,
};

const MISSING_FILE: Step = Fail(
    "error in connector: failed to open file '/srv/data/missing.json': No such file or directory (os error 2)",
    ErrorDomain::User,
);

const BAD_DATA: Step = FailForNow(
    "error deserializing data: invalid JSON: JsonError(\"Encountered unexpected 'o' whilst parsing literal\") (1 times)",
    ErrorDomain::External,
);

const DIVISION: Step = Fail("SQL error: Divide by zero error", ErrorDomain::User);

const CAST: Step = Fail(
    "SQL error: Cast error: Cannot cast string 'abc' to value of Int64 type",
    ErrorDomain::User,
);

pub fn stories() -> Vec<Story> {
    vec![
        missing_file(),
        bad_data(),
        lost(
            "342_create_bad_data_drop",
            "342_bad_data_drop_states",
            "343_bad_data_drop_errors",
        ),
        lost(
            "350_create_failing_cast",
            "350_failing_cast_states",
            "351_failing_cast_errors",
        ),
        division_by_zero(),
        Story::new(vec![
            Ask("373_create_failing_cast_nowait"),
            Until("Running"),
            CAST,
            Until("Failed"),
            Expect("373_failing_cast_nowait_states"),
            Ask("374_failing_cast_nowait_jobs"),
            Ask("374_failing_cast_nowait_errors"),
        ]),
        bad_data_at_once(),
        exhausted(),
    ]
}

fn missing_file() -> Story {
    Story::new(vec![
        Ask("300_create_missing_file"),
        Until("Running"),
        MISSING_FILE,
        Until("Failed"),
        Expect("300_missing_file_states"),
        Ask("301_missing_file_jobs"),
        Ask("301_missing_file_errors"),
        Ask("303_failed_patch_stop_none"),
        Ask("304_failed_after_patch_none_jobs"),
        Ask("305_failed_restart"),
        Until("Scheduling"),
        // The run failed before it was seen Running, for the start time is still that of the first run.
        MISSING_FILE,
        Until("Failed"),
        // Polling started only here.
        Watch,
        Expect("306_failed_restart_states"),
        Ask("307_failed_restart_jobs_after"),
        Ask("308_failed_patch_stop_checkpoint"),
        Ask("309_failed_after_patch_checkpoint_pipeline"),
        Ask("309b_failed_after_patch_checkpoint_jobs"),
        Ask("310_failed_patch_stop_none_after_checkpoint"),
        Ask("311_failed_jobs"),
        Ask("312_delete_failed"),
    ])
}

fn bad_data() -> Story {
    Story::new(vec![
        Ask("340_create_bad_data_fail"),
        Until("Running"),
        BAD_DATA,
        Until("Running"),
        BAD_DATA,
        Until("Running"),
        BAD_DATA,
        Expect("340_bad_data_fail_states"),
        Ask("341_bad_data_fail_jobs"),
        Ask("341_bad_data_fail_errors"),
    ])
}

/// The source waits for control messages, and its worker is considered dead meanwhile; the log does not mention it.
fn lost(create: &'static str, timeline: &'static str, errors: &'static str) -> Story {
    Story::new(vec![
        Ask(create),
        Until("Running"),
        Lose,
        Until("Running"),
        Expect(timeline),
        Ask(errors),
    ])
}

fn division_by_zero() -> Story {
    Story::new(vec![
        Ask("360_create_div_by_zero"),
        Until("Running"),
        DIVISION,
        Until("Failed"),
        Expect("360_div_by_zero_states"),
        Ask("361_div_by_zero_jobs"),
        Ask("361_div_by_zero_errors"),
        Ask("362_div_by_zero_patch_stop_immediate"),
        Expect("362_div_by_zero_stop_immediate_states"),
        Ask("363_div_by_zero_after_jobs"),
        Ask("363_div_by_zero_after_errors"),
    ])
}

fn bad_data_at_once() -> Story {
    let mut steps = vec![Ask("375_create_bad_data_fail_nowait")];
    for _ in 0..7 {
        steps.extend([Until("Running"), BAD_DATA]);
    }
    steps.extend([
        Expect("375_bad_data_fail_nowait_states"),
        Ask("376_bad_data_fail_nowait_jobs"),
        Ask("376_bad_data_fail_nowait_errors"),
        Ask("379_recovering_patch_stop_checkpoint"),
        Until("Stopped"),
        Expect("379_recovering_stop_states"),
        Ask("379b_after_recovering_stop_jobs"),
        Ask("379b_after_recovering_stop_errors"),
    ]);
    Story::new(steps)
}

fn exhausted() -> Story {
    let mut story = Story::new(vec![
        Ask("630_create_bad_data_allowed_restarts_2"),
        Until("Running"),
        BAD_DATA,
        Until("Running"),
        BAD_DATA,
        Until("Failed"),
        Expect("630_bad_data_allowed_restarts_2_states"),
        Ask("631_bad_data_allowed_restarts_2_jobs"),
        Ask("631_bad_data_allowed_restarts_2_errors"),
        Ask("632_restart_failed"),
        Until("Running"),
        // It may recover as often as at first.
        BAD_DATA,
        Until("Recovering"),
        Until("Running"),
        BAD_DATA,
        Until("Failing"),
    ]);
    let mut options = Options::default();
    options.allowed_restarts = 2;
    story.options = options;
    story
}
