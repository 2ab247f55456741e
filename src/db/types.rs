//! Value types that live in both databases: identifiers and instants.
use crate::db::MultiBackend;
use diesel::backend::Backend;
use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::pg::Pg;
use diesel::serialize::{self, IsNull, Output, ToSql};
use diesel::sql_types::{Text, Timestamp};
use diesel::sqlite::Sqlite;
use serde::{Deserialize, Serialize};

/// Declares a UUID newtype kept as 36 characters of text, so that both databases sort and
/// compare it alike and an operator can read it.
macro_rules! identifiers {
    ($($(#[$doc:meta])* $name:ident)*) => { $(
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord,
            AsExpression, FromSqlRow, Serialize, Deserialize,
        )]
        #[diesel(sql_type = Text)]
        #[serde(transparent)]
        pub struct $name(pub uuid::Uuid);

        impl $name {
            /// A fresh identifier that sorts after those made before it (UUIDv7).
            #[allow(clippy::new_without_default, reason = "a default that differs each time lies")]
            pub fn new() -> Self {
                $name(uuid::Uuid::now_v7())
            }
        }
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }
        impl std::str::FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, uuid::Error> {
                Ok($name(text.parse()?))
            }
        }
        impl<DB: Backend> FromSql<Text, DB> for $name
        where
            String: FromSql<Text, DB>,
        {
            fn from_sql(bytes: DB::RawValue<'_>) -> deserialize::Result<Self> {
                Ok($name(String::from_sql(bytes)?.parse()?))
            }
        }
        impl ToSql<Text, Pg> for $name {
            fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
                use std::io::Write;
                write!(out, "{}", self.0)?;
                Ok(IsNull::No)
            }
        }
        impl ToSql<Text, Sqlite> for $name {
            fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
                out.set_value(self.0.to_string());
                Ok(IsNull::No)
            }
        }
        impl ToSql<Text, MultiBackend> for $name {
            fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, MultiBackend>) -> serialize::Result {
                out.set_value((Text, self));
                Ok(IsNull::No)
            }
        }
    )* };
}

identifiers! {
    /// One person of the organisation.
    PersonId
    /// One record of the register.
    RecordId
    /// One run of one workflow version on one record.
    ReviewId
    /// One person's question in one epoch of one stage; the decision that answers it shares it.
    TaskId
    /// One condition attached to an approval.
    ConditionId
    /// One step of one clock that is still to come.
    TimerId
    /// One message that is owed.
    MessageId
    /// One API token (not its secret).
    TokenId
    /// One refused command.
    RefusalId
    /// One absence of a person.
    AbsenceId
    /// One draft of a workflow or policy.
    DraftId
    /// One kept answer of a policy.
    AnswerId
    /// One reference of an entry to an evidence file.
    FileId
    /// One result of a test.
    ResultId
    /// One waiver of a test.
    WaiverId
    /// One assessment of the risk of a use case.
    AssessmentId
    /// One escalation of the risk that is left.
    EscalationId
    /// One naming of who oversees a use case.
    ArrangementId
    /// What an overseer looked at.
    SampleId
    /// One proposal to erase a person.
    ErasureId
    /// One legal hold.
    HoldId
    /// One rule of how long values are kept, proposed or agreed.
    RuleId
    /// One change at a vendor that somebody reported.
    VendorChangeId
}

impl TaskId {
    /// The one task that `person` can have in this epoch of this stage: the same question
    /// always has the same identifier, so a second row for it cannot exist.
    pub fn of(review: ReviewId, stage: &str, epoch: u32, person: PersonId) -> TaskId {
        let name = format!("{stage}/{epoch}/{person}");
        TaskId(uuid::Uuid::new_v5(&review.0, name.as_bytes()))
    }
}

impl ConditionId {
    /// The `index`-th condition of a decision.
    pub fn of(decision: TaskId, index: usize) -> ConditionId {
        let name = format!("condition/{index}");
        ConditionId(uuid::Uuid::new_v5(&decision.0, name.as_bytes()))
    }
}

impl TimerId {
    /// The one row of this step, so that it cannot be there twice.
    pub fn of(review: ReviewId, timer: &str) -> TimerId {
        TimerId(uuid::Uuid::new_v5(&review.0, timer.as_bytes()))
    }
}

/// An instant in UTC, to the microsecond: the precision both databases keep.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    AsExpression,
    FromSqlRow,
    Serialize,
    Deserialize,
)]
#[diesel(sql_type = Timestamp)]
#[serde(transparent)]
pub struct At(pub jiff::Timestamp);

