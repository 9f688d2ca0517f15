#!/usr/bin/env bash
# Builds a collection in shards, several at the same time, and puts them together: with GNU parallel where it is
# installed, else with xargs.
#
#   ./parallel.sh CSV DATA [SHARDS [JOBS]]      4 shards unless given, all at the same time unless given
#
# Expect a line from each shard as it ends, then one about the merged collection in DATA. The shards lie in
# DATA.shards, which can be deleted afterwards; the same command goes on where one was cut off. Model and other
# settings come from the environment (CLIP_MODEL, …). GNU parallel also runs on other machines that see the same
# folders: PARALLEL="--sshlogin a.example.org,b.example.org --env _" ./parallel.sh …
set -euo pipefail
if [ $# -lt 2 ]; then
    sed -n 's/^# \{0,1\}//; 5p' "$0" >&2
    exit 2
fi
csv=$(realpath "$1")
data=$(realpath -m "$2")
shards=${3:-4}
jobs=${4:-$shards}

# Each model would take all cores.
cores=$(getconf _NPROCESSORS_ONLN)
export CLIP_MODEL_THREADS=${CLIP_MODEL_THREADS:-$(((cores + jobs - 1) / jobs))}

# A shard has few images, of which one may fail: whether too many did is told by the merge.
build=(clip-search build --mode CSV --csv-file "$csv" --data-dir "$data.shards/{}"
    --shard "{}/$shards" --max-failures '100%')
if parallel --version 2>/dev/null | grep -q '^GNU parallel'; then
    parallel --will-cite --quote --jobs "$jobs" "${build[@]}" ::: $(seq "$shards")
else
    seq "$shards" | xargs -I '{}' -P "$jobs" "${build[@]}"
fi

folders=()
for shard in $(seq "$shards"); do
    folders+=("$data.shards/$shard")
done
clip-search merge --data-dir "$data" "${folders[@]}"
