//! Properties of every decision and every resume, whatever the server shows and the spec asks for.

use std::num::NonZeroU32;

use proptest::{
    prelude::*,
    sample::{select, subsequence},
};

use super::*;

const RUNS: [JobState; 6] = [
    JobState::Created,
    JobState::Compiling,
    JobState::Scheduling,
    JobState::Running,
    JobState::Rescaling,
    JobState::Restarting,
];

fn state() -> impl Strategy<Value = JobState> {
    let others = vec![
        JobState::Recovering,
        JobState::CheckpointStopping,
        JobState::Stopping,
        JobState::Stopped,
        JobState::Finishing,
        JobState::Finished,
        JobState::Failing,
        JobState::Failed,
    ];
    prop_oneof![
        6 => select(RUNS.to_vec()),
        8 => select(others),
        // An unknown state of a later server counts as a running one.
        1 => "[A-Z][a-z]{3,9}ed".prop_map(|name| JobState::from(name.as_str())),
    ]
}

fn some_job() -> impl Strategy<Value = Job> {
    (state(), any::<bool>(), any::<u64>(), any::<u64>()).prop_map(
        |(state, running_desired, run_id, created_at)| {
            let mut job = job(state);
            job.running_desired = running_desired;
            job.run_id = run_id;
            job.created_at = created_at;
            job
        },
    )
}

fn stop() -> impl Strategy<Value = StopMode> {
    let modes = [
        "none",
        "checkpoint",
        "graceful",
        "immediate",
        "force",
        "later",
    ];
    select(modes.to_vec()).prop_map(StopMode::from)
}

fn resumed() -> impl Strategy<Value = (PipelineSpec, Pipeline, Option<Job>)> {
    let asked = prop::option::of(1_u32..4);
    (
        asked,
        prop::option::of(0_u32..4),
        stop(),
        prop::option::of(some_job()),
    )
        .prop_map(|(asked, has, stop, job)| {
            let mut spec = builder();
            if let Some(asked) = asked.and_then(NonZeroU32::new) {
                spec = spec.parallelism(asked);
            }
            let mut pipeline = has.map_or_else(|| pipeline("pl_1", QUERY), with_graph);
            pipeline.stop = stop;
            (spec.build().unwrap(), pipeline, job)
        })
}

const IDS: [&str; 5] = ["pl_1", "pl_2", "pl_ours", "pl_given", "pl_of_spec"];

fn id(name: &str) -> PipelineId {
    match name {
        "pl_of_spec" => PipelineId::for_spec("", "orders", QUERY),
        name => PipelineId::from_server(name),
    }
}

/// A server with some pipelines, each with the state of its job.
fn server() -> impl Strategy<Value = Vec<(Pipeline, Option<JobState>)>> {
    subsequence(IDS.to_vec(), 0..=IDS.len()).prop_flat_map(|ids| {
        let one = |name: &'static str| {
            let query = prop_oneof![2 => Just(QUERY), 1 => Just("SELECT 2")];
            let job = prop_oneof![
                1 => Just(None),
                2 => Just(Some(JobState::Finished)),
                2 => state().prop_map(Some),
            ];
            (query, prop::bool::weighted(0.2), job).prop_map(move |(query, preview, job)| {
                let mut pipeline = pipeline(id(name).as_str(), query);
                pipeline.preview = preview;
                (pipeline, job)
            })
        };
        ids.into_iter().map(one).collect::<Vec<_>>()
    })
}

