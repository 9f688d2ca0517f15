//! JSON bodies, in which nothing is overlooked.

use super::error::ApiError;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;
use std::fmt;

const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// The members of an object in their order; [`serde_json::Map`] keeps only the last of those that have the
/// same name.
struct Members(Vec<(String, Value)>);

/// The members of the object that `body` is, a name that comes twice included.
///
/// # Errors
/// If it is no JSON, or no object.
pub(super) fn members(body: &[u8]) -> Result<Vec<(String, Value)>, ApiError> {
    let body = body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(body);
    match serde_json::from_slice(body) {
        Ok(Members(members)) => Ok(members),
        Err(error) if error.is_data() => Err(ApiError::NotAnObject),
        Err(error) => Err(ApiError::Json(error)),
    }
}

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Reader)
    }
}
