#!/usr/bin/env bash
# Puts the shards of build.sh together in DATA. Takes one core, and little memory however many images there are.
#
#SBATCH --job-name=clip-merge
#SBATCH --cpus-per-task=1
#SBATCH --mem=2G
#SBATCH --time=02:00:00
#SBATCH --output=clip-merge-%j.log
set -euo pipefail
: "${DATA:?the folder of the collection}" "${SHARDS:?the number of shards}"

folders=()
for shard in $(seq "$SHARDS"); do
    folders+=("$DATA.shards/$shard")
done
exec srun clip-search merge --data-dir "$DATA" "${folders[@]}"
