//! Workers as processes: a killed worker and a killed server.

use stepwell_arroyo::ErrorDomain;

use crate::story::{
    Step::{Ask, Expect, Fail, Looks, Lose, RestartServer, Until},
    Story,
};

pub fn stories() -> Vec<Story> {
    vec![
        life_of_one_pipeline(),
        Story::new(vec![
            Ask("613_create_process_sched_fail"),
            Until("Running"),
            Fail("SQL error: Divide by zero error", ErrorDomain::User),
            Until("Failed"),
            Expect("613_process_sched_fail_states"),
            Ask("614_process_sched_fail_jobs"),
            Ask("614_process_sched_fail_errors"),
        ]),
        Story::new(vec![
            Ask("615_create_process_sched_p40"),
            Until("Running"),
            Expect("615_process_sched_p40_states"),
            Ask("616_process_sched_p40_jobs"),
        ]),
    ]
}

fn life_of_one_pipeline() -> Story {
    Story::new(vec![
        Ask("600_create_process_sched_bh"),
        Until("Running"),
        Expect("600_process_sched_bh_states"),
        Ask("601_process_sched_bh_jobs"),
        Ask("602_process_sched_patch_stop_checkpoint"),
        Until("Stopped"),
        Expect("602_process_sched_stop_checkpoint_states"),
        Ask("603_process_resume"),
        Until("Running"),
        Expect("603_process_resume_states"),
        Ask("604_process_sched_patch_stop_immediate"),
        Until("Stopped"),
        Expect("604_process_sched_stop_immediate_states"),
        Ask("605_process_resume"),
        Until("Running"),
        Expect("605_process_resume_states"),
        Ask("606_process_sched_patch_stop_graceful"),
        Until("Stopped"),
        Expect("606_process_sched_stop_graceful_states"),
        Ask("607_process_resume"),
        Until("Running"),
        Expect("607_process_resume_states"),
        Ask("608_process_sched_patch_stop_force"),
        Until("Stopped"),
        Expect("608_process_sched_stop_force_states"),
        Ask("609_process_resume"),
        Until("Running"),
        Expect("609_process_resume_states"),
        Ask("610_process_restart"),
        Until("Restarting"),
        Until("Running"),
        Expect("610_process_restart_states"),
        // The worker is killed.
        Lose,
        Until("Running"),
        Expect("611_process_worker_killed_states"),
        Ask("612_process_after_worker_kill_errors"),
        // The server is killed.
        RestartServer,
        Until("Scheduling"),
        Until("Running"),
        Expect("620_server_sigkill_restart_states"),
        Ask("621_jobs_after_server_sigkill_restart"),
        // The server is shut down.
        RestartServer,
        Until("Scheduling"),
        Until("Running"),
        Expect("622_server_sigint_restart_states"),
        Ask("623_after_restart_patch_stop_checkpoint"),
        Until("Stopped"),
        Expect("623_after_restart_stop_checkpoint_states"),
        RestartServer,
        Looks(2),
        Expect("624_server_restart_with_stopped_states"),
    ])
}
