//! SPARQL results in JSON whose members come in any order, with others among them: the specification allows both.
//!
//! The parser holds all rows in memory that come before `head`, and takes what follows the rows for a mistake; QLever
//! ends its answers with `meta`. So the parser is given the two members that it needs, in the order that it likes.

use json_event_parser::{JsonEvent, LowLevelJsonParser, LowLevelJsonParserResult};
use std::io::Read;
use std::ops::Range;

/// How a document is to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Order {
    /// As it is: in the order that the parser likes, or with something that it shall say.
    AsItIs,
    /// By its members.
    Members(Members),
    /// Not at all: its rows come first, and it has no head, or is cut before it.
    Headless,
}

/// Where the values of two members stand, in bytes; each begins before its colon.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Members {
    head: Range<u64>,
    /// In `results`.
    bindings: Range<u64>,
    /// Whether the document is JSON to its end.
    is_whole: bool,
}

/// A part of the document that is read instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Piece {
    /// This text.
    Text(&'static [u8]),
    /// These bytes of the document.
    Bytes(Range<u64>),
}

/// Longest word of a document, in bytes; the parser takes no longer ones, either.
const MAX_WORD_BYTES: usize = 1 << 24;
/// Bytes that are read at a time, as far as no word is longer.
const BUFFER_BYTES: usize = 1 << 16;

