//! Stops, restarts and all ways out of them: the life of one pipeline, and races for another.

use crate::story::{
    Step::{Answer, Ask, Create, Expect, Looks, Silence, Stop, Until},
    Story,
};

pub fn stories() -> Vec<Story> {
    vec![
        life_of_one_pipeline(),
        stopped_before_its_start(),
        called_off(),
    ]
}

fn life_of_one_pipeline() -> Story {
    Story::new(vec![
        Ask("100_create_blackhole"),
        Until("Running"),
        Expect("101_states_start_to_running"),
        Ask("103_get_jobs_running"),
        Ask("210_patch_stop_checkpoint"),
        Until("Stopped"),
        Expect("211_patch_stop_checkpoint_states"),
        Ask("213_get_jobs_stopped"),
        Ask("216_patch_stop_checkpoint_when_stopped"),
        Looks(2),
        Expect("217_patch_stop_checkpoint_when_stopped_states"),
        Ask("220_patch_resume_none"),
        Until("Running"),
        Expect("221_patch_resume_none_states"),
        Ask("222_get_jobs_resumed"),
        Ask("230_patch_stop_immediate"),
        Until("Stopped"),
        Expect("231_patch_stop_immediate_states"),
        Ask("232_patch_resume_after_immediate"),
        Until("Running"),
        Expect("233_patch_resume_after_immediate_states"),
        Ask("234_patch_stop_graceful"),
        Until("Stopped"),
        Expect("235_patch_stop_graceful_states"),
        Ask("236_get_jobs_after_graceful"),
        Ask("238_patch_resume_after_graceful"),
        Until("Running"),
        Expect("239_patch_resume_after_graceful_states"),
        Ask("240_patch_stop_force"),
        Until("Stopped"),
        Expect("241_patch_stop_force_states"),
        Ask("243_get_jobs_after_force"),
        Ask("244_patch_resume_after_force"),
        Until("Running"),
        Expect("245_patch_resume_after_force_states"),
        Ask("250_restart_empty_object"),
        Until("Restarting"),
        Until("Running"),
        Expect("251_restart_safe_states"),
        Ask("252_restart_force"),
        Until("Restarting"),
        Until("Running"),
        Expect("253_restart_force_states"),
        Ask("254_restart_ignore_state"),
        Until("Restarting"),
        Until("Running"),
        Expect("255_restart_ignore_state_states"),
        Ask("259_get_jobs_after_restarts"),
        // The patch after a restart restarts once more, and the real worker hung in the middle of it.
        Silence,
        Ask("261_patch_parallelism_2"),
        Until("Restarting"),
        Expect("262_rescale_states"),
        Ask("263_get_pipeline_after_rescale"),
        Ask("264_get_jobs_after_rescale"),
        Ask("265_patch_parallelism_0"),
        Expect("266_rescale_0_states"),
        Ask("267_get_pipeline_after_parallelism_0"),
        Ask("268_get_jobs_after_parallelism_0"),
        Answer,
        Ask("270_patch_stop_immediate_while_stuck_restarting"),
        Until("Stopped"),
        Expect("271_stop_from_restarting_states"),
        Ask("272_delete_stopped"),
    ])
}

fn stopped_before_its_start() -> Story {
    Story::new(vec![
        Create,
        Ask("460_patch_stop_checkpoint_immediately_after_create"),
        Until("Stopped"),
        Expect("461_stop_while_created_states"),
        Ask("462_stop_while_created_later"),
        Ask("463_stop_while_created_delete"),
    ])
}

fn called_off() -> Story {
    Story::new(vec![
        Create,
        Stop("checkpoint"),
        Until("Stopped"),
        Ask("464_resume_never_started"),
        Until("Running"),
        Expect("465_resume_never_started_states"),
        // Cancelled before it took effect.
        Ask("466_patch_stop_checkpoint"),
        Ask("467_patch_none_right_after"),
        Expect("468_stop_then_none_states"),
        // Cancelled too late.
        Stop("checkpoint"),
        Until("CheckpointStopping"),
        Stop("none"),
        Until("Running"),
        Expect("470_patch_none_while_stopping_states"),
    ])
}