fn spec() -> impl Strategy<Value = PipelineSpec> {
    let intent = prop_oneof![
        2 => Just(Intent::ResumeOrCreate),
        1 => Just(Intent::CreateOnly),
        1 => Just(Intent::ResumeOnly),
        1 => select(IDS.to_vec()).prop_map(|name| Intent::Resume(id(name))),
    ];
    let identity = prop_oneof![
        2 => Just(Identity::default()),
        1 => Just(Identity::ServerAssigned),
        1 => Just(Identity::Given(PipelineId::from_server("pl_given"))),
    ];
    let when_finished = select(vec![WhenFinished::Refuse, WhenFinished::NewRun]);
    (intent, identity, when_finished, any::<bool>()).prop_map(
        |(intent, identity, when_finished, force)| {
            let spec = builder().intent(intent).identity(identity);
            let spec = spec.when_finished(when_finished).force(force);
            spec.build().unwrap()
        },
    )
}

/// Whether this is the pipeline of the spec. An id decides alone: the same query under another id is a different pipeline.
fn is_match(spec: &PipelineSpec, pipeline: &Pipeline) -> bool {
    let has_the_id = match (spec.intent(), spec.identity()) {
        (Intent::Resume(id), _) | (_, Identity::Given(id)) => pipeline.id == *id,
        _ => true,
    };
    has_the_id && pipeline.query == QUERY && !pipeline.preview
}

/// The states of the jobs of the matches.
fn states(spec: &PipelineSpec, server: &[(Pipeline, Option<JobState>)]) -> Vec<Option<JobState>> {
    let matches = server
        .iter()
        .filter(|(pipeline, _)| is_match(spec, pipeline));
    matches.map(|(_, state)| state.clone()).collect()
}

