#!/usr/bin/env bash
# One shard of a build: a task of a Slurm array. submit.sh queues all of them and the merge.
#
# The array's numbers are those of the shards, from 1 on. A task that was lost, or whose node failed, is queued again
# alone (sbatch --array=3,7 …) and goes on where it was cut off: its journal is in the shard's folder, which must be
# on a file system that all nodes see.
#
#SBATCH --job-name=clip-shard
#SBATCH --cpus-per-task=8
#SBATCH --mem=8G
#SBATCH --time=12:00:00
#SBATCH --requeue
#SBATCH --signal=TERM@120
#SBATCH --output=clip-shard-%A-%a.log
set -euo pipefail
: "${CSV:?the table with the IIIF URLs}" "${DATA:?the folder of the collection}" "${SHARDS:?the number of shards}"

# Whether too many images failed is told by the merge; a shard may have few.
exec srun clip-search build --mode CSV --csv-file "$CSV" \
    --shard "$SLURM_ARRAY_TASK_ID/$SHARDS" --data-dir "$DATA.shards/$SLURM_ARRAY_TASK_ID" \
    --model-threads "${SLURM_CPUS_PER_TASK:-1}" --max-failures 100%
