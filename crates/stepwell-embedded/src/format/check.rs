//! Whether a line is exactly one JSON object whose numbers fit their columns.
//!
//! The library's reader is lenient: it skips commas, goes on in the next line, cuts the fraction off a number, and reads dates that
//! cannot be written again. What is checked here is never changed by it.

use std::fmt;

use arrow::{
    datatypes::{DataType, FieldRef, Fields, Schema, TimeUnit},
    temporal_conversions::{
        date32_to_datetime, timestamp_ms_to_datetime, timestamp_ns_to_datetime,
        timestamp_s_to_datetime, timestamp_us_to_datetime,
    },
};
use serde::de::{
    Deserialize as _, DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess,
    Visitor,
};
use serde_json::value::RawValue;

use super::number::Exact;

/// A day in seconds.
const DAY: i128 = 86_400;
/// The beginning of 1900 and of 2201 in seconds since 1970.
const USUAL_TIMES: std::ops::Range<i128> = -2_208_988_800..7_289_654_400;
/// The beginning of 2000 and of 2100.
const PRESENT_TIMES: std::ops::Range<i128> = 946_684_800..4_102_444_800;

/// What the values of a row have to satisfy.
#[derive(Clone, Debug)]
pub(super) struct Checks {
    columns: Vec<(String, Check)>,
}

/// What one value has to satisfy beyond what the reader demands.
#[derive(Clone, Debug)]
enum Check {
    Nothing,
    Integer { least: i128, greatest: i128 },
    Float32,
    Float64,
    Decimal { precision: u8, scale: i8 },
    Date,
    Time(TimeUnit),
    Timestamp(TimeUnit),
    Items(Box<Self>),
    Fields(Checks),
}

/// A number in a `TIMESTAMP` that probably counts another unit than its column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StrangeTime {
    /// Its column, or the field of it.
    column: String,
    value: i64,
    unit: TimeUnit,
}

impl Checks {
    pub(super) fn of(schema: &Schema) -> Self {
        Self::of_fields(schema.fields())
    }

    fn of_fields(fields: &Fields) -> Self {
        let check = |field: &FieldRef| (field.name().clone(), Check::of(field.data_type()));
        Self {
            columns: fields.iter().map(check).collect(),
        }
    }

    /// Checks a line, and returns the first strange time in it.
    pub(super) fn check(&self, line: &[u8]) -> Result<Option<StrangeTime>, serde_json::Error> {
        let mut deserializer = serde_json::Deserializer::from_slice(line);
        let strange = deserializer.deserialize_map(Row(self))?;
        deserializer.end()?;
        Ok(strange)
    }
}

impl Check {
    fn of(kind: &DataType) -> Self {
        let integer = |least: i128, greatest: i128| Self::Integer { least, greatest };
        match kind {
            DataType::Int8 => integer(i8::MIN.into(), i8::MAX.into()),
            DataType::Int16 => integer(i16::MIN.into(), i16::MAX.into()),
            DataType::Int32 => integer(i32::MIN.into(), i32::MAX.into()),
            DataType::Int64 => integer(i64::MIN.into(), i64::MAX.into()),
            DataType::UInt8 => integer(0, u8::MAX.into()),
            DataType::UInt16 => integer(0, u16::MAX.into()),
            DataType::UInt32 => integer(0, u32::MAX.into()),
            DataType::UInt64 => integer(0, u64::MAX.into()),
            DataType::Float32 => Self::Float32,
            DataType::Float64 => Self::Float64,
            DataType::Decimal32(precision, scale)
            | DataType::Decimal64(precision, scale)
            | DataType::Decimal128(precision, scale)
            | DataType::Decimal256(precision, scale) => Self::Decimal {
                precision: *precision,
                scale: *scale,
            },
            DataType::Date32 | DataType::Date64 => Self::Date,
            DataType::Time32(unit) | DataType::Time64(unit) => Self::Time(*unit),
            DataType::Timestamp(unit, _) => Self::Timestamp(*unit),
            DataType::List(item) | DataType::LargeList(item) => {
                Self::Items(Box::new(Self::of(item.data_type())))
            }
            DataType::Struct(fields) => Self::Fields(Checks::of_fields(fields)),
            _ => Self::Nothing,
        }
    }

    /// Whether a value fits that is neither an array nor an object.
    fn fits(&self, value: &str) -> bool {
        let is_number = value.starts_with(|first: char| first == '-' || first.is_ascii_digit());
        if !is_number {
            return self.fits_text(value.trim_matches('"'));
        }
        match self {
            Self::Nothing | Self::Items(_) | Self::Fields(_) => true,
            Self::Integer { least, greatest } => {
                readable_integer(value).is_some_and(|value| (*least..=*greatest).contains(&value))
            }
            Self::Float32 => value.parse().is_ok_and(f32::is_finite),
            Self::Float64 => value.parse().is_ok_and(f64::is_finite),
            Self::Decimal { precision, scale } => {
                Exact::parse(value).is_some_and(|value| value.fits_decimal(*precision, *scale))
            }
            Self::Date => readable_integer(value)
                .and_then(|days| i32::try_from(days).ok())
                .is_some_and(|days| date32_to_datetime(days).is_some()),
            Self::Time(unit) => readable_integer(value)
                .is_some_and(|value| (0..DAY * per_second(*unit)).contains(&value)),
            Self::Timestamp(unit) => readable_integer(value)
                .and_then(|value| i64::try_from(value).ok())
                .is_some_and(|value| time(value, *unit).is_some()),
        }
    }

