use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Request, Response};
use stepwell_transport::{SharedTransport, Transport, TransportError};

use super::*;
use crate::{ClientErrorKind, Page};

/// A list of pipelines with the cursor of a real Arroyo: "created before `starting_after`".
#[derive(Clone, Debug)]
struct Listing(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    /// Id and time of creation, newest first.
    rows: Vec<(String, u64)>,
    /// No page is larger, whatever is asked for.
    cap: Option<usize>,
    /// What is deleted after so many pages.
    deletes: Vec<(usize, String)>,
    ignores_cursor: bool,
    requests: Vec<String>,
}

impl Listing {
    fn new(rows: impl IntoIterator<Item = (String, u64)>) -> Self {
        let mut rows: Vec<_> = rows.into_iter().collect();
        rows.sort_by_key(|(_, created_at)| std::cmp::Reverse(*created_at));
        Self(Arc::new(Mutex::new(State {
            rows,
            ..State::default()
        })))
    }

    fn with(self, change: impl FnOnce(&mut State)) -> Self {
        change(&mut self.0.lock().unwrap());
        self
    }

    async fn read_by(&self, limit: u32) -> Result<Vec<String>, ClientError> {
        let client = Client::new(SharedTransport::new(self.clone()));
        let limit = NonZeroU32::new(limit).unwrap();
        let pipelines = all_pipelines_by(&client, limit).await?;
        Ok(pipelines
            .into_iter()
            .map(|pipeline| pipeline.id.to_string())
            .collect())
    }

    async fn read(&self) -> Result<Vec<String>, ClientError> {
        self.read_by(FIRST_LIMIT.get()).await
    }

    fn requests(&self) -> Vec<String> {
        self.0.lock().unwrap().requests.clone()
    }

    fn ids(&self) -> Vec<String> {
        let state = self.0.lock().unwrap();
        state.rows.iter().map(|(id, _)| id.clone()).collect()
    }
}

impl Transport for Listing {
    async fn execute(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let mut state = self.0.lock().unwrap();
        let query = request.uri().query().unwrap();
        state.requests.push(query.to_owned());
        let parameter = |name: &str| {
            query
                .split('&')
                .find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
        };
        let limit: usize = parameter("limit").unwrap().parse().unwrap();
        let limit = limit.min(state.cap.unwrap_or(usize::MAX));
        let before = match parameter("starting_after").filter(|_| !state.ignores_cursor) {
            None => u64::MAX,
            // A cursor that is not there leaves nothing.
            Some(after) => state
                .rows
                .iter()
                .find_map(|(id, created_at)| (id == after).then_some(*created_at))
                .unwrap_or(0),
        };
        let mut data: Vec<_> = state
            .rows
            .iter()
            .filter(|(_, created_at)| *created_at < before)
            .take(limit + 1)
            .map(|(id, created_at)| {
                Pipeline::new(PipelineId::from_server(id), "name", "SELECT 1", *created_at)
            })
            .collect();
        let has_more = data.len() > limit;
        data.truncate(limit);
        let pages = state.requests.len();
        let State { rows, deletes, .. } = &mut *state;
        rows.retain(|(id, _)| !deletes.contains(&(pages, id.clone())));
        Ok(Response::new(
            serde_json::to_vec(&Page::new(data, has_more))
                .unwrap()
                .into(),
        ))
    }
}

/// Rows `pl_1`, `pl_2`, …, created at these times.
fn rows(times: impl IntoIterator<Item = u64>) -> Vec<(String, u64)> {
    let ids = (1..).map(|number| format!("pl_{number}"));
    ids.zip(times).collect()
}

