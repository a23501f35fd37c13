use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use stepwell_arroyo::{ErrorDomain, FailureReason, JobState, Pipeline, PipelineId, StopMode};
use stepwell_transport::{FakeTransport, SharedTransport};

use super::{
    registry::{
        Registry, ShutdownBegun,
        entry::{Intended, Target},
        ticket::Ticket,
    },
    *,
};
use crate::{
    options::Options,
    resolve::attempt::{CreateAttempt, CreateMode, Listed, Sent},
    session::Requester,
    spec::PipelineSpec,
};

fn intended(started_here: bool) -> Intended {
    Intended {
        name: "orders".into(),
        requester: Requester::new(
            SharedTransport::new(FakeTransport::new().at("http://one")),
            &Options::default(),
            &Arc::default(),
        ),
        sight: Arc::default(),
        on_shutdown: OnShutdown::default(),
        since: SystemTime::UNIX_EPOCH,
        target: Target::Pipeline(PipelineId::from_server("pl_1")),
        started_here,
        puts_back: false,
    }
}

fn registry() -> (Arc<Registry>, Ticket) {
    let registry = Arc::new(Registry::new());
    let ticket = Ticket::new(&registry);
    (registry, ticket)
}

#[tokio::test(start_paused = true)]
async fn an_entry_is_quiet_only_when_all_its_writes_have_ended() {
    let (registry, ticket) = registry();
    let first = ticket.intend(intended(true)).unwrap();
    let second = ticket.intend(intended(true)).unwrap();
    let second_long = Duration::from_secs(1);
    drop(first);
    let waited = tokio::time::timeout(second_long, registry.quiet(ticket.id())).await;
    assert!(waited.is_err(), "one write is still under way");
    let ((), ()) = tokio::join!(registry.quiet(ticket.id()), async { drop(second) });
    // An unknown entry has no writes under way.
    registry.quiet(99).await;
}

#[test]
fn once_begun_nothing_can_be_intended() {
    let (registry, ticket) = registry();
    drop(ticket.intend(intended(true)).unwrap());
    registry.begin();
    assert_eq!(ticket.intend(intended(true)).unwrap_err(), ShutdownBegun);
    // Existing entries remain.
    assert_eq!(registry.entry_ids(), [ticket.id()]);
}

#[test]
fn a_run_that_was_started_here_stays_so() {
    let (registry, ticket) = registry();
    let started = |ticket: &Ticket| registry.entry(ticket.id()).unwrap().started_here;
    drop(ticket.intend(intended(false)).unwrap());
    assert!(!started(&ticket));
    drop(ticket.intend(intended(true)).unwrap());
    drop(ticket.intend(intended(false)).unwrap());
    assert!(started(&ticket));
    ticket.forget();
    assert!(registry.entry(ticket.id()).is_none());
    // A new request, which starts nothing.
    drop(ticket.intend(intended(false)).unwrap());
    assert!(!started(&ticket));
}

#[test]
fn what_was_started_here_says_nothing_of_another_pipeline() {
    let (registry, ticket) = registry();
    drop(ticket.intend(intended(true)).unwrap());
    let mut another = intended(false);
    another.target = Target::Pipeline(PipelineId::from_server("pl_2"));
    drop(ticket.intend(another).unwrap());
    assert!(!registry.entry(ticket.id()).unwrap().started_here);
}

#[test]
fn forgetting_an_entry_whose_write_is_under_way_leaves_nothing_behind() {
    let (registry, ticket) = registry();
    let guard = ticket.intend(intended(true)).unwrap();
    ticket.forget();
    drop(guard);
    assert_eq!(registry.len(), 0);
}

#[test]
fn a_pipeline_is_ours_on_its_server_alone_and_stays_so_when_the_entry_is_gone() {
    let (registry, ticket) = registry();
    let id = PipelineId::from_server("pl_1");
    ticket.found(&"http://one".into(), &id, true);
    ticket.forget();
    let pipeline = Pipeline::new(id, "orders".to_owned(), "SELECT 1".to_owned(), 0);
    assert!(registry.is_ours("http://one", &pipeline));
    assert!(!registry.is_ours("http://other", &pipeline));
}

