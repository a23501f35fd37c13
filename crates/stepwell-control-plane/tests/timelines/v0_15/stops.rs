//! Each way to stop a job, with each scheduler.

use super::{EMBEDDED, LONG, PROCESS};
use crate::story::{
    Step::{Ask, Expect, Looks, Until},
    Story,
};

/// Threads end with a final checkpoint or by force; with any other stop they keep running.
pub(super) fn embedded() -> Vec<Story> {
    let stories = [
        vec![
            Ask("300_create_for_checkpoint"),
            Until("Running"),
            Expect("300_create_for_checkpoint_states"),
            Ask("310_stop_checkpoint"),
            Until("Stopped"),
            Expect("310_stop_checkpoint_states"),
            Ask("310_stop_checkpoint_checkpoints"),
            Ask("320_resume_after_checkpoint"),
            Until("Running"),
            Expect("320_resume_after_checkpoint_states"),
            Ask("330_force"),
            Until("Stopped"),
            Ask("340_delete"),
        ],
        vec![
            Ask("301_create_for_graceful"),
            Until("Running"),
            Expect("301_create_for_graceful_states"),
            Ask("311_stop_graceful"),
            Looks(LONG),
            Expect("311_stop_graceful_states"),
            Ask("311_stop_graceful_checkpoints"),
            Ask("321_resume_after_graceful"),
            Looks(LONG),
            Expect("321_resume_after_graceful_states"),
            Ask("331_force"),
            Looks(1),
            Ask("341_delete"),
        ],
        vec![
            Ask("302_create_for_immediate"),
            Until("Running"),
            Expect("302_create_for_immediate_states"),
            Ask("312_stop_immediate"),
            Looks(LONG),
            Expect("312_stop_immediate_states"),
            Ask("312_stop_immediate_checkpoints"),
            Ask("322_resume_after_immediate"),
            Looks(LONG),
            Expect("322_resume_after_immediate_states"),
            Ask("332_force"),
            Looks(1),
            Ask("342_delete"),
        ],
        vec![
            Ask("303_create_for_force"),
            Until("Running"),
            Expect("303_create_for_force_states"),
            Ask("313_stop_force"),
            Until("Stopped"),
            Expect("313_stop_force_states"),
            Ask("313_stop_force_checkpoints"),
            Ask("323_resume_after_force"),
            Until("Running"),
            Expect("323_resume_after_force_states"),
            Ask("333_force"),
            Until("Stopped"),
            Ask("343_delete"),
        ],
    ];
    let stories = stories.into_iter();
    stories.map(|steps| Story::of(EMBEDDED, steps)).collect()
}

/// Processes end with every kind of stop.
pub(super) fn process() -> Vec<Story> {
    // In the order of the recording: create, stop, checkpoints, resume, force, delete.
    let recorded = [
        [
            "500_create_for_checkpoint",
            "500_create_for_checkpoint_states",
            "510_stop_checkpoint",
            "510_stop_checkpoint_states",
            "510_stop_checkpoint_checkpoints",
            "520_resume_after_checkpoint",
            "520_resume_after_checkpoint_states",
            "530_force",
            "540_delete",
        ],
        [
            "501_create_for_graceful",
            "501_create_for_graceful_states",
            "511_stop_graceful",
            "511_stop_graceful_states",
            "511_stop_graceful_checkpoints",
            "521_resume_after_graceful",
            "521_resume_after_graceful_states",
            "531_force",
            "541_delete",
        ],
        [
            "502_create_for_immediate",
            "502_create_for_immediate_states",
            "512_stop_immediate",
            "512_stop_immediate_states",
            "512_stop_immediate_checkpoints",
            "522_resume_after_immediate",
            "522_resume_after_immediate_states",
            "532_force",
            "542_delete",
        ],
        [
            "503_create_for_force",
            "503_create_for_force_states",
            "513_stop_force",
            "513_stop_force_states",
            "513_stop_force_checkpoints",
            "523_resume_after_force",
            "523_resume_after_force_states",
            "533_force",
            "543_delete",
        ],
    ];
    let stories = recorded.into_iter().map(
        |[
            create,
            created,
            stop,
            stopped,
            checkpoints,
            resume,
            resumed,
            force,
            delete,
        ]| {
            let steps = vec![
                Ask(create),
                Until("Running"),
                Expect(created),
                Ask(stop),
                Until("Stopped"),
                Expect(stopped),
                Ask(checkpoints),
                Ask(resume),
                Until("Running"),
                Expect(resumed),
                Ask(force),
                Until("Stopped"),
                Ask(delete),
            ];
            Story::of(PROCESS, steps)
        },
    );
    stories.collect()
}