    /// Numbers can be in quotes, too. What else cannot be read is left to the reader.
    fn fits_text(&self, text: &str) -> bool {
        let is_too_large =
            |is_infinite: bool| is_infinite && text.contains(|c: char| c.is_ascii_digit());
        match self {
            Self::Float32 => !is_too_large(text.parse().is_ok_and(f32::is_infinite)),
            Self::Float64 => !is_too_large(text.parse().is_ok_and(f64::is_infinite)),
            Self::Decimal { precision, scale } => {
                Exact::parse(text).is_none_or(|value| value.fits_decimal(*precision, *scale))
            }
            _ => true,
        }
    }

    fn strange_time(&self, value: &str) -> Option<StrangeTime> {
        let Self::Timestamp(unit) = *self else {
            return None;
        };
        let value = i64::try_from(readable_integer(value)?).ok()?;
        let seconds = i128::from(value).div_euclid(per_second(unit));
        let mut coarser = [1, 1_000, 1_000_000].into_iter();
        let is_other_unit = coarser.any(|factor| {
            factor < per_second(unit) && PRESENT_TIMES.contains(&(i128::from(value) / factor))
        });
        (is_other_unit || !USUAL_TIMES.contains(&seconds)).then(|| StrangeTime {
            column: String::new(),
            value,
            unit,
        })
    }
}

impl fmt::Display for StrangeTime {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            column,
            value,
            unit,
        } = self;
        let (unit, others) = match unit {
            TimeUnit::Second => ("seconds", ""),
            TimeUnit::Millisecond => ("milliseconds", "TIMESTAMP(0) seconds"),
            TimeUnit::Microsecond => ("microseconds", "TIMESTAMP(3) milliseconds"),
            TimeUnit::Nanosecond => ("nanoseconds", "TIMESTAMP(3) milliseconds"),
        };
        let time = time(*value, self.unit).unwrap_or_default();
        write!(
            formatter,
            "{value} in column {column:?} counts {unit} since 1970, and is {time}"
        )?;
        if others.is_empty() {
            return Ok(());
        }
        write!(formatter, "; a column of the type {others}")
    }
}

/// An integer that the reader reads without a change. It reads one with a point or an exponent as a double.
#[expect(
    clippy::cast_possible_truncation,
    reason = "a double that is out of range differs from the exact value"
)]
fn readable_integer(text: &str) -> Option<i128> {
    if let Ok(value) = text.parse::<i64>() {
        return Some(value.into());
    }
    let exact = Exact::parse(text)?.integer()?;
    let is_plain = !text.contains(['.', 'e', 'E']);
    let is_same = || {
        text.parse::<f64>()
            .is_ok_and(|value| value as i128 == exact)
    };
    (is_plain || is_same()).then_some(exact)
}

fn per_second(unit: TimeUnit) -> i128 {
    match unit {
        TimeUnit::Second => 1,
        TimeUnit::Millisecond => 1_000,
        TimeUnit::Microsecond => 1_000_000,
        TimeUnit::Nanosecond => 1_000_000_000,
    }
}

/// The time as it is written. `None`: it is out of range.
fn time(value: i64, unit: TimeUnit) -> Option<String> {
    let time = match unit {
        TimeUnit::Second => timestamp_s_to_datetime(value),
        TimeUnit::Millisecond => timestamp_ms_to_datetime(value),
        TimeUnit::Microsecond => timestamp_us_to_datetime(value),
        TimeUnit::Nanosecond => timestamp_ns_to_datetime(value),
    };
    time.map(|time| time.to_string())
}

/// Visits an object.
struct Row<'a>(&'a Checks);

impl<'de> Visitor<'de> for Row<'_> {
    type Value = Option<StrangeTime>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let columns = &self.0.columns;
        let (mut strange, mut after) = (None, 0);
        while let Some(found) = map.next_key_seed(Name { columns, after })? {
            let Some((number, (name, check))) =
                found.and_then(|number| Some((number, columns.get(number)?)))
            else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            after = number + 1;
            let time = map.next_value_seed(Value(check))?;
            strange = strange.or_else(|| {
                time.map(|time| StrangeTime {
                    column: name.clone(),
                    ..time
                })
            });
        }
        Ok(strange)
    }
}

/// Finds the column of a key. Keys are mostly in the order of the columns.
struct Name<'a> {
    columns: &'a [(String, Check)],
    after: usize,
}

impl<'de> DeserializeSeed<'de> for Name<'_> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Name<'_> {
    type Value = Option<usize>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a key")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<Self::Value, E> {
        let is_key = |(name, _): &(String, Check)| name == key;
        if self.columns.get(self.after).is_some_and(is_key) {
            return Ok(Some(self.after));
        }
        Ok(self.columns.iter().position(is_key))
    }
}

/// Checks a value.
struct Value<'a>(&'a Check);

impl<'de> DeserializeSeed<'de> for Value<'_> {
    type Value = Option<StrangeTime>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        match self.0 {
            Check::Nothing => IgnoredAny::deserialize(deserializer).map(|_| None),
            Check::Items(check) => deserializer.deserialize_any(Items(check)),
            Check::Fields(checks) => deserializer.deserialize_any(Row(checks)),
            check => {
                let value = <&RawValue>::deserialize(deserializer)?.get();
                if check.fits(value) {
                    Ok(check.strange_time(value))
                } else {
                    Err(D::Error::custom("a value does not fit its column"))
                }
            }
        }
    }
}

/// Visits an array.
struct Items<'a>(&'a Check);

impl<'de> Visitor<'de> for Items<'_> {
    type Value = Option<StrangeTime>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an array")
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut strange = None;
        while let Some(time) = items.next_element_seed(Value(self.0))? {
            strange = strange.or(time);
        }
        Ok(strange)
    }
}
