//! Pipelines that start without trouble, with every kind of create.

use stepwell_control_plane::Options;

use crate::story::{
    Step::{Ask, Expect, Finish, Looks, Silence, Until},
    Story,
};

pub fn stories() -> Vec<Story> {
    vec![
        rescaled(),
        without_tasks(),
        without_slots(),
        finished_impulse(),
        // The source waits for control messages, which never come.
        Story::new(vec![
            Ask("330_create_file_to_file"),
            Until("Running"),
            Expect("330_file_to_file_states"),
            Ask("331_file_to_file_jobs"),
            Ask("332_file_to_file_delete"),
        ]),
        finished(
            "370_create_file_to_file_nowait",
            "370_file_to_file_nowait_states",
        ),
        finished(
            "377_create_bad_data_drop_nowait",
            "377_bad_data_drop_nowait_states",
        ),
        finished(
            "380_create_filesystem_missing_dir",
            "380_filesystem_missing_dir_states",
        ),
        started("435_create_all_options", "436_create_all_options_states"),
        started("440_create_preview", "441_preview_states"),
        stopped_preview(),
        started(
            "451_create_select_without_sink",
            "451_select_without_sink_states",
        ),
    ]
}

fn started(create: &'static str, timeline: &'static str) -> Story {
    Story::new(vec![Ask(create), Until("Running"), Expect(timeline)])
}

fn finished(create: &'static str, timeline: &'static str) -> Story {
    Story::new(vec![
        Ask(create),
        Until("Running"),
        Finish,
        Looks(1),
        Expect(timeline),
    ])
}

fn rescaled() -> Story {
    Story::new(vec![
        Ask("280_create_for_rescale"),
        Until("Running"),
        Ask("281_patch_parallelism_2"),
        // The recording waited for Running, which the old run still was.
        Expect("282_rescale_states"),
        Until("Rescaling"),
        Until("Running"),
        Ask("283_get_jobs_after_rescale"),
        Ask("284_get_pipeline_after_rescale"),
        Ask("285_stop_immediate"),
        Until("Stopped"),
        Ask("286_delete"),
    ])
}

fn without_tasks() -> Story {
    Story::new(vec![
        Ask("290_create_parallelism_0"),
        Until("Running"),
        Expect("291_parallelism_0_states"),
        Ask("292_parallelism_0_jobs"),
        // There is no task that could report that it has stopped.
        Silence,
        Ask("294_parallelism_0_stop"),
        Until("Stopping"),
        Expect("295_parallelism_0_stop_states"),
        Ask("296_parallelism_0_delete"),
    ])
}

fn without_slots() -> Story {
    let mut story = Story::new(vec![
        Ask("297_create_parallelism_100"),
        Until("Scheduling"),
        Expect("298_parallelism_100_states"),
        Ask("299_parallelism_100_stop"),
        Until("Stopped"),
        Ask("299b_parallelism_100_delete"),
    ]);
    let mut options = Options::default();
    options.slots = Some(16);
    story.options = options;
    story
}

fn finished_impulse() -> Story {
    Story::new(vec![
        Ask("320_create_finite_impulse"),
        Until("Running"),
        Finish,
        Looks(1),
        Expect("320_finite_impulse_states"),
        Ask("321_finite_impulse_jobs"),
        // Nothing restarts a finished pipeline.
        Ask("322_finished_patch_stop_checkpoint"),
        Looks(2),
        Ask("323_finished_after_patch"),
        Ask("324_finished_restart"),
        Looks(2),
        Ask("325_finished_after_restart_jobs"),
        Ask("326_finished_patch_none"),
        Looks(2),
        Ask("327_finished_after_patch_none_jobs"),
        Ask("328_finished_delete"),
    ])
}

/// Not the preview whose start was recorded.
fn stopped_preview() -> Story {
    Story::new(vec![
        Ask("440_create_preview"),
        Until("Running"),
        Ask("443_preview_get"),
        Ask("445_preview_jobs"),
        Ask("446_preview_patch_stop_immediate"),
        Until("Stopped"),
        Expect("446_preview_stop_immediate_states"),
        Ask("447_preview_get_after_stop"),
        Looks(2),
        Ask("448_preview_get_later"),
        Ask("449_preview_delete"),
    ])
}