fn problem(error: &ClientError) -> &'static str {
    match error.kind() {
        ClientErrorKind::Paging { problem } => problem,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn one_page_holds_all_where_the_server_lets_it() {
    let listing = Listing::new(rows(1..=25));
    assert_eq!(listing.read().await.unwrap(), listing.ids());
    assert_eq!(listing.requests(), ["limit=10000"]);

    let listing = Listing::new([]);
    assert!(listing.read().await.unwrap().is_empty());
    assert_eq!(listing.requests().len(), 1);
}

#[tokio::test]
async fn what_stands_on_a_later_page_is_found() {
    let listing = Listing::new(rows(1..=25)).with(|state| state.cap = Some(10));
    let read = listing.read().await.unwrap();
    assert_eq!(read, listing.ids());
    assert!(read.contains(&"pl_3".to_owned()));
    // The last row of each page is read again.
    assert_eq!(
        listing.requests(),
        [
            "limit=10000",
            "limit=10000&starting_after=pl_17",
            "limit=10000&starting_after=pl_8"
        ]
    );
}

/// Recordings `420_fast_list_all`, `421_fast_list_limit_2`: the page after that is empty on SQLite and says that it is the last.
#[tokio::test]
async fn rows_of_one_second_are_not_skipped() {
    let listing = Listing::new(rows([7; 6]));
    let read = listing.read_by(2).await.unwrap();
    assert_eq!(read, listing.ids());
    assert_eq!(listing.requests(), ["limit=2", "limit=20"]);

    // The border of the pages runs through a second.
    let listing = Listing::new(rows([9, 8, 7, 7, 7, 6, 6, 5]));
    assert_eq!(listing.read_by(4).await.unwrap(), listing.ids());
    assert_eq!(
        listing.requests()[..2],
        ["limit=4", "limit=4&starting_after=pl_2"]
    );
}

#[tokio::test]
async fn all_rows_are_read_whatever_their_times_and_the_limit() {
    let mut state: u64 = 1;
    let mut random = move |below: u64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    for round in 0..500 {
        let count = random(40);
        let span = 1 + random(12);
        let times: Vec<_> = (0..count).map(|_| 1 + random(span)).collect();
        let limit = u32::try_from(1 + random(8)).unwrap();
        let listing = Listing::new(rows(times.clone()));
        let read = listing.read_by(limit).await.unwrap();
        assert_eq!(read, listing.ids(), "round {round}: {times:?} by {limit}");
    }
}

#[tokio::test]
async fn a_cursor_that_is_deleted_does_not_end_the_list() {
    // The cursor goes after the first page: the second one would be empty and claim to be the last.
    let listing =
        Listing::new(rows(1..=8)).with(|state| state.deletes = vec![(1, "pl_6".to_owned())]);
    let read = listing.read_by(4).await.unwrap();
    assert_eq!(read, listing.ids());
    assert_eq!(read.len(), 7);
}

#[tokio::test]
async fn ten_rows_and_an_empty_page_after_them_are_ten_rows() {
    use http::Method;
    use stepwell_transport::FakeTransport;

    let pipelines: Vec<_> = rows((1..=10).rev())
        .into_iter()
        .map(|(id, time)| Pipeline::new(PipelineId::from_server(id), "name", "SELECT 1", time))
        .collect();
    let fake = FakeTransport::new();
    // It is not taken at its word at once: the cursor may have been deleted.
    for _ in 0..2 {
        fake.expect(Method::GET, "/api/v1/pipelines?limit=10000")
            .reply_json(200, &Page::new(pipelines.clone(), true));
        fake.expect(
            Method::GET,
            "/api/v1/pipelines?limit=10000&starting_after=pl_9",
        )
        .reply_json(200, &Page::<Pipeline>::new(Vec::new(), false));
    }
    let client = Client::new(SharedTransport::new(fake.clone()));
    assert_eq!(client.all_pipelines().await.unwrap(), pipelines);
    fake.finish();
}

#[tokio::test]
async fn pages_that_do_not_end_are_an_error() {
    use http::Method;
    use stepwell_transport::FakeTransport;

    let fake = FakeTransport::new();
    fake.expect(Method::GET, "/api/v1/pipelines?limit=10000")
        .reply_text(200, "application/json", r#"{"data":[],"hasMore":true}"#);
    let client = Client::new(SharedTransport::new(fake.clone()));
    let error = client.all_pipelines().await.unwrap_err();
    assert_eq!(
        problem(&error),
        "a page is empty and claims that more follow"
    );
    assert_eq!(
        error.to_string(),
        "could not list the pipelines at http://fake.test:5115: a page is empty and claims that more follow"
    );
    fake.finish();

    // The same page again and again.
    let stuck = Listing::new(rows(1..=25)).with(|state| {
        state.cap = Some(10);
        state.ignores_cursor = true;
    });
    let error = stuck.read().await.unwrap_err();
    assert_eq!(problem(&error), "its cursor does not move");
    assert_eq!(stuck.requests().len(), 2);

    // More rows of one second than the server shows on a page: it cannot be read, and that is said.
    let full = Listing::new(rows([7; 6])).with(|state| state.cap = Some(2));
    let error = full.read().await.unwrap_err();
    assert!(problem(&error).starts_with("more pipelines were created in the same moment"));
    assert!(full.requests().len() <= 4, "{:?}", full.requests());

    // A page a row, for ever.
    let long = Listing::new(rows(1..=3_000)).with(|state| state.cap = Some(2));
    let error = long.read().await.unwrap_err();
    assert_eq!(problem(&error), "it does not end after 1,000 pages");
    assert_eq!(long.requests().len(), PAGES);
}
