mod listing;
mod properties;

use stepwell_transport::SharedTransport;

use self::listing::{Change, Listing};
use super::*;
use crate::{ClientErrorKind, Page, Pipeline};

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

/// Recordings `420_fast_list_all`, `421_fast_list_limit_2`: on SQLite the next page is empty and claims to be the last.
#[tokio::test]
async fn rows_of_one_second_are_not_skipped() {
    let listing = Listing::new(rows([7; 6]));
    let read = listing.read_by(2).await.unwrap();
    assert_eq!(read, listing.ids());
    assert_eq!(listing.requests(), ["limit=2", "limit=20"]);

    // Rows of the same second are on both sides of the border.
    let listing = Listing::new(rows([9, 8, 7, 7, 7, 6, 6, 5]));
    assert_eq!(listing.read_by(4).await.unwrap(), listing.ids());
    assert_eq!(
        listing.requests()[..2],
        ["limit=4", "limit=4&starting_after=pl_2"]
    );
}

#[tokio::test]
async fn a_cursor_that_is_deleted_does_not_end_the_list() {
    // The cursor is deleted after the first page, so the second one is empty and claims to be the last.
    let listing = Listing::new(rows(1..=8))
        .with(|state| state.changes = vec![(1, Change::Delete("pl_6".to_owned()))]);
    let read = listing.read_by(4).await.unwrap();
    assert_eq!(read, listing.ids());
    assert_eq!(read.len(), 7);
}

/// Found by the property tests: the same ids twice, with another cursor deleted each time.
#[tokio::test]
async fn a_cursor_that_is_back_under_its_id_does_not_make_two_readings_agree() {
    let listing = Listing::new(rows(1..=8)).with(|state| {
        state.cap = Some(4);
        state.changes = vec![
            (1, Change::DeleteCursor),
            (2, Change::CreateAnew),
            (3, Change::DeleteCursor),
        ];
    });
    let read = listing.read().await.unwrap();
    assert_eq!(read, listing.ids());
    assert!(read.contains(&"pl_1".to_owned()));
}

/// Found by the property tests: the larger page began with a newer row, which was placed after the rows of the smaller page.
#[tokio::test]
async fn what_is_created_before_a_larger_page_stands_first() {
    let listing = Listing::new(rows([7; 6]))
        .with(|state| state.changes = vec![(1, Change::Create { later: true })]);
    assert_eq!(listing.read_by(2).await.unwrap(), listing.ids());
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
    // The claim is checked, because the cursor may have been deleted.
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

    // More rows of one second than a page can have: the list cannot be read, and the error says so.
    let full = Listing::new(rows([7; 6])).with(|state| state.cap = Some(2));
    let error = full.read().await.unwrap_err();
    assert!(problem(&error).starts_with("more pipelines were created in the same moment"));
    assert!(full.requests().len() <= 4, "{:?}", full.requests());

    // One row per page, for ever.
    let long = Listing::new(rows(1..=3_000)).with(|state| state.cap = Some(2));
    let error = long.read().await.unwrap_err();
    assert_eq!(problem(&error), "it does not end after 1,000 pages");
    assert_eq!(long.requests().len(), PAGES);
}

/// 10,000 pipelines with plans of 30 KiB exceed the limit of a reply.
#[tokio::test]
async fn a_page_with_too_many_bytes_is_asked_for_with_fewer_rows() {
    let listing = Listing::new(rows(1..=1_500)).with(|state| state.too_large = Some(1_001));
    assert_eq!(listing.read().await.unwrap(), listing.ids());
    assert_eq!(
        listing.requests(),
        [
            "limit=10000",
            "limit=1000",
            "limit=1000&starting_after=pl_502"
        ]
    );

    // A repeated reading begins with the smaller limit.
    let listing = Listing::new(rows(1..=30)).with(|state| {
        state.too_large = Some(20);
        state.changes = vec![(4, Change::DeleteCursor)];
    });
    let read = listing.read().await.unwrap();
    assert_eq!(read, listing.ids());
    let too_large = ["limit=10000", "limit=1000", "limit=100"];
    assert_eq!(listing.requests()[..3], too_large);
    let again = &listing.requests()[3..];
    assert!(
        again
            .iter()
            .all(|request| request.starts_with("limit=10&") || request == "limit=10"),
        "{again:?}"
    );
}

#[tokio::test]
async fn rows_that_fit_no_page_are_an_error() {
    let is_too_large = |error: &ClientError| {
        error.transport_error_kind() == Some(TransportErrorKind::BodyTooLarge)
    };
    // Ten of them are too large.
    let listing = Listing::new(rows(1..=30)).with(|state| state.too_large = Some(5));
    let error = listing.read().await.unwrap_err();
    assert!(is_too_large(&error), "{error}");
    assert_eq!(listing.requests().len(), 4);

    // A smaller page only has one moment, and a larger one is too large: the error comes instead of endless attempts.
    let listing = Listing::new(rows([7; 30])).with(|state| state.too_large = Some(20));
    let error = listing.read().await.unwrap_err();
    assert!(is_too_large(&error), "{error}");
    assert_eq!(listing.requests().len(), 5);

    // After that moment the list continues.
    let times = (0..12).map(|_| 90).chain(1..=80);
    let listing = Listing::new(rows(times)).with(|state| state.too_large = Some(70));
    let error = listing.read().await.unwrap_err();
    assert!(is_too_large(&error), "{error}");
}
