//! What a robots.txt says to this program, as RFC 9309 reads it.

use std::time::Duration;

/// Rules are read up to this number; more would make each question slow.
const MAX_RULES: usize = 10_000;

/// The rules for one program.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Rules {
    rules: Vec<Rule>,
    /// Pause between two requests that the server wishes for.
    pub(super) crawl_delay: Option<Duration>,
}

#[derive(Debug, Clone, PartialEq)]
struct Rule {
    allows: bool,
    /// As it stands there, to be shown.
    pattern: String,
    /// What stands between its `*`, with the escapes of [`normal`].
    parts: Vec<Vec<u8>>,
    /// Whether it ends with `$`.
    is_whole: bool,
    /// Of the pattern; the longest that fits counts.
    n_octets: usize,
}

/// A group of a robots.txt: who it is for, and what it says.
#[derive(Default)]
struct Group<'a> {
    agents: Vec<&'a str>,
    rules: Rules,
    /// Whether the names are complete: the next one begins another group.
    has_begun: bool,
}

impl Rules {
    /// The rules of `text` for a program with one of these names, or else those for all.
    ///
    /// Groups with the same name are one group (section 2.2.1).
    pub(super) fn of(text: &str, tokens: &[String]) -> Self {
        let is_ours = |agent: &&str| {
            let token = product_token(agent);
            !token.is_empty() && tokens.iter().any(|own| own.eq_ignore_ascii_case(token))
        };
        let groups = groups(text);
        let ours = |group: &&Group<'_>| group.agents.iter().any(&is_ours);
        let for_all = |group: &&Group<'_>| group.agents.iter().any(|agent| agent.starts_with('*'));
        if groups.iter().any(|group| ours(&group)) {
            Self::together(groups.iter().filter(ours))
        } else {
            Self::together(groups.iter().filter(for_all))
        }
    }

    fn together<'a>(groups: impl Iterator<Item = &'a Group<'a>>) -> Self {
        groups.fold(Self::default(), |mut all, group| {
            all.rules.extend_from_slice(&group.rules.rules);
            all.rules.truncate(MAX_RULES);
            all.crawl_delay = all.crawl_delay.max(group.rules.crawl_delay);
            all
        })
    }

    /// The rule that forbids `path`, with its query; `None` if it may be fetched.
    ///
    /// The longest pattern that fits counts, and of equals the one that allows (section 2.2.2).
    pub(super) fn forbidding(&self, path: &str) -> Option<&str> {
        if path == "/robots.txt" {
            return None;
        }
        let path = normal(path, false);
        let fitting = self.rules.iter().filter(|rule| rule.fits(&path));
        let best = fitting.max_by_key(|rule| (rule.n_octets, rule.allows))?;
        (!best.allows).then_some(best.pattern.as_str())
    }
}

fn groups(text: &str) -> Vec<Group<'_>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut groups: Vec<Group<'_>> = Vec::new();
    for line in text.split(['\n', '\r']) {
        let line = line.split('#').next().unwrap_or_default();
        let Some((key, value)) = line.split_once(':') else {
            continue;
        };
        let (key, value) = (key.trim().to_ascii_lowercase(), value.trim());
        if key == "user-agent" {
            match groups.last_mut() {
                Some(group) if !group.has_begun => group.agents.push(value),
                _ => groups.push(Group {
                    agents: vec![value],
                    ..Group::default()
                }),
            }
            continue;
        }
        // Lines before the first name are for nobody.
        let Some(group) = groups.last_mut() else {
            continue;
        };
        match key.as_str() {
            "allow" | "disallow" => {
                group.has_begun = true;
                let is_full = group.rules.rules.len() >= MAX_RULES;
                let rule = Rule::of(key == "allow", value).filter(|_| !is_full);
                group.rules.rules.extend(rule);
            }
            "crawl-delay" => {
                group.has_begun = true;
                let delay = value.parse().ok().and_then(seconds);
                group.rules.crawl_delay = group.rules.crawl_delay.max(delay);
            }
            _ => {}
        }
    }
    groups
}

fn seconds(number: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(number).ok()
}

/// The name at the beginning of a line, without version and remarks.
pub(super) fn product_token(agent: &str) -> &str {
    let end = agent.find(|c: char| !(c.is_ascii_alphabetic() || c == '-' || c == '_'));
    &agent[..end.unwrap_or(agent.len())]
}

impl Rule {
    /// `None` if it says nothing: an empty one is no rule.
    fn of(allows: bool, pattern: &str) -> Option<Self> {
        if !pattern.starts_with(['/', '*']) {
            return None;
        }
        let (text, is_whole) = match pattern.strip_suffix('$') {
            Some(text) => (text, true),
            None => (pattern, false),
        };
        Some(Self {
            allows,
            pattern: pattern.to_owned(),
            parts: text.split('*').map(|part| normal(part, true)).collect(),
            is_whole,
            n_octets: normal(pattern, true).len(),
        })
    }