/// A create that has chosen the id `pl_1`.
fn chosen() -> Intended {
    let spec = PipelineSpec::builder("SELECT 1").name("orders").build();
    Intended {
        target: Target::Attempted(CreateAttempt {
            spec: Arc::new(spec.unwrap()),
            mode: CreateMode::ById(PipelineId::from_server("pl_1")),
            since: SystemTime::UNIX_EPOCH,
            sent: Sent::Put,
        }),
        ..intended(true)
    }
}

#[test]
fn a_chosen_id_belongs_to_its_create_until_the_pipeline_is_found() {
    let (registry, ticket) = registry();
    let rival = Ticket::new(&registry);
    let id = PipelineId::from_server("pl_1");
    let _guard = ticket.intend(chosen()).unwrap();
    assert!(registry.is_claimed("http://one", &id, rival.id()));
    assert!(!registry.is_claimed("http://one", &id, ticket.id()));
    ticket.found(&"http://one".into(), &id, true);
    assert!(!registry.is_claimed("http://one", &id, rival.id()));
}

#[test]
fn a_create_in_doubt_does_not_stand_for_a_pipeline_that_is_known() {
    let (registry, in_doubt) = registry();
    let known = Ticket::new(&registry);
    drop(in_doubt.intend(chosen()).unwrap());
    drop(known.intend(intended(true)).unwrap());
    in_doubt.abandon();
    known.abandon();
    assert_eq!(registry.entry_ids(), [in_doubt.id(), known.id()]);
}

#[test]
fn a_pipeline_whose_create_is_not_answered_yet_is_ours_already() {
    let spec = PipelineSpec::builder("SELECT 1").name("orders").build();
    let spec = Arc::new(spec.unwrap());
    let listed = PipelineId::from_server("pl_listed");
    let attempt = |id: Option<&str>| CreateAttempt {
        spec: Arc::clone(&spec),
        mode: CreateMode::Listed(Listed {
            read_at: tokio::time::Instant::now(),
            id: id.map(PipelineId::from_server),
            chosen: Some(PipelineId::from_server("pl_chosen")),
            has_stand_in: false,
            near: None,
            before: [listed.clone()].into(),
        }),
        since: SystemTime::UNIX_EPOCH,
        sent: if id.is_some() { Sent::Put } else { Sent::Post },
    };
    for (id, pipeline, name, query, ours) in [
        (Some("pl_chosen"), "pl_chosen", "orders", "SELECT 1", true),
        (Some("pl_chosen"), "pl_chosen", "orders", "SELECT 2", false),
        (Some("pl_chosen"), "pl_1", "orders", "SELECT 1", false),
        (None, "pl_1", "orders", "SELECT 1", true),
        (None, "pl_1", "another", "SELECT 1", false),
        (None, "pl_1", "orders", "SELECT 2", false),
        // Created before, or by another client's `PUT`.
        (None, "pl_listed", "orders", "SELECT 1", false),
        (None, "pl_chosen", "orders", "SELECT 1", false),
    ] {
        let (registry, ticket) = registry();
        let mut intended = intended(true);
        intended.target = Target::Attempted(attempt(id));
        let _guard = ticket.intend(intended).unwrap();
        let shown = PipelineId::from_server(pipeline);
        let shown = Pipeline::new(shown, name.to_owned(), query.to_owned(), 0);
        assert_eq!(registry.is_ours("http://one", &shown), ours, "{shown:?}");
        assert!(!registry.is_ours("http://other", &shown));
    }
}

#[test]
fn one_pipeline_answers_for_one_create() {
    let (registry, ticket) = registry();
    let rival = Ticket::new(&registry);
    let id = PipelineId::from_server("pl_1");
    assert!(!registry.is_claimed("http://one", &id, rival.id()));
    assert!(
        !registry.claim(&"http://one".into(), &id, ticket.id()),
        "its create is another one's by now"
    );
    drop(ticket.intend(intended(true)).unwrap());
    drop(rival.intend(intended(true)).unwrap());
    assert!(registry.claim(&"http://one".into(), &id, ticket.id()));
    assert!(
        registry.claim(&"http://one".into(), &id, ticket.id()),
        "claimed by itself"
    );
    assert!(!registry.claim(&"http://one".into(), &id, rival.id()));
    assert!(registry.is_claimed("http://one", &id, rival.id()));
    assert!(!registry.is_claimed("http://one", &id, ticket.id()));
    assert!(registry.claim(&"http://other".into(), &id, rival.id()));
}