impl At {
    /// The instant cut to whole microseconds.
    pub fn new(time: jiff::Timestamp) -> At {
        At(jiff::Timestamp::from_microsecond(time.as_microsecond()).unwrap_or(time))
    }

    /// Reads RFC 3339. Nothing for an instant before our era or after the year 9999, which is no
    /// time of a record and which not every database can hold.
    pub fn parse(text: &str) -> Option<At> {
        let time: jiff::Timestamp = text.parse().ok()?;
        let year = jiff::tz::TimeZone::UTC.to_datetime(time).year();
        (1..=9999).contains(&year).then(|| At::new(time))
    }

    /// This instant moved by `span`; the same instant when the result would leave the calendar.
    pub fn plus(self, span: std::time::Duration) -> At {
        At(self.0.checked_add(span).unwrap_or(self.0))
    }

    fn civil(self) -> jiff_diesel::DateTime {
        jiff::tz::TimeZone::UTC.to_datetime(self.0).into()
    }
}

impl std::fmt::Display for At {
    /// RFC 3339 with six fraction digits, as entries carry it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.6}", self.0)
    }
}

/// A day of the calendar, in the years that four digits can write: as text it sorts as it should.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    AsExpression,
    FromSqlRow,
    Serialize,
    Deserialize,
)]
#[diesel(sql_type = Text)]
#[serde(transparent)]
pub struct Day(pub jiff::civil::Date);

impl Day {
    /// Reads `2027-01-31` and nothing else.
    pub fn parse(text: &str) -> Option<Day> {
        let day: jiff::civil::Date = text.parse().ok()?;
        (text == day.to_string() && day.year() > 0).then_some(Day(day))
    }

    /// The day it is in `zone` at an instant.
    pub fn of(at: At, zone: &jiff::tz::TimeZone) -> Day {
        Day(zone.to_datetime(at.0).date())
    }

    /// The same day so many years later, at the end of the calendar its last.
    pub fn years_later(self, years: i16) -> Day {
        Day(self.0.saturating_add(jiff::Span::new().years(years)))
    }

    /// So many days later, at the end of the calendar its last.
    pub fn days_later(self, days: i64) -> Day {
        Day(self
            .0
            .saturating_add(jiff::SignedDuration::from_hours(days.saturating_mul(24))))
    }
}

impl std::fmt::Display for Day {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}
impl<DB: Backend> FromSql<Text, DB> for Day
where
    String: FromSql<Text, DB>,
{
    fn from_sql(bytes: DB::RawValue<'_>) -> deserialize::Result<Self> {
        Ok(Day(String::from_sql(bytes)?.parse()?))
    }
}
impl ToSql<Text, Pg> for Day {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        use std::io::Write;
        write!(out, "{}", self.0)?;
        Ok(IsNull::No)
    }
}
impl ToSql<Text, Sqlite> for Day {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(self.0.to_string());
        Ok(IsNull::No)
    }
}
impl ToSql<Text, MultiBackend> for Day {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, MultiBackend>) -> serialize::Result {
        out.set_value((Text, self));
        Ok(IsNull::No)
    }
}

impl<DB: Backend> FromSql<Timestamp, DB> for At
where
    jiff_diesel::DateTime: FromSql<Timestamp, DB>,
{
    fn from_sql(bytes: DB::RawValue<'_>) -> deserialize::Result<Self> {
        let civil: jiff::civil::DateTime = jiff_diesel::DateTime::from_sql(bytes)?.to_jiff();
        Ok(At(jiff::tz::TimeZone::UTC.to_timestamp(civil)?))
    }
}
impl FromSql<Timestamp, MultiBackend> for jiff_diesel::DateTime {
    fn from_sql(bytes: <MultiBackend as Backend>::RawValue<'_>) -> deserialize::Result<Self> {
        bytes.from_sql::<jiff_diesel::DateTime, Timestamp>()
    }
}
impl ToSql<Timestamp, Pg> for At {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        ToSql::<Timestamp, Pg>::to_sql(&self.civil(), &mut out.reborrow())
    }
}
impl ToSql<Timestamp, Sqlite> for At {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(self.0.strftime("%Y-%m-%d %H:%M:%S.%6f").to_string());
        Ok(IsNull::No)
    }
}
impl ToSql<Timestamp, MultiBackend> for At {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, MultiBackend>) -> serialize::Result {
        out.set_value((Timestamp, self));
        Ok(IsNull::No)
    }
}
