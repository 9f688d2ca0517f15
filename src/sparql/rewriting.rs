//! Tests as data: what becomes of the query in each `tests/rewriting/NAME_input.rq` stands in `NAME_output.rq`. The
//! first word of NAME says which step is asked.
//!
//! Comments in a query give a step what it needs: `# known 0` is a request that was searched for, `# around ?x` a
//! variable that has a value, `# no named graphs` a dataset. Comments in the output say what a step tells besides.
//! With `REWRITE_OUTPUTS=1` the outputs are written anew: read what has changed.

use super::algebra;
use super::algebra::query::pattern_of_mut;
use super::evaluate::optimizer::hashed;
use super::plan::order::Order;
use super::request::Fragment;
use super::request::extract::{Extracted, extract};
use super::request::insert::Tables;
use super::surroundings::known::Known;
use super::surroundings::weaken::Weakening;
use super::text;
use crate::vocab::Property;
use oxrdf::{Literal, NamedNode, Variable};
use spargebra::Query;
use spargebra::algebra::GraphPattern;
use std::collections::{BTreeSet, HashSet};
use std::fmt::Write as _;
use std::path::Path;

#[test]
fn every_input_becomes_its_output() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/rewriting");
    #[expect(clippy::disallowed_methods, reason = "a switch of this test alone")]
    let writes = std::env::var_os("REWRITE_OUTPUTS").is_some();
    let mut wrong = String::new();
    let mut n_cases = 0;
    for entry in std::fs::read_dir(&folder).unwrap() {
        let file = entry.unwrap().file_name().into_string().unwrap();
        let Some(name) = file.strip_suffix("_input.rq") else {
            continue;
        };
        n_cases += 1;
        let input = std::fs::read_to_string(folder.join(&file)).unwrap();
        let found = without_chance(&rewritten(name, &input));
        let output = folder.join(format!("{name}_output.rq"));
        if writes {
            std::fs::write(&output, &found).unwrap();
        }
        let expected = std::fs::read_to_string(&output).unwrap_or_default();
        if found != expected {
            let difference = difference(&expected, &found);
            write!(wrong, "\n{name}\n{input}{difference}").unwrap();
        }
    }
    assert!(n_cases >= 40, "{n_cases} in {}", folder.display());
    assert!(wrong.is_empty(), "{wrong}");
}

/// What the step that `name` begins with makes of `input`.
fn rewritten(name: &str, input: &str) -> String {
    let mut query = text::read(input).unwrap();
    let Some(extracted) = extract(pattern_of_mut(&mut query)).unwrap() else {
        assert_eq!(name, "extract_nothing");
        return shown(pattern_of_mut(&mut query).clone());
    };
    match name.split('_').next() {
        Some("extract") => shown(extracted.pattern.clone()) + &fragments(&extracted),
        Some("weaken") => weakened(&extracted, input),
        Some("insert") => shown(inserted(&extracted, input, false)),
        Some("order") => {
            let order = Order {
                position: &extracted.position,
                score: extracted.fragments[0].output_variable(Property::Score),
            };
            shown(order.apply(inserted(&extracted, input, true)))
        }
        _ => panic!("{name} begins with no step"),
    }
}

fn fragments(extracted: &Extracted) -> String {
    let mut text = String::new();
    for (number, fragment) in extracted.fragments.iter().enumerate() {
        write!(text, "# fragment {number} {}", fragment.written).unwrap();
        if let Some(hit) = &fragment.hit {
            write!(text, " of the hit {hit}").unwrap();
        }
        for (property, object) in &fragment.columns {
            write!(text, "; {property} {object}").unwrap();
        }
        text.push('\n');
    }
    text + &names("read", &extracted.read)
}

fn weakened(extracted: &Extracted, input: &str) -> String {
    let searched = comment(input, "known");
    let tables: Vec<Option<GraphPattern>> = (extracted.fragments.iter().enumerate())
        .map(|(number, fragment)| {
            (searched.contains(&number.to_string())).then(|| table(fragment, None))
        })
        .collect();
    let known = Known::new(extracted, &tables);
    let around = (comment(input, "around").iter())
        .map(|name| Variable::new_unchecked(name.trim_start_matches('?')))
        .collect();
    let mut weakening = Weakening::of(&known, &around);
    let pattern = weakening.pattern(&extracted.pattern);
    shown(pattern) + &names("lost", &weakening.lost)
}