/// Failing cases are printed in full, so none is kept in a file.
fn config() -> ProptestConfig {
    ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn only_a_failed_job_is_restarted_and_what_ends_is_left_alone((spec, pipeline, job) in resumed()) {
        let requests = ResumePlan::of(spec.parallelism(), &pipeline, job.as_ref()).requests();
        let state = job.as_ref().map(|job| &job.state);
        let restarts = requests.contains(&PlannedRequest::Restart);
        prop_assert_eq!(restarts, state == Some(&JobState::Failed));
        // A `PATCH` after a restart would restart once more.
        prop_assert!(!restarts || requests.last() == Some(&PlannedRequest::Restart));
        let ends = matches!(state, Some(JobState::Finishing | JobState::Failing));
        prop_assert_eq!(requests.contains(&PlannedRequest::AwaitEnd), ends);
        prop_assert!(!ends || requests.len() == 1, "{requests:?}");
    }

    #[test]
    fn a_request_is_sent_only_for_what_is_not_so_already((spec, pipeline, job) in resumed()) {
        let requests = ResumePlan::of(spec.parallelism(), &pipeline, job.as_ref()).requests();
        if requests == [PlannedRequest::AwaitEnd] {
            return Ok(());
        }
        // No request is planned twice.
        for (place, request) in requests.iter().enumerate() {
            prop_assert!(!requests[..place].contains(request), "{requests:?}");
        }
        let told_to_stop = pipeline.stop != StopMode::None;
        let stops = job.as_ref().is_some_and(|job| {
            let state = &job.state;
            !job.running_desired
                && matches!(state, JobState::Stopping | JobState::CheckpointStopping | JobState::Stopped)
        });
        prop_assert_eq!(requests.contains(&PlannedRequest::Start), told_to_stop || stops);
        let parallelism = requests.iter().find_map(|request| match request {
            PlannedRequest::Parallelism { to } => Some(*to),
            _ => None,
        });
        let differs = spec.parallelism().filter(|asked| pipeline.graph.parallelism() != Some(asked.get()));
        prop_assert_eq!(parallelism, differs);
    }

    /// If the desired state is as it should be and the job is live, the pipeline is adopted without disturbing its run.
    #[test]
    fn a_run_that_is_as_asked_for_is_left_alone(
        (spec, mut pipeline, _) in resumed(),
        mut job in some_job(),
        runs in prop_oneof![select(RUNS.to_vec()), "[A-Z][a-z]{3,9}ed".prop_map(|name| JobState::from(name.as_str()))],
    ) {
        // A generated name may be one of the terminal states.
        prop_assume!(!runs.is_terminal());
        job.state = runs;
        pipeline.stop = StopMode::None;
        if let Some(asked) = spec.parallelism() {
            pipeline.graph = with_graph(asked.get()).graph;
        }
        prop_assert_eq!(ResumePlan::of(spec.parallelism(), &pipeline, Some(&job)).requests(), []);
    }

    /// Run numbers tell runs apart; they do not decide what to do.
    #[test]
    fn the_state_decides_alone((spec, pipeline, job) in resumed(), run_id: u64, created_at: u64) {
        let of_another_run = job.clone().map(|mut job| {
            job.run_id = run_id;
            job.created_at = created_at;
            job
        });
        prop_assert_eq!(
            ResumePlan::of(spec.parallelism(), &pipeline, job.as_ref()),
            ResumePlan::of(spec.parallelism(), &pipeline, of_another_run.as_ref())
        );
    }

    #[test]
    fn nothing_is_created_beside_one_that_lives_nor_where_that_is_not_asked_for(
        spec in spec(),
        server in server(),
    ) {
        let Ok(Decision::Create { id, listed, forced_past, .. }) = decide_for(&spec, &server) else {
            return Ok(());
        };
        let only_resumes = matches!(spec.intent(), Intent::ResumeOnly | Intent::Resume(_));
        prop_assert!(!only_resumes);
        let states = states(&spec, &server);
        prop_assert!(states.iter().all(|state| *state == Some(JobState::Finished)), "{states:?}");
        prop_assert!(states.is_empty() || spec.when_finished() == WhenFinished::NewRun);
        prop_assert!(forced_past.is_empty() || spec.force() || !states.is_empty());
        // Previews have ids too.
        prop_assert_eq!(listed.len(), server.len());
        prop_assert!(id.is_none_or(|id| !listed.contains(&id)));
    }

    /// Other pipelines that are not requested are not kept, and the decision is the same.
    #[test]
    fn the_others_change_nothing_where_they_are_not_asked_for(
        spec in spec(),
        server in server(),
    ) {
        let mut decided = decide_for(&spec, &server);
        if let Ok(Decision::Create { forced_past, .. }) = &mut decided
            && spec.force()
        {
            forced_past.clear();
        }
        let demanded = decide_on(false, &spec, &server);
        prop_assert_eq!(format!("{demanded:?}"), format!("{decided:?}"));
    }

    #[test]
    fn only_the_one_that_lives_is_resumed(spec in spec(), server in server()) {
        let Ok(Decision::Resume { pipeline, job }) = decide_for(&spec, &server) else {
            return Ok(());
        };
        prop_assert!(*spec.intent() != Intent::CreateOnly);
        let (found, state) = server.iter().find(|(there, _)| there.id == pipeline.id).unwrap();
        prop_assert_eq!(found, &*pipeline);
        prop_assert_eq!(job.map(|job| job.state), state.clone());
        prop_assert!(is_match(&spec, found));
        let alive: Vec<_> = states(&spec, &server)
            .into_iter()
            .filter(|state| *state != Some(JobState::Finished))
            .collect();
        prop_assert_eq!(alive, [state.clone()]);
    }

    /// The order of the server's list does not matter.
    #[test]
    fn the_order_of_the_list_decides_nothing(
        spec in spec(),
        (server, mixed) in server().prop_flat_map(|server| (Just(server.clone()), Just(server).prop_shuffle())),
    ) {
        let kind = |server| match decide_for(&spec, server) {
            Ok(Decision::Create { id, .. }) => format!("create {id:?}"),
            Ok(Decision::CreateById(id)) => panic!("{id} is created without the list"),
            Ok(Decision::Resume { pipeline, .. }) => format!("resume {}", pipeline.id),
            Err(error) => format!("{:?}", std::mem::discriminant(&error)),
        };
        prop_assert_eq!(kind(&server), kind(&mixed));
    }
}
