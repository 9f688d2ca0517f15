//! `.env.example` lists every setting with its default, and no other.

use clap::CommandFactory;
use clip_search::cli::Cli;
use std::collections::BTreeMap;

/// Settings that are read before or beside the command line.
const WITHOUT_FLAG: [(&str, &str); 1] = [("CLIP_LOG", "warn,clip_search=info")];

/// `build` has a default where the other commands find the column by themselves.
const DIFFERENT_DEFAULTS: [&str; 1] = ["CLIP_IIIF_COLUMN"];

#[test]
fn the_example_file_is_in_step_with_the_command_line() {
    let mut settings: BTreeMap<String, String> = WITHOUT_FLAG
        .into_iter()
        .map(|(name, default)| (name.to_owned(), default.to_owned()))
        .collect();
    for command in Cli::command().get_subcommands() {
        for argument in command.get_arguments() {
            let Some(name) = argument.get_env().and_then(|name| name.to_str()) else {
                continue;
            };
            let defaults: Vec<&str> = argument
                .get_default_values()
                .iter()
                .filter_map(|value| value.to_str())
                .collect();
            let default = defaults.join(",");
            if DIFFERENT_DEFAULTS.contains(&name) {
                settings.insert(name.to_owned(), String::new());
                continue;
            }
            // A command may do without what another one has a default for.
            let known = settings.entry(name.to_owned()).or_default();
            if !default.is_empty() {
                assert!(
                    known.is_empty() || *known == default,
                    "{name} has one default"
                );
                *known = default;
            }
        }
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/.env.example");
    let example: BTreeMap<String, String> = std::fs::read_to_string(path)
        .unwrap()
        .lines()
        .filter_map(|line| line.strip_prefix('#')?.split_once('='))
        .filter(|(name, _)| name.chars().all(|c| c.is_ascii_uppercase() || c == '_'))
        .map(|(name, value)| (name.to_owned(), value.trim_matches('"').to_owned()))
        .collect();
    assert_eq!(example, settings);
}

#[test]
fn the_command_line_is_sound() {
    Cli::command().debug_assert();
}
