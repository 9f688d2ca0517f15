//! The words of texts that hold markup, as metadata do.

/// `text` without tags, in one line where it had any: `<b>` and comments go, `&amp;` becomes `&`. Text without
/// tags is left as it is, but for white space around it.
pub(super) fn plain(text: &str) -> String {
    if tags(text).next().is_none() {
        return text.trim().to_owned();
    }
    let mut words = String::with_capacity(text.len());
    let mut end = 0;
    for (start, tag) in tags(text) {
        words.push_str(&text[end..start]);
        if is_break(tag) {
            words.push(' ');
        }
        end = start + tag.len();
    }
    words.push_str(&text[end..]);
    let words = without_entities(&words);
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The targets of links in `text`.
pub(super) fn links(text: &str) -> Vec<String> {
    tags(text)
        .filter(|(_, tag)| tag[1..].trim_start().to_ascii_lowercase().starts_with("a "))
        .filter_map(|(_, tag)| {
            let at = tag.to_ascii_lowercase().find("href=")? + "href=".len();
            let value = tag.get(at..)?;
            let target = match value.chars().next()? {
                quote @ ('"' | '\'') => value[1..].split(quote).next()?,
                _ => value.split([' ', '>']).next()?,
            };
            let target = without_entities(target.trim());
            (target.starts_with("http://") || target.starts_with("https://")).then_some(target)
        })
        .collect()
}

/// The tags in `text`, with their places. `a < b` and `<3` are none.
fn tags(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut from = 0;
    std::iter::from_fn(move || {
        loop {
            let start = from + text.get(from..)?.find('<')?;
            let rest = &text[start..];
            let begins = rest
                .as_bytes()
                .get(1)
                .is_some_and(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'/' | b'!'));
            match rest.find('>').filter(|_| begins) {
                Some(end) => {
                    from = start + end + 1;
                    return Some((start, &text[start..from]));
                }
                None => from = start + 1,
            }
        }
    })
}

/// Whether a tag parts words: all but those that stand inside of them.
fn is_break(tag: &str) -> bool {
    let name = tag.trim_start_matches(['<', '/']);
    let name = name.split(|c: char| !c.is_ascii_alphanumeric()).next();
    let inside = [
        "a", "b", "i", "em", "strong", "span", "sup", "sub", "small", "u",
    ];
    !inside.contains(&name.unwrap_or_default().to_ascii_lowercase().as_str())
}

fn without_entities(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        plain.push_str(&rest[..at]);
        rest = &rest[at..];
        let end = rest.bytes().take(10).position(|byte| byte == b';');
        match end.and_then(|end| Some((entity(&rest[1..end])?, end))) {
            Some((c, end)) => {
                plain.push(c);
                rest = &rest[end + 1..];
            }
            None => {
                plain.push('&');
                rest = &rest[1..];
            }
        }
    }
    plain.push_str(rest);
    plain
}

fn entity(name: &str) -> Option<char> {
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        "nbsp" => Some(' '),
        name => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16),
                None => number.parse(),
            };
            char::from_u32(code.ok()?)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_goes_and_words_stay() {
        for (text, expected) in [
            ("plain", "plain"),
            (" a < b & c > d ", "a < b & c > d"),
            ("<3", "<3"),
            ("one\ntwo", "one\ntwo"),
            ("H<sub>2</sub>O", "H2O"),
            ("<p>one</p><p>two</p>", "one two"),
            (
                "<a href='x'>Z&uuml;rich &#38; &#xe4;&</a>",
                "Z&uuml;rich & ä&",
            ),
            ("<!-- no --><b>yes", "yes"),
            ("<b>ü&ü;</b>", "ü&ü;"),
            ("<é<", "<é<"),
        ] {
            assert_eq!(plain(text), expected);
        }
    }

    #[test]
    fn links_are_found() {
        for (text, expected) in [
            (
                "<a href=\"https://x.org/?a=1&amp;b=2\">x</a>",
                vec!["https://x.org/?a=1&b=2"],
            ),
            (
                "<A class='k' HREF='http://x.org'>x</A>",
                vec!["http://x.org"],
            ),
            ("<a href=http://x.org>x</a><a name=y>", vec!["http://x.org"]),
            ("<a href='javascript:no'>x</a> href=\"http://x\"", vec![]),
            ("<a href=", vec![]),
            ("<a href=>", vec![]),
        ] {
            assert_eq!(links(text), expected, "{text}");
        }
    }
}
