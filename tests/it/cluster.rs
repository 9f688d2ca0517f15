//! The files in `examples/` that run a build on many machines, run here on one.

use crate::build::{Fixture, files};
use crate::process::{clip_search, program, run};
use crate::support;
use crate::world::{model, repository, text_of};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// `command` with the program on its path, and the fixture model.
fn with_program(command: &mut Command, more_path: Option<&Path>) {
    let own = clip_search(&[]);
    for (name, value) in own.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    let mut path: Vec<PathBuf> = more_path.map(Path::to_owned).into_iter().collect();
    path.push(Path::new(own.get_program()).parent().unwrap().to_owned());
    path.extend(["/usr/bin", "/bin"].map(PathBuf::from));
    command
        .env("PATH", std::env::join_paths(path).unwrap())
        .env("CLIP_MODEL", model())
        .env("CLIP_MODEL_PRECISION", "f32");
}

/// Twelve images, of which the last is gone, and what one build makes of them.
async fn fixture() -> (Fixture, PathBuf) {
    let fixture = Fixture::new(12).await;
    let mut csv = fs::read_to_string(fixture.csv(12)).unwrap();
    csv.push_str(&format!("gone,{}/gone.jpg\n", fixture.base()));
    let csv = fixture.csv_of(&csv);
    let mut build = clip_search(&["build", "--mode", "CSV", "--max-failures", "8%"]);
    with_program(&mut build, None);
    build.arg("--csv-file").arg(&csv);
    build.arg("--data-dir").arg(fixture.path("single"));
    run(&mut build).ok();
    (fixture, csv)
}

fn scripts() -> Vec<PathBuf> {
    let slurm = fs::read_dir(repository("examples/slurm")).unwrap();
    let slurm = slurm.map(|entry| entry.unwrap().path());
    let all: Vec<_> = slurm.chain([repository("examples/parallel.sh")]).collect();
    assert_eq!(all.len(), 4, "{all:?}");
    all
}

