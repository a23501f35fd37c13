//! The server and the library together: the same scenarios against the embedded engine and against any Arroyo.
//!
//! `cargo test --test against_arroyo` runs each scenario on an engine of its own, and again on one that imitates the release 0.15.0. With
//! `ARROYO_URL=http://… … -- --ignored` the scenarios run against the server at that address, one after the other; `docs/testing.md`
//! describes what they do to it.

mod failure;
mod play;
mod scene;
mod server;
mod wire;

mod change;
mod fail;
mod finish;
mod ids;
mod many;
mod race;
mod refuse;
mod replace;
mod restart;
mod resume;
mod shutdown;
mod stop;
mod submit;
mod token;

/// Defines three tests per scenario: on an engine of its own, on one that imitates the release 0.15.0, and against the server at
/// `ARROYO_URL`.
macro_rules! scenarios {
    ($($module:ident { $($scenario:ident,)* })*) => {
        mod embedded {
            $(mod $module {
                $(#[tokio::test(flavor = "multi_thread")]
                async fn $scenario() -> Result<(), crate::failure::Failure> {
                    let generation = end_to_end::Generation::V0_16;
                    crate::play::on_an_engine(generation, stringify!($scenario), crate::$module::$scenario).await
                })*
            })*
        }

        mod released {
            $(mod $module {
                $(#[tokio::test(flavor = "multi_thread")]
                async fn $scenario() -> Result<(), crate::failure::Failure> {
                    let generation = end_to_end::Generation::V0_15;
                    crate::play::on_an_engine(generation, stringify!($scenario), crate::$module::$scenario).await
                })*
            })*
        }

        mod outside {
            $(mod $module {
                $(#[tokio::test]
                #[ignore = "needs ARROYO_URL"]
                async fn $scenario() -> Result<(), crate::failure::Failure> {
                    crate::play::on_the_server_outside(stringify!($scenario), crate::$module::$scenario).await
                })*
            })*
        }
    };
}

scenarios! {
    submit {
        a_pipeline_is_created_runs_and_stops,
        a_query_with_an_error_is_refused_with_its_place_and_makes_nothing,
    }
    resume {
        one_that_is_running_is_adopted_in_its_run,
        one_that_was_stopped_goes_on,
        one_that_is_stopping_is_started_again,
        one_that_takes_its_final_checkpoint_is_started_again,
        one_that_has_just_been_created_is_adopted,
        one_that_ended_as_failed_is_restarted_and_its_old_failure_does_not_count,
    }
    refuse {
        others_are_refused_and_force_creates_beside_them,
        what_was_created_can_be_undone,
        each_intent_does_only_what_it_says,
    }
    fail {
        one_that_fails_after_running_is_seen_by_stable_for,
    }
    finish {
        one_that_has_finished_is_refused_and_begun_anew_if_asked_for,
        one_that_is_over_within_a_poll_is_finished,
    }
    stop {
        each_mode_stops_and_only_a_checkpoint_is_final,
        a_stop_of_what_has_finished_says_so,
    }
    shutdown {
        in_the_middle_of_many_submissions_nothing_is_left_running,
        a_create_under_way_is_found_and_stopped,
        a_run_that_another_client_started_is_left_unless_asked_for,
        a_submission_whose_future_is_dropped_is_still_stopped,
    }
    race {
        two_that_submit_the_same_at_once_make_one,
        two_that_let_the_server_choose_ids_are_told_apart_by_the_next_run,
    }
    many {
        two_hundred_are_listed_once_each_however_small_the_pages,
    }
    ids {
        a_chosen_id_is_kept_and_taken_up_again_by_it,
        one_that_is_found_by_its_id_is_made_once,
        odd_ids_find_their_pipelines,
        an_id_that_is_not_there_is_told,
    }
    token {
        a_wrong_token_is_told_as_credentials_and_one_too_many_is_harmless,
    }
    change {
        one_that_is_known_by_its_id_is_stopped_started_and_deleted,
        one_that_has_finished_is_deleted_and_not_started,
        another_interval_holds_in_the_same_run,
        another_parallelism_begins_a_new_run,
        another_environment_begins_a_new_run_where_there_is_one,
    }
    replace {
        a_changed_query_takes_the_place_of_the_old_one,
        a_query_that_fails_gives_its_place_back,
        a_rerun_ends_with_one_whatever_was_done_before,
    }
    restart {
        what_was_running_goes_on_after_a_restart_of_the_server,
        what_is_submitted_during_a_restart_comes_up_once,
    }
}