    fn fits(&self, path: &[u8]) -> bool {
        let Some((first, others)) = self.parts.split_first() else {
            return false;
        };
        let Some(mut rest) = path.strip_prefix(first.as_slice()) else {
            return false;
        };
        let Some((last, middle)) = others.split_last() else {
            return !self.is_whole || rest.is_empty();
        };
        for part in middle {
            let Some(at) = find(rest, part) else {
                return false;
            };
            rest = &rest[at + part.len()..];
        }
        match self.is_whole {
            true => rest.ends_with(last),
            false => find(rest, last).is_some(),
        }
    }
}

fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    if part.is_empty() {
        return Some(0);
    }
    text.windows(part.len()).position(|window| window == part)
}

/// `text` as it is compared (section 2.2.2): unreserved characters as they are, others beyond ASCII escaped, and `*`
/// and `$`, which patterns name by their escapes. In a pattern its own signs are taken out before, but for the
/// length.
fn normal(text: &str, is_pattern: bool) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let byte = bytes[at];
        let escaped = bytes.get(at + 1..at + 3).and_then(|digits| {
            let digits = std::str::from_utf8(digits).ok()?;
            let is_hex = digits.bytes().all(|b| b.is_ascii_hexdigit());
            u8::from_str_radix(digits, 16).ok().filter(|_| is_hex)
        });
        match (byte, escaped) {
            (b'%', Some(byte)) => {
                match byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                    true => out.push(byte),
                    false => escape(&mut out, byte),
                }
                at += 3;
                continue;
            }
            (b'*', _) if is_pattern => out.push(byte),
            (b'*' | b'$', _) => escape(&mut out, byte),
            _ if byte.is_ascii_graphic() => out.push(byte),
            _ => escape(&mut out, byte),
        }
        at += 1;
    }
    out
}

