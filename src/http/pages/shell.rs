//! The HTML that a page begins with: its files, its settings, and what is shown where scripts do not run.

use super::assets::Entry;
use crate::escape;
use std::fmt::Write;

/// What differs between pages.
pub(super) struct Shell<'a> {
    pub(super) title: &'a str,
    pub(super) language: &'static str,
    /// What leads from the page's URL to the service's root.
    pub(super) root: &'static str,
    pub(super) entry: &'a Entry,
    /// The operator's style; nothing, perhaps.
    pub(super) style: &'a str,
    /// JSON.
    pub(super) settings: &'a str,
    /// HTML.
    pub(super) without_scripts: &'a str,
}

impl Shell<'_> {
    pub(super) fn html(&self) -> String {
        let Self {
            language,
            root,
            entry,
            without_scripts,
            ..
        } = self;
        let mut head = String::new();
        if let Some(css) = &entry.css {
            let _ = writeln!(head, r#"<link rel="stylesheet" href="{root}assets/{css}">"#);
        }
        let messages = entry.languages.get(*language);
        for chunk in entry.chunks.iter().chain(messages) {
            let _ = writeln!(
                head,
                r#"<link rel="modulepreload" href="{root}assets/{chunk}">"#
            );
        }
        if !self.style.is_empty() {
            let _ = writeln!(head, "<style>{}</style>", self.style);
        }
        format!(
            r#"<!DOCTYPE html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<link rel="icon" href="data:,">
{head}<script type="module" src="{root}assets/{js}"></script>
</head>
<body>
<div id="app"></div>
<noscript>
<main>
<h1>{title}</h1>
{without_scripts}
</main>
</noscript>
<script type="application/json" id="settings">{settings}</script>
</body>
</html>
"#,
            title = escape::html(self.title),
            js = entry.js,
            // `</script>` and `<!--` would end or change the element; JSON can write them otherwise.
            settings = self.settings.replace('<', "\\u003c"),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_is_said_becomes_markup() {
        let entry = Entry {
            js: "a.js".to_owned(),
            css: None,
            chunks: vec!["b.js".to_owned()],
            languages: [("de", "c.js"), ("it", "d.js")]
                .map(|(language, file)| (language.to_owned(), file.to_owned()))
                .into(),
        };
        let html = Shell {
            title: "<b>",
            language: "de",
            root: "../",
            entry: &entry,
            style: "",
            settings: r#"{"name":"</script><!--"}"#,
            without_scripts: "<p>text</p>",
        }
        .html();
        assert!(html.contains("<title>&lt;b&gt;</title>"), "{html}");
        assert!(
            html.contains(r#"{"name":"\u003c/script>\u003c!--"}"#),
            "{html}"
        );
        assert!(html.contains(r#"src="../assets/a.js""#), "{html}");
        for file in ["b.js", "c.js"] {
            assert!(
                html.contains(&format!("modulepreload\" href=\"../assets/{file}\"")),
                "{html}"
            );
        }
        assert!(!html.contains("d.js"), "{html}");
        assert!(!html.contains("<style>"), "{html}");
    }
}
