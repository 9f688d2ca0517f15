#!/usr/bin/env bash
# Queues a build of many shards, and the merge that comes after the last of them.
#
#   ./submit.sh CSV DATA [SHARDS [AT_ONCE]]      16 shards, 4 at the same time, unless given
#
# Expect the number of the array and that of the merge. All shards ask the same image servers: AT_ONCE times --threads
# requests at a time. The model comes from CLIP_MODEL; have it in the cache (clip-search inspect --model …) or in
# a folder before, since many nodes have no way to the model hub.
set -euo pipefail
if [ $# -lt 2 ]; then
    sed -n 's/^# \{0,1\}//; 4p' "$0" >&2
    exit 2
fi
CSV=$(realpath "$1")
DATA=$(realpath -m "$2")
SHARDS=${3:-16}
export CSV DATA SHARDS
here=$(dirname "$(realpath "$0")")

array=$(sbatch --parsable --array="1-$SHARDS%${4:-4}" --export=ALL "$here/build.sh")
echo "shards: ${array%%;*}"
merge=$(sbatch --parsable --dependency="afterok:${array%%;*}" --export=ALL "$here/merge.sh")
echo "merge: ${merge%%;*}"