fn escape(out: &mut Vec<u8>, byte: u8) {
    out.extend(format!("%{byte:02X}").bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(text: &str) -> Rules {
        Rules::of(text, &["clip-search".to_owned(), "other-name".to_owned()])
    }

    #[track_caller]
    fn check(text: &str, cases: &[(&str, Option<&str>)]) {
        let rules = rules(text);
        for (path, expected) in cases {
            assert_eq!(rules.forbidding(path), *expected, "{path} by {text:?}");
        }
    }

    /// RFC 9309, section 5.1.
    #[test]
    fn the_simple_example_of_the_rfc() {
        let text = "User-Agent: *\nDisallow: *.gif$\nDisallow: /example/\nAllow: /publications/\n\n\
            User-Agent: foobot\nDisallow:/\nAllow:/example/page.html\nAllow:/example/allowed.gif\n\n\
            User-Agent: barbot\nUser-Agent: bazbot\nDisallow: /example/page.html\n\n\
            User-Agent: quxbot\n";
        check(
            text,
            &[
                ("/a.gif", Some("*.gif$")),
                ("/a.gif?x", None),
                ("/example/a", Some("/example/")),
                ("/publications/x.pdf", None),
                ("/", None),
            ],
        );
        let of = |name: &str, path: &str| {
            let rules = Rules::of(text, &[name.to_owned()]);
            rules.forbidding(path).map(str::to_owned)
        };
        assert_eq!(of("foobot", "/"), Some("/".to_owned()));
        assert_eq!(of("FooBot", "/example/page.html"), None);
        assert_eq!(of("foobot", "/example/allowed.gif"), None);
        for name in ["barbot", "bazbot"] {
            assert!(of(name, "/example/page.html").is_some(), "{name}");
            assert_eq!(of(name, "/a.gif"), None, "{name}");
        }
        assert_eq!(of("quxbot", "/example/a"), None);
    }

    /// RFC 9309, section 5.2.
    #[test]
    fn the_longest_match_counts() {
        check(
            "User-Agent: *\nAllow: /example/page/\nDisallow: /example/page/disallowed.gif\n",
            &[
                (
                    "/example/page/disallowed.gif",
                    Some("/example/page/disallowed.gif"),
                ),
                ("/example/page/other.gif", None),
            ],
        );
        check("User-Agent: *\nDisallow: /a\nAllow: /a\n", &[("/a", None)]);
    }

    /// RFC 9309, section 2.2.1: groups of one name are one group, whatever stands between.
    #[test]
    fn groups_of_one_name_are_one() {
        let text = "user-agent: ExampleBot\ndisallow: /foo\ndisallow: /bar\n\n\
            user-agent: ClipBot\ndisallow: /else\n\n\
            user-agent: examplebot/2.1 (remark)\ndisallow: /baz\n";
        let rules = Rules::of(text, &["ExampleBot".to_owned()]);
        for path in ["/foo", "/bar", "/baz"] {
            assert_eq!(rules.forbidding(path), Some(path));
        }
        assert_eq!(rules.forbidding("/else"), None);
    }

    #[test]
    fn all_names_of_the_program_are_its_names() {
        let text = "User-agent: other-name\nDisallow: /a\nUser-agent: clip-search\nDisallow: /b\n\
            User-agent: *\nDisallow: /c\nUser-agent: clip-searcher\nDisallow: /d\n";
        check(
            text,
            &[
                ("/a", Some("/a")),
                ("/b", Some("/b")),
                ("/c", None),
                ("/d", None),
            ],
        );
    }

    /// RFC 9309, section 2.2.2 and 2.2.3.
    #[test]
    fn paths_are_compared_by_what_they_mean() {
        check(
            "User-agent: *\nDisallow: /foo/bar?baz=http://foo.bar\nDisallow: /foo/bar/ツ\n\
             Disallow: /a/%7Eb\nDisallow: /path/file-with-a-%2A.html\nDisallow: /x$y\nDisallow: /z%24\n",
            &[
                (
                    "/foo/bar?baz=http://foo.bar",
                    Some("/foo/bar?baz=http://foo.bar"),
                ),
                ("/foo/bar/%E3%83%84", Some("/foo/bar/ツ")),
                ("/foo/bar/%e3%83%84", Some("/foo/bar/ツ")),
                ("/a/~b/c", Some("/a/%7Eb")),
                (
                    "/path/file-with-a-*.html",
                    Some("/path/file-with-a-%2A.html"),
                ),
                ("/path/file-with-a-x.html", None),
                ("/x$y", Some("/x$y")),
                ("/z$", Some("/z%24")),
                ("/z", None),
            ],
        );
        check(
            "User-agent: *\nDisallow: /*/full/full/\nDisallow: *.json$\nAllow: /iiif/*/info.json$\nDisallow: /this/*/exactly$\n",
            &[
                ("/iiif/a/full/full/0/default.jpg", Some("/*/full/full/")),
                ("/iiif/a/full/640,/0/default.jpg", None),
                ("/m.json", Some("*.json$")),
                ("/m.json/more", None),
                ("/iiif/a/info.json", None),
                ("/this/x/y/exactly", Some("/this/*/exactly$")),
                ("/this/exactly", None),
            ],
        );
    }

    #[test]
    fn what_is_no_rule_forbids_nothing() {
        for text in [
            "",
            "<html>Not found</html>",
            "Disallow: /",
            "User-agent: *\nDisallow:\n",
            "User-agent: *\nDisallow: # all\n",
            "User-agent: *\nDisallow: images\n",
            "User-agent: someone-else\nDisallow: /\n",
            "User-agent:\nDisallow: /\n",
        ] {
            check(text, &[("/images/a", None)]);
        }
        check(
            "\u{feff}USER-AGENT : *\r\rdisallow\t:\t/ # all\r\nSitemap: /s\r\n",
            &[("/x", Some("/")), ("/robots.txt", None)],
        );
    }

    #[test]
    fn a_wish_for_pauses_is_read() {
        for (text, expected_ms) in [
            ("User-agent: *\nCrawl-delay: 2\n", Some(2000)),
            ("User-agent: *\nCrawl-delay: 0.5\nDisallow: /x\n", Some(500)),
            ("User-agent: *\nCrawl-delay: -1\n", None),
            ("User-agent: *\nCrawl-delay: NaN\n", None),
            ("User-agent: *\nCrawl-delay: soon\n", None),
            (
                "User-agent: clip-search\nDisallow: /x\nUser-agent: *\nCrawl-delay: 2\n",
                None,
            ),
        ] {
            let expected = expected_ms.map(Duration::from_millis);
            assert_eq!(rules(text).crawl_delay, expected, "{text}");
        }
    }

    #[test]
    fn hostile_patterns_end_soon() {
        let many =
            "User-agent: *\n".to_owned() + &"Disallow: /*a*a*a*a*a*a*a*a*b$\n".repeat(20_000);
        let rules = rules(&many);
        assert_eq!(rules.rules.len(), MAX_RULES);
        let begun = std::time::Instant::now();
        assert_eq!(rules.forbidding(&format!("/{}", "a".repeat(1000))), None);
        assert!(begun.elapsed() < Duration::from_secs(10));
    }
}