impl Members {
    /// What makes up a document of these two members alone, which ends before its end where the other does.
    pub(crate) fn pieces(self) -> [Piece; 5] {
        [
            Piece::Text(br#"{"head""#),
            Piece::Bytes(self.head),
            Piece::Text(br#","results":{"bindings""#),
            Piece::Bytes(self.bindings),
            Piece::Text(if self.is_whole { b"}}" } else { b"" }),
        ]
    }
}

/// How `document` is to be read; it is read here to its end, or to where it is no JSON.
///
/// # Errors
/// If it cannot be read.
pub(crate) fn order(document: impl Read) -> std::io::Result<Order> {
    let mut found = Found::default();
    let end = each_event(document, |event, end| found.take(event, end))?;
    Ok(found.order(end))
}

/// What has been seen of a document.
#[derive(Default)]
struct Found {
    /// Objects and arrays that are open.
    depth: usize,
    /// The member of the document whose value comes, and where it begins.
    member: Option<(Member, u64)>,
    /// Where the rows begin, while they come.
    rows: Option<u64>,
    head: Option<Range<u64>>,
    bindings: Option<Range<u64>>,
    /// Whether the parser would have to hold rows until it has the head.
    has_early_rows: bool,
    /// Whether something follows the rows.
    has_more: bool,
    is_repeated: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Member {
    Head,
    Results,
    Other,
}

impl Found {
    /// Takes the next event, which ends there.
    fn take(&mut self, event: &JsonEvent<'_>, end: u64) {
        match event {
            JsonEvent::StartObject | JsonEvent::StartArray => self.depth += 1,
            JsonEvent::EndObject | JsonEvent::EndArray => {
                self.depth -= 1;
                self.close(end);
            }
            JsonEvent::ObjectKey(key) => self.open(key, end),
            _ => {}
        }
    }

    fn open(&mut self, key: &str, end: u64) {
        let is_of_results = matches!(self.member, Some((Member::Results, _)));
        match self.depth {
            1 => {
                self.has_more |= self.bindings.is_some();
                let member = match key {
                    "head" => Member::Head,
                    "results" => Member::Results,
                    _ => Member::Other,
                };
                self.member = Some((member, end));
            }
            2 if is_of_results => {
                self.has_more |= self.bindings.is_some();
                if key == "bindings" {
                    self.rows = Some(end);
                    self.has_early_rows |= self.head.is_none();
                }
            }
            _ => {}
        }
    }

    fn close(&mut self, end: u64) {
        match (self.depth, self.member, self.rows) {
            (1, Some((Member::Head, begin)), _) => {
                self.is_repeated |= self.head.replace(begin..end).is_some();
            }
            (2, Some((Member::Results, _)), Some(begin)) => {
                self.rows = None;
                self.is_repeated |= self.bindings.replace(begin..end).is_some();
            }
            _ => {}
        }
    }

    fn order(self, end: End) -> Order {
        let is_liked = !self.has_early_rows && !self.has_more;
        match (self.head, self.bindings) {
            _ if self.is_repeated || is_liked => Order::AsItIs,
            (Some(head), Some(bindings)) => Order::Members(Members {
                head,
                bindings,
                is_whole: end == End::Whole,
            }),
            _ if end == End::LongWord => Order::AsItIs,
            _ if self.has_early_rows => Order::Headless,
            _ => Order::AsItIs,
        }
    }
}

/// Where the reading of a document ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// With the document.
    Whole,
    /// Where it is cut, or no JSON.
    Broken,
    /// At a word that is too long.
    LongWord,
}

/// Gives `each` the events of `document` with the places where they end.
fn each_event(
    mut document: impl Read,
    mut each: impl FnMut(&JsonEvent<'_>, u64),
) -> std::io::Result<End> {
    let mut parser = LowLevelJsonParser::new();
    let mut buffer = vec![0; BUFFER_BYTES];
    let mut unread = 0..0;
    let mut is_ending = false;
    let mut place = 0u64;
    loop {
        let LowLevelJsonParserResult {
            consumed_bytes,
            event,
        } = parser.parse_next(&buffer[unread.clone()], is_ending);
        unread.start += consumed_bytes;
        place += consumed_bytes as u64;
        match event {
            Some(Ok(JsonEvent::Eof)) => return Ok(End::Whole),
            Some(Ok(event)) => each(&event, place),
            Some(Err(_)) => return Ok(End::Broken),
            None => {
                buffer.copy_within(unread.clone(), 0);
                unread = 0..unread.len();
                if unread.end == buffer.len() {
                    if buffer.len() >= MAX_WORD_BYTES {
                        return Ok(End::LongWord);
                    }
                    buffer.resize(2 * buffer.len(), 0);
                }
                let n = document.read(&mut buffer[unread.end..])?;
                unread.end += n;
                is_ending = n == 0;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use proptest::sample::subsequence;
    use sparesults::{QueryResultsFormat, QueryResultsParser, ReaderQueryResultsParserOutput};

    const HEAD: &str = r#""head": {"link": [], "vars": ["head", "bindings"]}"#;
    const BINDINGS: &str = r#""bindings" : [{"head": {"type": "literal", "value": "}]}\"ä"}},
        {"bindings": {"type": "uri", "value": "http://x/a"}}, {}]"#;

    /// What is read of a document.
    fn read(text: &str) -> Option<String> {
        let piece = |piece| match piece {
            Piece::Text(text) => String::from_utf8(text.to_vec()).unwrap(),
            Piece::Bytes(Range { start, end }) => {
                let [start, end] = [start, end].map(|at| usize::try_from(at).unwrap());
                text[start..end].to_owned()
            }
        };
        match order(text.as_bytes()).unwrap() {
            Order::AsItIs => Some(text.to_owned()),
            Order::Members(members) => Some(members.pieces().map(piece).concat()),
            Order::Headless => None,
        }
    }

    /// Its rows.
    fn rows(text: &str) -> Vec<String> {
        let parser = QueryResultsParser::from_format(QueryResultsFormat::Json);
        match parser.for_reader(text.as_bytes()).unwrap() {
            ReaderQueryResultsParserOutput::Solutions(solutions) => solutions
                .map(|solution| format!("{:?}", solution.unwrap()))
                .collect(),
            ReaderQueryResultsParserOutput::Boolean(_) => panic!("no rows"),
        }
    }

    fn results(before: &str, after: &str) -> String {
        format!(r#""results": {{{before}{BINDINGS}{after}}}"#)
    }

    #[test]
    fn members_are_found_in_any_order_and_among_others() {
        let plain = format!("{{{HEAD}, {}}}", results("", ""));
        let expected = rows(&plain);
        assert_eq!(expected.len(), 3);
        let others = r#""ordered": true, "x": {"bindings": [{}], "head": [1]},"#;
        let after = format!(",{}", others.trim_end_matches(','));
        for (members, is_as_it_is) in [
            ([HEAD.to_owned(), results("", "")], true),
            ([HEAD.to_owned(), results(others, "")], true),
            ([HEAD.to_owned(), results(others, &after)], false),
            ([results("", ""), HEAD.to_owned()], false),
            ([results(others, &after), HEAD.to_owned()], false),
        ] {
            for (begin, end, is_alone) in [
                ("", "", true),
                ("\u{feff}", " \r\n", true),
                (r#""meta": {"head": {}},"#, "", true),
                (
                    "",
                    r#", "meta": {"query-time-ms": 59, "results": {}}"#,
                    false,
                ),
            ] {
                let mark = if begin == "\u{feff}" { begin } else { "" };
                let begin = if mark.is_empty() { begin } else { "" };
                let (inner, outer) = if end.starts_with(',') {
                    (end, "")
                } else {
                    ("", end)
                };
                let text = format!("{mark}{{{begin}{}{inner}}}{outer}", members.join(","));
                let read = read(&text).unwrap();
                assert_eq!(rows(&read), expected, "{text}");
                assert_eq!(read == text, is_as_it_is && is_alone, "{text}");
            }
        }
    }

    #[test]
    fn what_is_no_whole_answer_is_left_to_the_parser_unless_it_begins_with_rows() {
        for text in [
            "",
            "null",
            "[]",
            "{}",
            r#"{"head": {}, "boolean": true}"#,
            r#"{"boolean": true, "head": {}}"#,
            r#"{"results": {"rows": [1]}, "head": {"vars": []}}"#,
            r#"{"results": 7, "head": {"vars": []}}"#,
        ] {
            assert_eq!(order(text.as_bytes()).unwrap(), Order::AsItIs, "{text}");
        }
        let repeated = format!("{{{HEAD}, {}, {HEAD}}}", results("", ""));
        assert_eq!(order(repeated.as_bytes()).unwrap(), Order::AsItIs);
        let headless = format!("{{{}}}", results("", ""));
        assert_eq!(order(headless.as_bytes()).unwrap(), Order::Headless);
        let late = format!("{{{}, {HEAD}}}", results("", ""));
        let rows_begin = late.find("bindings").unwrap() + "bindings\"".len();
        for (end, _) in late.char_indices() {
            let cut = &late[..end];
            let found = order(cut.as_bytes()).unwrap();
            if end < rows_begin {
                assert_eq!(found, Order::AsItIs, "{cut}");
            } else if end < late.len() - 1 {
                assert_eq!(found, Order::Headless, "{cut}");
            } else {
                let read = read(cut).unwrap();
                assert!(read.starts_with('{') && read.ends_with(']'), "{read}");
            }
        }
    }

    #[test]
    fn long_words_are_read_and_endless_ones_given_up() {
        let word = "x".repeat(5 * BUFFER_BYTES);
        let text = format!(
            r#"{{"results": {{"bindings": [{{"u": {{"type": "literal", "value": "{word}"}}}}]}}, "head": {{"vars": ["u"]}}}}"#
        );
        assert_eq!(rows(&read(&text).unwrap()).len(), 1);
        let endless = br#"{"results": {"bindings": [{"u": ""#.chain(std::io::repeat(b'x'));
        assert_eq!(order(endless).unwrap(), Order::AsItIs);
    }

    proptest! {
        /// Whatever stands where, the parser gets what it finds in the plain document, or nothing is promised.
        #[test]
        fn shuffled_members_have_the_same_rows(
            outer in subsequence(vec![r#""a": [{"head": 1}]"#, r#""b": "}""#, r#""c": {"bindings": []}"#], 0..=3),
            inner in subsequence(vec![r#""d": [[]]"#, r#""e": null"#], 0..=2),
            outer_order in Just(vec![0usize, 1, 2, 3, 4]).prop_shuffle(),
            inner_order in Just(vec![0usize, 1, 2]).prop_shuffle(),
        ) {
            let ordered = |members: &[&str], order: &[usize]| {
                let kept: Vec<&str> = order.iter().filter_map(|at| members.get(*at).copied()).collect();
                kept.join(" , ")
            };
            let inner: Vec<&str> = std::iter::once(BINDINGS).chain(inner).collect();
            let results = format!(r#""results":{{{}}}"#, ordered(&inner, &inner_order));
            let outer: Vec<&str> = [HEAD, results.as_str()].into_iter().chain(outer).collect();
            let text = format!("{{{}}}", ordered(&outer, &outer_order));
            prop_assert_eq!(rows(&read(&text).unwrap()).len(), 3);
        }
    }
}