#[test]
fn escalations_are_taken_in_the_order_of_their_time() {
    let policy = StopPolicy::builder()
        .escalate(Escalation::new(Duration::from_secs(20), StopMode::Force))
        .escalate(Escalation::new(
            Duration::from_secs(10),
            StopMode::Immediate,
        ))
        .build();
    let modes: Vec<_> = policy.escalations.iter().map(|step| &step.mode).collect();
    assert_eq!(modes, [&StopMode::Immediate, &StopMode::Force]);
    assert!(StopPolicy::default().escalations.is_empty());
    assert_eq!(StopPolicy::default().mode, StopMode::Checkpoint);
}

#[test]
fn a_report_says_what_became_of_each_pipeline() {
    let entry = |name: &str, end| ShutdownEntry {
        name: name.to_owned(),
        id: Some(PipelineId::from_server(format!("pl_{name}"))),
        end,
    };
    let ended = |final_checkpoint| ShutdownEnd::Ended {
        state: JobState::Stopped,
        final_checkpoint,
        failure: None,
    };
    let at_its_end = |state, words: Option<&str>| ShutdownEnd::Ended {
        state,
        final_checkpoint: words.map(|_| false),
        failure: words.map(|words| FailureReason::new(words, ErrorDomain::Internal)),
    };
    let report = ShutdownReport {
        entries: vec![
            entry("a", ended(Some(true))),
            entry("b", ended(Some(false))),
            entry("c", ended(None)),
            entry(
                "s",
                at_its_end(JobState::Failed, Some("failed while stopping job")),
            ),
            entry("t", at_its_end(JobState::Finished, None)),
            entry("d", ShutdownEnd::NotCreated),
            entry("e", ShutdownEnd::Left),
            entry(
                "f",
                ShutdownEnd::Unsettled {
                    since: SystemTime::now() - Duration::from_millis(7_200),
                    error: Unsettled::UnderWay,
                },
            ),
        ],
    };
    assert_eq!(report.unsettled().count(), 1);
    assert_eq!(
        report.to_string(),
        "pipeline \"a\" (pl_a) is Stopped with a final checkpoint; \
         pipeline \"b\" (pl_b) is Stopped without a final checkpoint; \
         pipeline \"c\" (pl_c) is Stopped (whether a final checkpoint was made is not known); \
         pipeline \"s\" (pl_s) is Failed without a final checkpoint: failed while stopping job; \
         pipeline \"t\" (pl_t) is Finished; \
         pipeline \"d\" (pl_d) was not created; \
         pipeline \"e\" (pl_e) was left as it is; \
         pipeline \"f\" (pl_f) (begun 7 s ago) may still be running: \
         a request for it was still under way at the deadline; look for it by name"
    );
}

#[tokio::test(start_paused = true)]
async fn clones_are_the_same_shutdown_and_beginning_wakes_all_who_wait() {
    let shutdown = Shutdown::new();
    let clone = shutdown.clone();
    assert!(!clone.is_begun());
    let ((), (), ()) = tokio::join!(clone.begun(), shutdown.begun(), async { shutdown.begin() });
    assert!(clone.is_begun());
    assert_eq!(
        format!("{clone:?}"),
        "Shutdown { begun: true, pipelines: 0 }"
    );
}

#[test]
fn a_shutdown_names_the_pipelines_that_it_knows_of() {
    let shutdown = Shutdown::new();
    assert_eq!(shutdown.pipelines(), []);
    let ticket = Ticket::new(&shutdown.registry);
    drop(ticket.intend(intended(true)).unwrap());
    let target = KnownPipeline {
        name: "orders".to_owned(),
        id: Some(PipelineId::from_server("pl_1")),
    };
    assert_eq!(shutdown.pipelines(), [target]);
    ticket.forget();
    assert_eq!(shutdown.pipelines(), []);
}
