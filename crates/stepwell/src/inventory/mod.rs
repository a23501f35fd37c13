//! What one server holds, read once for many submissions: see [`Inventory`].

mod find;
pub(crate) mod ledger;
mod refresh;

use std::{fmt, sync::Arc};

use stepwell_transport::{SharedTransport, Transport};

use self::ledger::Ledger;
use crate::{
    spec::PipelineSpec,
    submission::{Submission, SubmissionBuilder},
};

pub(crate) use find::{Demand, Found};

/// The pipelines of one server, shared by many submissions: the first [`resolve`](Submission::resolve) reads the whole list, and each
/// later one only what is new.
///
/// A hundred specs that are submitted to a server that holds 10,000 pipelines read its list once, instead of a hundred times. Clones
/// share what is known. An inventory sends over its own transport alone, so what it knows of one server is never used for another.
///
/// Nothing that may be out of date decides:
///
/// - That there is no pipeline with a query is concluded from the whole list and from the newest pages, which are read after it was
///   asked for. Rows that were made within 5 minutes before what is known are read again, for a create shows only when its transaction
///   ends; one that takes longer than that may be missed.
/// - A pipeline that is resumed, or counts as a second match, was read by its id just before.
/// - A refusal because of other pipelines, or because there is nothing to resume, is given after the whole list was read again.
/// - A create is guarded as without an inventory: under an id of its own the server refuses a second one.
///
/// Of a query only two hashes are kept, under a key that is drawn anew in each process. It takes about 300 bytes a pipeline. That one has
/// gone the newest pages do not show: when twice as many are known as the whole list had, and 2,000 more, it is read again.
///
/// One submission reads and the others wait for it, each within its own deadline. So let each make progress, in a task of its own: one
/// whose `resolve` is begun and then left unpolled keeps the others waiting.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use http::Method;
/// use stepwell::{Inventory, PipelineSpec};
/// use stepwell_transport::FakeTransport;
/// use serde_json::json;
///
/// let fake = FakeTransport::any_order();
/// let plan = json!({"graph": {"nodes": [], "edges": []}, "errors": []});
/// let pipeline = |id: &str, query: &str| json!({"id": id, "name": "query", "query": query, "stop": "none", "created_at": 1});
/// let job = json!({"data": [{"id": "job_1", "running_desired": true, "state": "Running", "created_at": 1}]});
/// fake.expect(Method::GET, "/api/v1/ping").reply_json(200, "Pong").times(2);
/// fake.expect(Method::POST, "/api/v1/pipelines/validate_query").reply_json(200, &plan).times(2);
/// let list = json!({"data": [pipeline("pl_1", "SELECT 1"), pipeline("pl_2", "SELECT 2")], "hasMore": false});
/// // The whole list once, and then the newest: here two are new enough, and 20 more are asked for.
/// fake.expect(Method::GET, "/api/v1/pipelines?limit=10000").reply_json(200, &list);
/// fake.expect(Method::GET, "/api/v1/pipelines?limit=22").reply_json(200, &list);
/// for (id, query) in [("pl_1", "SELECT 1"), ("pl_2", "SELECT 2")] {
///     let path = format!("/api/v1/pipelines/{id}");
///     fake.expect(Method::GET, path.clone()).reply_json(200, &pipeline(id, query));
///     fake.expect(Method::GET, format!("{path}/jobs")).reply_json(200, &job);
/// }
///
/// let inventory = Inventory::new(fake.clone());
/// for (query, id) in [("SELECT 1", "pl_1"), ("SELECT 2", "pl_2")] {
///     let submission = inventory.submit(PipelineSpec::new(query)).build();
///     let resolution = submission.connect().await?.validate().await?.resolve().await?;
///     assert_eq!(resolution.id().as_str(), id);
/// }
/// # fake.finish();
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Inventory {
    shared: Arc<Shared>,
}

struct Shared {
    transport: SharedTransport,
    ledger: Arc<Ledger>,
    /// One reads at a time; the others wait, each within its own deadline.
    turn: tokio::sync::Mutex<()>,
}

impl Inventory {
    /// An inventory of the server behind `transport`. Reads nothing yet.
    pub fn new(transport: impl Transport) -> Self {
        Self {
            shared: Arc::new(Shared {
                transport: transport.into_shared(),
                ledger: Arc::new(Ledger::default()),
                turn: tokio::sync::Mutex::new(()),
            }),
        }
    }

    /// A submission of `spec` that resolves with this inventory, over its transport. Sends nothing.
    pub fn submit(&self, spec: PipelineSpec) -> SubmissionBuilder {
        Submission::builder(self.shared.transport.clone(), spec).with_inventory(self.clone())
    }
}

impl fmt::Debug for Inventory {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Inventory")
            .field("transport", &self.shared.transport)
            .field("pipelines", &self.shared.ledger.len())
            .finish()
    }
}
