//! Images that are behind a login: what their info.json says of it; pure.
//!
//! IIIF Authentication API 1.0, section 2; IIIF Authorization Flow API 2.0, section 3.

use super::ways::names;
use serde_json::Value;

/// Deepest services within services that are looked at.
const MAX_DEPTH: usize = 4;

/// The service that lets a user in, by its id; `None` where nobody is kept out.
pub(super) fn service(info: &Value) -> Option<String> {
    among(&info["service"], MAX_DEPTH)
}

fn among(services: &Value, depth: usize) -> Option<String> {
    let several = services.as_array().into_iter().flatten();
    let one = services.is_object().then_some(services);
    several.chain(one).find_map(|service| {
        if is_login(service) {
            let id = service["id"].as_str().or(service["@id"].as_str());
            return Some(id.unwrap_or("without an id").to_owned());
        }
        match depth {
            0 => None,
            depth => among(&service["service"], depth - 1),
        }
    })
}

fn is_login(service: &Value) -> bool {
    let profiles = names(&service["profile"]);
    let kinds = (names(&service["type"]).into_iter()).chain(names(&service["@type"]));
    (profiles.iter()).any(|name| name.contains("iiif.io/api/auth/"))
        || kinds.into_iter().any(|kind| {
            [
                "AuthProbeService2",
                "AuthAccessService2",
                "AuthCookieService1",
            ]
            .contains(&kind)
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_login_is_found_in_all_versions() {
        for (services, expected) in [
            (
                json!({"@context": "http://iiif.io/api/auth/1/context.json", "@id": "http://h/login",
                       "profile": "http://iiif.io/api/auth/1/login"}),
                Some("http://h/login"),
            ),
            (
                json!([{"profile": "http://iiif.io/api/annex/services/physdim"},
                       {"@id": "http://h/old", "profile": "http://iiif.io/api/auth/0/login"}]),
                Some("http://h/old"),
            ),
            (
                json!([{"id": "http://h/probe", "type": "AuthProbeService2",
                        "service": [{"id": "http://h/access", "type": "AuthAccessService2"}]}]),
                Some("http://h/probe"),
            ),
            (
                json!({"service": [{"id": "http://h/access", "type": "AuthAccessService2"}]}),
                Some("http://h/access"),
            ),
            (
                json!([{"type": "AuthProbeService2"}]),
                Some("without an id"),
            ),
            (
                json!({"profile": "http://iiif.io/api/annex/services/physdim"}),
                None,
            ),
            (json!("login"), None),
            (Value::Null, None),
        ] {
            let info = json!({"service": services});
            assert_eq!(service(&info).as_deref(), expected, "{info}");
        }
    }
}
