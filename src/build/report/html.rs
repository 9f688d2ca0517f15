//! The report as one HTML page, which needs no other file and asks for none.

use super::kinds::Kind;
use super::{Report, Shown};
use crate::escape;
use crate::print::duration;
use indicatif::DecimalBytes;
use std::fmt::Write;

const STYLE: &str = "\
:root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif }
body { max-width: 72rem; margin: 0 auto; padding: 1rem }
table { border-collapse: collapse; width: 100%; margin: .5rem 0 1.5rem }
caption { text-align: start; font-weight: 600 }
th, td { text-align: start; vertical-align: top; padding: .3rem .6rem; border-bottom: 1px solid #8886 }
td.n, th.n { text-align: end; font-variant-numeric: tabular-nums }
ul.pictures { display: flex; flex-wrap: wrap; gap: .6rem; padding: 0; list-style: none }
ul.pictures img, ul.pictures span { display: block; height: 7rem }
.group { border-bottom: 1px solid #8886 }
code, .url { overflow-wrap: anywhere }
.url { font-size: .9rem }";

/// The page.
pub(super) fn page(report: &Report) -> String {
    let mut html = String::new();
    let title = "Report of a build";
    let Report {
        summary,
        failures,
        not_refreshed,
        ..
    } = report;
    let _ = write!(
        html,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'\">\n\
         <title>{title}</title>\n<style>\n{STYLE}\n</style>\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n"
    );
    let model = report.model.as_ref().map_or_else(String::new, |model| {
        format!(" The model is {}.", escape::html(&model.to_string()))
    });
    let _ = write!(
        html,
        "<p>The collection in <code>{}</code>, written on {} after {} by {}.{model}</p>\n<p>{}.</p>\n",
        escape::html(&report.data_dir.display().to_string()),
        escape::html(&report.ended),
        duration(report.seconds),
        escape::html(report.program),
        escape::html(&summary.to_string()),
    );
    html.push_str("<h2>What has no vector</h2>\n");
    match failures.is_empty() {
        true => html.push_str("<p>Nothing: every row has its image.</p>\n"),
        false => failures_table(&mut html, failures),
    }
    if !not_refreshed.is_empty() {
        html.push_str(
            "<h2>What could not be looked at again</h2>\n<p>These images keep the vectors that they have; the next <code>--refresh</code> asks for them again.</p>\n",
        );
        failures_table(&mut html, not_refreshed);
    }
    html.push_str("<h2>Hosts</h2>\n");
    match report.hosts.is_empty() {
        true => html.push_str("<p>No host was asked in this run.</p>\n"),
        false => hosts_table(&mut html, report),
    }
    sizes(&mut html, report);
    duplicates(&mut html, report);
    html.push_str("<h2>A sample</h2>\n");
    pictures(&mut html, &report.sample);
    html.push_str("</main>\n</body>\n</html>\n");
    html
}

fn failures_table(html: &mut String, kinds: &[Kind]) {
    html.push_str(
        "<table>\n<caption>By reason</caption>\n<tr><th class=\"n\">Rows</th><th>Step</th><th>Reason and what helps</th><th>Hosts</th><th>For instance</th></tr>\n",
    );
    for kind in kinds {
        let hosts = kind
            .hosts
            .iter()
            .map(|(host, n)| format!("{} ({n})", escape::html(host)));
        let examples = kind.examples.iter().map(|example| {
            format!(
                "row {}: <span class=\"url\" title=\"{}\">{}</span>",
                example.row,
                escape::html(&example.reason),
                escape::html(&example.url)
            )
        });
        let _ = writeln!(
            html,
            "<tr><td class=\"n\">{}</td><td>{}</td><td>{}<br><strong>{}</strong></td><td>{}</td><td>{}</td></tr>",
            kind.count,
            kind.stage,
            escape::html(&kind.reason),
            escape::html(kind.remedy),
            hosts.collect::<Vec<_>>().join("<br>"),
            examples.collect::<Vec<_>>().join("<br>"),
        );
    }
    html.push_str("</table>\n");
}

fn hosts_table(html: &mut String, report: &Report) {
    html.push_str(
        "<table>\n<caption>In this run</caption>\n<tr><th>Host</th><th class=\"n\">Pictures</th><th class=\"n\">Bytes</th><th class=\"n\">Bytes a picture</th><th>Failures</th></tr>\n",
    );
    for (host, tally) in &report.hosts {
        let failed = tally
            .failed
            .iter()
            .map(|(stage, n)| format!("{n} at {stage}"));
        let each = tally.bytes.checked_div(tally.fetched as u64);
        let _ = writeln!(
            html,
            "<tr><td>{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td>{}</td></tr>",
            escape::html(host),
            tally.fetched,
            DecimalBytes(tally.bytes),
            each.map_or_else(String::new, |n| DecimalBytes(n).to_string()),
            failed.collect::<Vec<_>>().join(", "),
        );
    }
    html.push_str("</table>\n");
}

fn sizes(html: &mut String, report: &Report) {
    let sizes = &report.sizes;
    let _ = writeln!(
        html,
        "<h2>Sizes</h2>\n<p>The original's size is known of {} images, that of the delivered picture alone of {}, and none of {}.",
        sizes.from_info, sizes.delivered, sizes.unknown
    );
    if let Some(all) = sizes.smallest_median_largest {
        let [smallest, median, largest] = all.map(|[width, height]| format!("{width} × {height}"));
        let _ = write!(
            html,
            " The smallest original has {smallest} pixels, the one in the middle {median}, the largest {largest}."
        );
    }
    if sizes.long > 0 {
        let _ = write!(
            html,
            " {} are more than five times as long as wide, or as high: a model sees their middle alone.",
            sizes.long
        );
    }
    html.push_str("</p>\n");
}

fn duplicates(html: &mut String, report: &Report) {
    html.push_str("<h2>Images that look the same</h2>\n");
    if report.duplicates.is_empty() {
        html.push_str("<p>None: no two vectors are nearly the same.</p>\n");
        return;
    }
    let _ = writeln!(
        html,
        "<p>Groups of images whose vectors are nearly the same, as those of one picture under several URLs are: {}{}.</p>",
        report.duplicate_groups,
        match report.duplicates.len() < report.duplicate_groups {
            true => format!("; the first {} are shown", report.duplicates.len()),
            false => String::new(),
        }
    );
    for group in &report.duplicates {
        html.push_str("<div class=\"group\">\n");
        pictures(html, group);
        html.push_str("</div>\n");
    }
}

fn pictures(html: &mut String, shown: &[Shown]) {
    html.push_str("<ul class=\"pictures\">\n");
    for image in shown {
        let url = escape::html(&image.url);
        let picture = match &image.thumbnail {
            Some(data) => format!("<img src=\"{data}\" alt=\"{url}\" title=\"{url}\">"),
            None => format!("<span class=\"url\">{url}</span>"),
        };
        let _ = writeln!(
            html,
            "<li><a href=\"{url}\" rel=\"noreferrer\">{picture}</a></li>"
        );
    }
    html.push_str("</ul>\n");
}
