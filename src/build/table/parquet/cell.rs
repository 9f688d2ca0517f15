//! A value of a Parquet column as the text of a cell.

use parquet::basic::{LogicalType, TimeUnit};
use parquet::record::Field;
use parquet::schema::types::Type;
use std::borrow::Cow;

/// What the numbers of a column mean, where the values do not tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Plain,
    /// Whether it is in UTC, and not in a place that is not named.
    Timestamp {
        is_utc: bool,
        is_nanos: bool,
    },
    /// Nanoseconds since midnight.
    TimeNanos,
}

impl Kind {
    pub(super) fn of(field: &Type) -> Self {
        match field.get_basic_info().logical_type_ref() {
            Some(LogicalType::Timestamp(timestamp)) => Self::Timestamp {
                is_utc: timestamp.is_adjusted_to_u_t_c,
                is_nanos: timestamp.unit == TimeUnit::NANOS,
            },
            Some(LogicalType::Time(time)) if time.unit == TimeUnit::NANOS => Self::TimeNanos,
            _ => Self::Plain,
        }
    }
}

/// `None` if it is bytes and no text.
pub(super) fn text(field: &Field, kind: Kind) -> Option<Cow<'_, str>> {
    let text = match field {
        Field::Null => Cow::Borrowed(""),
        Field::Str(text) => Cow::Borrowed(text.as_str()),
        // Older writers give texts no mark.
        Field::Bytes(bytes) => Cow::Borrowed(std::str::from_utf8(bytes.data()).ok()?),
        Field::Long(nanos) => Cow::Owned(long(*nanos, kind)),
        Field::TimestampMillis(_) | Field::TimestampMicros(_) => {
            let is_utc = !matches!(kind, Kind::Timestamp { is_utc: false, .. });
            Cow::Owned(timestamp(field, is_utc))
        }
        Field::TimeMillis(_) | Field::TimeMicros(_) => {
            Cow::Owned(without_zeros(&field.to_string()).to_owned())
        }
        // The library's words have an exponent, or a fraction of zero.
        Field::Float(number) => Cow::Owned(number.to_string()),
        Field::Double(number) => Cow::Owned(number.to_string()),
        other => Cow::Owned(other.to_string()),
    };
    Some(text)
}

fn long(number: i64, kind: Kind) -> String {
    let micros = number.div_euclid(1000);
    match kind {
        Kind::Timestamp {
            is_utc,
            is_nanos: true,
        } => timestamp(&Field::TimestampMicros(micros), is_utc),
        Kind::TimeNanos => without_zeros(&Field::TimeMicros(micros).to_string()).to_owned(),
        Kind::Plain | Kind::Timestamp { .. } => number.to_string(),
    }
}

/// "1890-05-01T12:00:00Z".
fn timestamp(field: &Field, is_utc: bool) -> String {
    let text = field.to_string();
    let text = without_zeros(text.trim_end_matches(" +00:00")).replacen(' ', "T", 1);
    if is_utc { text + "Z" } else { text }
}

/// Without a fraction of a second that is zero.
fn without_zeros(text: &str) -> &str {
    text.trim_end_matches('0').strip_suffix('.').unwrap_or(text)
}
