use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor},
};

use super::{Job, PipelineRow};
use crate::JsonError;

/// One page of a list (recording `401_list_limit_2`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Page<T> {
    /// The rows.
    pub data: Vec<T>,
    /// Whether more rows follow. Every server spells it `hasMore`.
    #[serde(rename = "hasMore", alias = "has_more")]
    pub has_more: bool,
}

impl<T> Page<T> {
    /// Creates a page.
    pub fn new(data: Vec<T>, has_more: bool) -> Self {
        Self { data, has_more }
    }
}

/// A list without pages, of jobs or checkpoints.
#[derive(Debug, Deserialize)]
pub(crate) struct All<T> {
    pub(crate) data: Vec<T>,
}

/// The newest job in a list. A pipeline has one job; should a server show several, the newest counts.
#[derive(Debug, Deserialize)]
pub(crate) struct NewestJob {
    #[serde(deserialize_with = "newest")]
    pub(crate) data: Option<Job>,
}

fn newest<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Job>, D::Error> {
    struct Jobs;

    impl<'de> Visitor<'de> for Jobs {
        type Value = Option<Job>;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("a list of jobs")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut jobs: A) -> Result<Option<Job>, A::Error> {
            let age = |job: &Job| (job.created_at, job.run_id);
            let mut newest: Option<Job> = None;
            while let Some(job) = jobs.next_element()? {
                if newest
                    .as_ref()
                    .is_none_or(|newest| age(&job) >= age(newest))
                {
                    newest = Some(job);
                }
            }
            Ok(newest)
        }
    }

    deserializer.deserialize_seq(Jobs)
}

/// Called for each row of a page.
pub(crate) type EachRow<'a> = &'a mut (dyn FnMut(PipelineRow<'_>) -> Result<(), JsonError> + Send);

/// Reads a page of pipelines row by row, without keeping any. Returns whether more rows follow. Fails if any row cannot be read.
pub(crate) fn read_rows(json: &str, each: EachRow<'_>) -> Result<bool, serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_str(json);
    let has_more = PageOf(each).deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(has_more)
}

struct PageOf<'a>(EachRow<'a>);

/// The fields of a page that are read.
#[derive(Deserialize)]
#[serde(field_identifier)]
enum Field {
    #[serde(rename = "data")]
    Data,
    #[serde(rename = "hasMore", alias = "has_more")]
    HasMore,
    #[serde(other)]
    Other,
}

impl<'de> DeserializeSeed<'de> for PageOf<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for PageOf<'_> {
    type Value = bool;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a page of pipelines")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<bool, A::Error> {
        let (mut is_read, mut has_more) = (false, None);
        while let Some(field) = map.next_key()? {
            match field {
                Field::Data if is_read => return Err(Error::duplicate_field("data")),
                Field::Data => {
                    map.next_value_seed(RowsOf(&mut *self.0))?;
                    is_read = true;
                }
                Field::HasMore if has_more.is_some() => {
                    return Err(Error::duplicate_field("hasMore"));
                }
                Field::HasMore => has_more = Some(map.next_value()?),
                Field::Other => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        if !is_read {
            return Err(Error::missing_field("data"));
        }
        has_more.ok_or_else(|| Error::missing_field("hasMore"))
    }
}

struct RowsOf<'a>(EachRow<'a>);

impl<'de> DeserializeSeed<'de> for RowsOf<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for RowsOf<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("pipelines")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut rows: A) -> Result<(), A::Error> {
        while let Some(row) = rows.next_element()? {
            (self.0)(row).map_err(Error::custom)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROW: &str = r#"{"id":"pl_1","name":"a","query":"b","stop":"none","created_at":7}"#;

    fn read(json: &str) -> Result<(Vec<String>, bool), String> {
        let mut ids = Vec::new();
        let mut each = |row: PipelineRow<'_>| {
            ids.push(row.id.to_string());
            Ok(())
        };
        let has_more = read_rows(json, &mut each).map_err(|error| error.to_string())?;
        Ok((ids, has_more))
    }

    #[test]
    fn of_several_jobs_the_newest_counts() {
        let job = |id: &str, created_at: u64, run_id: u64| {
            format!(
                r#"{{"id":"{id}","running_desired":true,"state":"Running","run_id":{run_id},"created_at":{created_at}}}"#
            )
        };
        let newest = |jobs: &[String]| {
            let json = format!(r#"{{"data":[{}],"more":1}}"#, jobs.join(","));
            let newest: NewestJob = serde_json::from_str(&json).unwrap();
            newest.data.map(|job| job.id.to_string())
        };
        assert_eq!(newest(&[]), None);
        for jobs in [
            [job("old", 1, 9), job("new", 2, 1), job("older", 0, 5)],
            [job("new", 2, 2), job("old", 2, 1), job("older", 1, 7)],
            [job("older", 1, 1), job("old", 2, 3), job("new", 2, 3)],
        ] {
            assert_eq!(newest(&jobs).as_deref(), Some("new"));
        }
        for json in [
            r#"{"data":null}"#,
            "{}",
            r#"{"data":[{"id":"a"}]}"#,
            r#"{"data":[5]}"#,
        ] {
            assert!(serde_json::from_str::<NewestJob>(json).is_err(), "{json}");
        }
    }

    #[test]
    fn the_fields_come_in_any_order_and_either_spelling() {
        let row = || vec!["pl_1".to_owned()];
        for json in [
            format!(r#"{{"data":[{ROW}],"hasMore":true}}"#),
            format!(r#"{{"has_more":true,"more":[{{}}],"data":[{ROW}]}} "#),
        ] {
            assert_eq!(read(&json).unwrap(), (row(), true));
        }
        let empty = r#"{"data":[],"hasMore":false}"#;
        assert_eq!(read(empty).unwrap(), (Vec::new(), false));
    }

    #[test]
    fn what_one_whole_decoding_would_refuse_is_refused() {
        for json in [
            r#"{"hasMore":true}"#.to_owned(),
            r#"{"data":[]}"#.to_owned(),
            r#"{"data":null,"hasMore":true}"#.to_owned(),
            r#"{"data":[],"hasMore":null}"#.to_owned(),
            r#"{"data":[],"data":[],"hasMore":true}"#.to_owned(),
            r#"{"data":[],"hasMore":true,"has_more":true}"#.to_owned(),
            r#"{"data":[],"hasMore":true} x"#.to_owned(),
            r#"{"data":[],"hasMore":true"#.to_owned(),
            format!(r#"{{"data":[{ROW},{{"id":"pl_2"}}],"hasMore":true}}"#),
            format!(r#"{{"data":[{ROW},5],"hasMore":true}}"#),
        ] {
            assert!(read(&json).is_err(), "{json}");
            assert!(
                serde_json::from_str::<Page<super::super::Pipeline>>(&json).is_err(),
                "{json}"
            );
        }
    }
}
