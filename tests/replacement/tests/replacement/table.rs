//! The table of reruns: whatever the server shows, the same call ends with exactly one pipeline.

use stepwell::{
    PipelineId, Shutdown, StopMode,
    error::{MeantToRun, ReplacementError},
    transport::Transport as _,
};
use stepwell_control_plane::testing::Server;

use crate::support::*;

async fn rerun(server: &Server, old: &PipelineId) -> Result<(), stepwell::Error> {
    let replaced = replace(server.clone().into_shared(), old, &Shutdown::new()).await;
    replaced.map(drop)
}

async fn stopped(server: &Server, id: &PipelineId) {
    server.stop(id, &StopMode::Checkpoint);
    tokio::time::sleep(seconds(3)).await;
}

#[tokio::test(start_paused = true)]
async fn old_and_new_in_every_combination_end_as_one() {
    for old_runs in [Some(true), Some(false), None] {
        for new_runs in [Some(true), Some(false), None] {
            let told = format!("old {old_runs:?}, new {new_runs:?}");
            let (server, old) = server_with_old().await;
            if let Some(runs) = new_runs {
                let new = start(&server, new_spec()).await;
                if !runs {
                    stopped(&server, &new).await;
                }
            }
            if old_runs != Some(true) {
                stopped(&server, &old).await;
            }
            if old_runs.is_none() {
                server.delete(&old);
            }
            let rerun = rerun(&server, &old).await;
            let names = running_names(&server);
            if old_runs.is_none() && new_runs.is_none() {
                let error = replacement_error(rerun.unwrap_err());
                assert!(
                    matches!(error, ReplacementError::OldGone { new: None, .. }),
                    "{error:?}"
                );
                assert!(server.pipelines().is_empty(), "{told}");
                continue;
            }
            rerun.unwrap_or_else(|error| panic!("{told}: {error:?}"));
            assert_eq!(names, ["new"], "{told}");
            assert_eq!(server.pipelines().len(), 1, "{told}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn one_404_does_not_make_the_old_one_gone() {
    let (server, old) = server_with_old().await;
    let unknown = PipelineId::new("pl_unknown").unwrap();
    let began = tokio::time::Instant::now();
    let error = replacement_error(rerun(&server, &unknown).await.unwrap_err());
    assert!(began.elapsed() >= seconds(10));
    assert!(error.to_string().contains("nothing was created"), "{error}");
    assert_eq!(error.meant_to_run(), None::<MeantToRun>);
    assert_eq!(server.pipelines().len(), 1);
    drop(old);
}
