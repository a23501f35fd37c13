//! What was done to a 0.15.0, with each of its schedulers.

use stepwell_arroyo::ErrorDomain;
use stepwell_control_plane::{Generation, Scheduler};

use crate::story::{
    Step::{self, Answer, Ask, Expect, Fail, FailForNow, Finish, Looks, Pass, Silence, Until},
    Story,
};

mod stops;

const EMBEDDED: Generation = Generation::V0_15(Scheduler::Embedded);

const PROCESS: Generation = Generation::V0_15(Scheduler::Process);

const DIVISION: Step = Fail("SQL error: Divide by zero error", ErrorDomain::User);

/// How many ticks a state that does not pass was observed: 8 s.
const LONG: usize = 16;

pub fn stories() -> Vec<Story> {
    [
        vec![questions(), life_of_one_pipeline(), all_jobs(), ties()],
        embedded_failures(),
        stops::embedded(),
        stops::process(),
        vec![the_loop()],
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Requests to a server without pipelines.
fn questions() -> Story {
    Story::of(
        EMBEDDED,
        [
            "001_ping",
            "002_unknown_route",
            "003_list_empty",
            "004_jobs_empty",
            "010_validate_ok",
            "011_validate_unknown_column",
            "012_validate_syntax",
            "013_validate_empty",
            "014_validate_connector",
            "015_validate_no_body",
            "020_put_is_missing",
            "021_get_missing",
            "022_jobs_missing",
            "023_delete_missing",
            "024_patch_missing",
            "025_restart_missing",
            "030_create_invalid_sql",
            "031_create_no_name",
            "032_create_empty_name",
        ]
        .map(Ask)
        .into(),
    )
}

fn life_of_one_pipeline() -> Story {
    let steps = vec![
        Ask("100_create_blackhole"),
        Until("Running"),
        Expect("100_create_blackhole_states"),
        Ask("101_get"),
        Ask("102_jobs"),
        Ask("104_delete_running"),
        Ask("106_checkpoints_running"),
        Ask("107_errors_none"),
        // The worker hung in its final checkpoint.
        Silence,
        Ask("110_stop_checkpoint"),
        Until("CheckpointStopping"),
        Looks(LONG),
        Expect("110_stop_checkpoint_states"),
        Ask("110_stop_checkpoint_checkpoints"),
        Ask("120_resume_after_checkpoint"),
        Looks(LONG),
        Expect("120_resume_after_checkpoint_states"),
        Ask("111_stop_graceful"),
        Looks(LONG),
        Expect("111_stop_graceful_states"),
        Ask("111_stop_graceful_checkpoints"),
        Ask("121_resume_after_graceful"),
        Looks(LONG),
        Expect("121_resume_after_graceful_states"),
        Ask("112_stop_immediate"),
        Until("Failed"),
        Expect("112_stop_immediate_states"),
        Ask("112_stop_immediate_checkpoints"),
        Ask("122_resume_after_immediate"),
        Looks(LONG),
        Expect("122_resume_after_immediate_states"),
        Ask("113_stop_force"),
        Looks(LONG),
        Expect("113_stop_force_states"),
        Ask("113_stop_force_checkpoints"),
        Ask("123_resume_after_force"),
        Looks(LONG),
        Expect("123_resume_after_force_states"),
        Answer,
        Ask("130_restart"),
        Until("Running"),
        Expect("130_restart_states"),
        Ask("131_restart_force"),
        Until("Restarting"),
        Until("Running"),
        Expect("131_restart_force_states"),
        // The patch after a restart restarts once more.
        Ask("132_rescale"),
        Until("Restarting"),
        Until("Running"),
        Expect("132_rescale_states"),
        Ask("133_interval"),
        Looks(1),
        Expect("133_interval_states"),
        // It has no effect.
        Ask("134_patch_env_only"),
        Looks(1),
        Ask("135_stop_checkpoint"),
        Until("Stopped"),
        Expect("135_stop_checkpoint_states"),
        Ask("136_stop_again"),
        Ask("137_checkpoints_after"),
        Ask("138_delete"),
        Ask("139_get_deleted"),
    ];
    Story::of(EMBEDDED, steps)
}

fn all_jobs() -> Story {
    let steps = vec![
        Ask("033_create_parallelism_0"),
        Ask("100_create_blackhole"),
        Looks(2),
        Ask("103_all_jobs"),
    ];
    Story::of(EMBEDDED, steps)
}

/// Pipelines that were created within one second.
fn ties() -> Story {
    let steps = vec![
        Ask("033_create_parallelism_0"),
        Until("Running"),
        Pass(1),
        Ask("105_create_same_query_again"),
        Pass(60),
        Ask("140_tie_0"),
        Ask("140_tie_1"),
        Pass(1),
        Ask("140_tie_2"),
        Ask("140_tie_3"),
        Ask("140_tie_4"),
        Ask("141_list_limit_2"),
        Ask("142_list_next"),
        Ask("143_list_unknown_cursor"),
        Ask("144_list_limit_0"),
        Ask("145_list_10000"),
    ];
    Story::of(EMBEDDED, steps)
}

fn embedded_failures() -> Vec<Story> {
    let bad_data = FailForNow("invalid JSON", ErrorDomain::External);
    let missing_file = Fail("No such file or directory", ErrorDomain::User);
    let stories = [
        vec![
            Ask("200_divide_by_zero"),
            Until("Running"),
            DIVISION,
            Until("Failed"),
            Expect("200_divide_by_zero_states"),
            Ask("201_errors"),
            Ask("202_stop_in_the_loop"),
            Looks(LONG),
            Expect("202_stop_in_the_loop_states"),
            Ask("203_checkpoints"),
        ],
        vec![
            Ask("210_finite_file"),
            Until("Running"),
            Finish,
            Looks(1),
            Expect("210_finite_file_states"),
            // Nothing restarts a finished pipeline.
            Ask("211_resume_finished"),
            Looks(LONG),
            Expect("211_resume_finished_states"),
            Ask("212_restart_finished"),
            Looks(LONG),
            Expect("212_restart_finished_states"),
        ],
        vec![
            Ask("220_bad_data"),
            Until("Running"),
            bad_data,
            Until("Failed"),
            Expect("220_bad_data_states"),
            Ask("221_errors"),
            Ask("222_stop"),
            Looks(LONG),
            Expect("222_stop_states"),
        ],
        vec![
            Ask("230_missing_file"),
            Until("Running"),
            missing_file,
            Looks(LONG),
            Expect("230_missing_file_states"),
            Ask("231_restart_failed"),
            Looks(LONG),
            Expect("231_restart_failed_states"),
        ],
    ];
    let stories = stories.into_iter();
    stories.map(|steps| Story::of(EMBEDDED, steps)).collect()
}

/// A query that fails is run 21 times.
fn the_loop() -> Story {
    let mut steps = vec![Ask("550_create_divide_by_zero")];
    for _ in 0..21 {
        steps.extend([Until("Running"), DIVISION]);
    }
    steps.extend([
        Until("Failed"),
        Expect("550_create_divide_by_zero_states"),
        Ask("551_errors"),
        Ask("552_stop_in_the_loop"),
        Looks(LONG),
        Expect("552_stop_in_the_loop_states"),
    ]);
    Story::of(PROCESS, steps)
}
