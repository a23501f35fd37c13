//! A fault at every request.

use stepwell::{SharedTransport, Shutdown, error::Chain, transport::Transport as _};

use crate::support::*;

/// As long as no process lives for without an answer.
const LONG: u64 = 10_000;

/// One replacement with a fault, then a rerun without. `fails`: the new query fails.
async fn with_fault(fault: Option<(usize, usize, Fault)>, fails: bool) -> usize {
    let (server, old) = server_with_old().await;
    if fails {
        server.set_workers(NEW, failing());
    }
    let told = format!("{fault:?}, the new one fails: {fails}");
    let faulty = Faulty::new(&server, fault);
    let shutdown = Shutdown::new();
    let replacing = Box::pin(replace(faulty.clone().into_shared(), &old, &shutdown));
    let first = tokio::time::timeout(seconds(LONG), replacing).await;
    let kills = fault.is_some_and(|(.., fault)| fault.kills());
    match &first {
        Ok(Ok(_)) => assert_eq!(running_names(&server), ["new"], "{told}"),
        Ok(Err(error)) => {
            let text = Chain(error).to_string();
            assert!(fails || fault.is_some(), "{told}: {text}");
            if let stepwell::Error::Replacement { source } = error {
                use stepwell::error::MeantToRun::{Neither, New, Old};
                let names = running_names(&server);
                let is_true = match source.meant_to_run() {
                    Some(Old) => names == ["old"],
                    Some(New) => names == ["new"],
                    Some(Neither) => names.is_empty(),
                    _ => true,
                };
                assert!(is_true, "{told}: {names:?} is meant to run: {text}");
            }
        }
        Err(_) => assert!(kills, "{told}: it does not end"),
    }
    assert!(faulty.most_at_once() <= 1, "{told}: {:?}", faulty.writes());
    drop((first, shutdown));

    let again = Faulty::new(&server, None);
    let shutdown = Shutdown::new();
    let second = replace(again.clone().into_shared(), &old, &shutdown).await;
    let names = running_names(&server);
    let writes = (faulty.writes(), again.writes());
    match &second {
        Ok(running) => {
            assert!(!fails, "{told}");
            assert_eq!(running.name(), "new", "{told}");
            assert_eq!(names, ["new"], "{told}: {writes:?}");
            assert!(
                server.pipeline(&old).is_none(),
                "{told}: the old one is there"
            );
        }
        Err(error) => {
            let text = Chain(error).to_string();
            assert!(fails, "{told}: {text}: {writes:?}");
            assert_eq!(names, ["old"], "{told}: {text}: {writes:?}");
        }
    }
    assert!(again.most_at_once() <= 1, "{told}: {writes:?}");
    faulty.requests()
}

async fn every_request(fails: bool, count: usize) {
    let requests = with_fault(None, fails).await;
    assert!(requests > 20, "{requests}");
    for at in 0..requests {
        for fault in Fault::ALL {
            if count == 1 || !fault.kills() {
                with_fault(Some((at, count, fault)), fails).await;
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_query_that_comes_up_takes_the_place_of_the_old_one_whichever_request_fails() {
    every_request(false, 1).await;
}

#[tokio::test(start_paused = true)]
async fn a_query_that_fails_gives_its_place_back_whichever_request_fails() {
    every_request(true, 1).await;
}

/// So long that the deadlines of some steps pass.
#[tokio::test(start_paused = true)]
async fn an_outage_at_any_request_leaves_nothing_that_a_rerun_does_not_mend() {
    for fails in [false, true] {
        every_request(fails, 200).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_shared_transport_is_what_both_submissions_have() {
    let (server, old) = server_with_old().await;
    let transport: SharedTransport = server.clone().into_shared();
    let running = replace(transport, &old, &Shutdown::new()).await.unwrap();
    assert_eq!(running.name(), "new");
}