/// The query with two rows for each fragment.
fn inserted(extracted: &Extracted, input: &str, is_ordered: bool) -> GraphPattern {
    let position = Some(&extracted.position).filter(|_| is_ordered);
    let of_fragment: Vec<Option<GraphPattern>> = (extracted.fragments.iter())
        .map(|fragment| Some(table(fragment, position)))
        .collect();
    let tables = Tables {
        of_fragment: &of_fragment,
        has_named_graphs: comment(input, "no").is_empty(),
    };
    tables.insert(extracted.pattern.clone())
}

fn table(fragment: &Fragment, position: Option<&Variable>) -> GraphPattern {
    let variables: BTreeSet<&Variable> = fragment.variables().chain(position).collect();
    let rows = [1, 2].map(|row| {
        let cell = |variable: &&Variable| {
            Some(if **variable == fragment.subject {
                NamedNode::new_unchecked(format!("http://e/hit/{row}")).into()
            } else {
                Literal::from(row).into()
            })
        };
        variables.iter().map(cell).collect()
    });
    hashed(variables.into_iter().cloned().collect(), rows.to_vec())
}

/// The words after `# word` in a query.
fn comment(input: &str, word: &str) -> Vec<String> {
    let lines = input.lines().filter_map(|line| line.strip_prefix("# "));
    let mut lines = lines.filter_map(|line| line.strip_prefix(word));
    let words = lines.next().unwrap_or_default().split_whitespace();
    words.map(str::to_owned).collect()
}

fn names(what: &str, variables: &HashSet<Variable>) -> String {
    let variables: BTreeSet<&Variable> = variables.iter().collect();
    variables
        .iter()
        .fold(format!("# {what}"), |text, name| format!("{text} {name}"))
        + "\n"
}

/// A pattern as SPARQL, a line for each triple and group.
fn shown(pattern: GraphPattern) -> String {
    if algebra::is_unit(&pattern) {
        return "SELECT * WHERE {}\n".to_owned();
    }
    let text = Query::Select {
        dataset: None,
        pattern,
        base_iri: None,
    }
    .to_string();
    let mut lines = String::new();
    let mut depth: usize = 0;
    let mut line = String::new();
    let mut end = |line: &mut String, depth: usize| {
        if !line.trim().is_empty() {
            lines += &format!("{}{}\n", "  ".repeat(depth), line.trim());
        }
        line.clear();
    };
    let mut before = ' ';
    for c in text.chars() {
        match c {
            '}' => {
                end(&mut line, depth);
                depth -= 1;
                line.push(c);
            }
            '{' => {
                line.push(c);
                end(&mut line, depth);
                depth += 1;
            }
            '.' if before == ' ' => {
                line.push(c);
                end(&mut line, depth);
            }
            c => line.push(c),
        }
        before = c;
    }
    end(&mut line, depth);
    lines
}

/// Numbers for the names that the parser draws by chance, for blank nodes and aggregates.
fn without_chance(text: &str) -> String {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut drawn: Vec<&str> = Vec::new();
    for word in text.split(|c: char| !is_name(c)) {
        let is_drawn = word.len() > 24 && word.chars().all(|c| c.is_ascii_hexdigit());
        if is_drawn && !drawn.contains(&word) {
            drawn.push(word);
        }
    }
    let mut text = text.to_owned();
    for (number, word) in drawn.iter().enumerate() {
        text = text.replace(word, &format!("drawn_{number}"));
    }
    let mut lines = String::new();
    for line in text.lines() {
        let mut words: Vec<&str> = line.split(' ').collect();
        if ["read", "lost"].contains(words.get(1).unwrap_or(&"")) {
            words[2..].sort_unstable();
        }
        lines += &(words.join(" ") + "\n");
    }
    lines
}

/// The lines of two texts, those marked that only one of them has.
fn difference(expected: &str, found: &str) -> String {
    let (a, b): (Vec<&str>, Vec<&str>) = (expected.lines().collect(), found.lines().collect());
    // Length of the longest common part of what is left of both, from each place on.
    let mut common = vec![vec![0; b.len() + 1]; a.len() + 1];
    for i in (0..a.len()).rev() {
        for j in (0..b.len()).rev() {
            common[i][j] = if a[i] == b[j] {
                common[i + 1][j + 1] + 1
            } else {
                common[i + 1][j].max(common[i][j + 1])
            };
        }
    }
    let (mut i, mut j, mut text) = (0, 0, String::new());
    while i < a.len() || j < b.len() {
        if i < a.len() && j < b.len() && a[i] == b[j] {
            text += &format!("  {}\n", a[i]);
            (i, j) = (i + 1, j + 1);
        } else if j == b.len() || (i < a.len() && common[i + 1][j] >= common[i][j + 1]) {
            text += &format!("- {}\n", a[i]);
            i += 1;
        } else {
            text += &format!("+ {}\n", b[j]);
            j += 1;
        }
    }
    text
}