#[test]
fn the_scripts_are_sound() {
    for script in scripts() {
        run(program("bash").arg("-n").arg(&script)).ok();
    }
    if support::shellcheck() {
        run(program("shellcheck").args(scripts())).ok();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_builds_shards_at_the_same_time() {
    let (fixture, csv) = fixture().await;
    let script = repository("examples/parallel.sh");
    let data = fixture.path("a folder/with 'data'");
    let mut command = program(&text_of(&script));
    with_program(&mut command, None);
    command.arg(&csv).arg(&data).args(["3", "2"]);
    let ended = run(&mut command);
    // The limit of 5 % is that of the merge.
    assert_eq!(ended.code, Some(3), "{}{}", ended.stdout, ended.stderr);
    let mut lines: Vec<&str> = ended.stdout.lines().collect();
    assert_eq!(
        lines.pop(),
        Some(
            "3 shards: 13 rows, 0 skipped, 12 vectors, 1 failed, 1 at download; more failures than allowed, see failures.csv"
        )
    );
    lines.sort_unstable();
    for (line, shard) in lines.iter().zip(1..=3) {
        let start = format!("shard {shard}/3: 13 rows, ");
        assert!(line.starts_with(&start), "{line}");
    }
    assert_eq!(lines.len(), 3);
    assert!(files(&data) == files(&fixture.path("single")));
    // Once more there is nothing left to do.
    let again = run(&mut command).stdout;
    assert_eq!(again.matches(": 0 encoded, ").count(), 3, "{again}");
    // Without arguments it says how it is called.
    let mut command = program(&text_of(&script));
    let ended = run(&mut command);
    assert_eq!(ended.code, Some(2));
    assert!(
        ended.stderr.contains("./parallel.sh CSV DATA"),
        "{}",
        ended.stderr
    );
}

/// A Slurm that runs what it is given at once: `sbatch`, which runs each task of an array, and `srun`.
const SBATCH: &str = r#"#!/usr/bin/env bash
set -euo pipefail
array=
while [[ $1 == --* ]]; do
    case $1 in
        --array=*) array=${1#--array=}; array=${array%%%*} ;;
        --dependency=*) [ "$1" = --dependency=afterok:11 ] ;;
    esac
    shift
done
if [ -n "$array" ]; then
    for task in $(seq "${array%-*}" "${array#*-}"); do
        SLURM_ARRAY_TASK_ID=$task SLURM_CPUS_PER_TASK=1 "$@" >&2
    done
    echo '11;cluster'
else
    "$@" >&2
    echo 12
fi
"#;

#[tokio::test(flavor = "multi_thread")]
async fn slurm_builds_shards_as_an_array() {
    let (fixture, csv) = fixture().await;
    let tools = fixture.path("tools");
    fs::create_dir(&tools).unwrap();
    for (name, text) in [("sbatch", SBATCH), ("srun", "#!/bin/sh\nexec \"$@\"\n")] {
        let path = tools.join(name);
        fs::write(&path, text).unwrap();
        run(program("chmod").arg("+x").arg(path)).ok();
    }
    // The merge counts failures with the usual limit.
    let table = fs::read_to_string(&csv).unwrap();
    let lines: Vec<&str> = table
        .lines()
        .filter(|line| !line.contains("gone"))
        .collect();
    fs::write(&csv, lines.join("\n") + "\n").unwrap();
    let mut command = program(&text_of(&repository("examples/slurm/submit.sh")));
    with_program(&mut command, Some(&tools));
    command.arg(&csv).arg(fixture.path("data")).args(["3", "2"]);
    assert_eq!(run(&mut command).ok(), "shards: 11\nmerge: 12\n");
    let mut build = clip_search(&["build", "--mode", "CSV"]);
    with_program(&mut build, None);
    build.arg("--csv-file").arg(&csv);
    build.arg("--data-dir").arg(fixture.path("single"));
    run(&mut build).ok();
    assert!(files(&fixture.path("data")) == files(&fixture.path("single")));
}

/// Validates the manifests by the schemas of Kubernetes, and prints each as JSON in a line.
const VALIDATE: &str = "
import json, sys, kubernetes_validate, yaml
for path in sys.argv[1:]:
    for resource in yaml.safe_load_all(open(path)):
        for version in ['1.29', kubernetes_validate.latest_version()]:
            kubernetes_validate.validate(resource, version, strict=True)
        print(json.dumps(resource))
";

#[tokio::test(flavor = "multi_thread")]
async fn kubernetes_builds_shards_as_an_indexed_job() {
    let Some(python) = support::python("kubernetes_validate, yaml") else {
        return;
    };
    let (fixture, csv) = fixture().await;
    let folder = repository("examples/kubernetes");
    let mut validate = program(&python);
    validate.args(["-c", VALIDATE]);
    validate.args(["volume", "shards", "merge"].map(|name| folder.join(format!("{name}.yaml"))));
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 3);
    let printed = run(&mut validate).ok();
    let resources: Vec<Value> = printed
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let [volume, shards, merge] = resources.as_slice() else {
        panic!("{printed}");
    };
    let volume_name = &volume["metadata"]["name"];
    let n_shards = shards["spec"]["completions"].as_u64().unwrap();

    // What the pods run, with a folder here in the place of the volume.
    let data = text_of(&fixture.path("volume"));
    fs::create_dir(&data).unwrap();
    fs::copy(&csv, format!("{data}/images-in.csv")).unwrap();
    let pod = |job: &Value, index: u64| {
        let spec = &job["spec"]["template"]["spec"];
        let claim = &spec["volumes"][0]["persistentVolumeClaim"]["claimName"];
        assert_eq!(claim, volume_name);
        let container = &spec["containers"][0];
        assert_eq!(container["volumeMounts"][0]["mountPath"], "/data");
        let words = |name: &str| -> Vec<String> {
            let words = container[name].as_array().unwrap().iter();
            words
                .map(|word| word.as_str().unwrap().replace("/data", &data))
                .collect()
        };
        let mut command = program(&words("command")[0]);
        with_program(&mut command, None);
        command.args(&words("command")[1..]).args(words("args"));
        command.env("JOB_COMPLETION_INDEX", index.to_string());
        for variable in container["env"].as_array().unwrap() {
            let (name, value) = (variable["name"].as_str(), variable["value"].as_str());
            if name == Some("SHARDS") {
                assert_eq!(value.unwrap(), n_shards.to_string());
                command.env("SHARDS", value.unwrap());
            }
        }
        run(&mut command)
    };
    for index in 0..n_shards {
        pod(shards, index).ok();
    }
    // One of 13 images is gone, more than the usual limit: the job has failed, and the collection is there.
    let ended = pod(merge, 0);
    assert_eq!(ended.code, Some(3), "{}{}", ended.stdout, ended.stderr);
    let collection = Path::new(&data).join("collection");
    assert!(files(&collection) == files(&fixture.path("single")));
}
