#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A data set on a SLURM cluster: an array of shards on a shared folder, then one task that collects, checks and reports.
#
#   OUT=/shared/set RECIPE="--views 1000 --category human car dog --size 512x512 --seed 1" bash scripts/slurm_array.sh 64
#
# 64 tasks, each one node's share of processors. A task that fails or is preempted is queued again and goes on where it
# was; `OUT=... RECIPE=... bash scripts/slurm_array.sh 64` once more does what is still missing, and nothing else.
# More of SLURM's own options (partition, account, GPUs) go into SBATCH_OPTIONS. CPUS is the number of processors a task.
set -euo pipefail

if [ -n "${SLURM_ARRAY_TASK_ID:-}" ]; then # inside a task of the array
  # a worker renders on four processors or fewer best: its preparation uses only one of them
  workers=$(( (SLURM_CPUS_PER_TASK + 3) / 4 ))
  exec rdharmony make "$OUT" $RECIPE --shard "$SLURM_ARRAY_TASK_ID/$SLURM_ARRAY_TASK_COUNT" --workers "$workers" --quiet
fi
if [ "${1:-}" = collect ]; then
  rdharmony compose "$OUT" --quiet
  exec rdharmony report "$OUT" --quiet # validates first
fi

[ $# -eq 1 ] || { echo "error: expected the number of tasks, for instance 64" >&2; exit 2; }
: "${OUT:?should name the folder of the set on a disk that all nodes see}" "${RECIPE:?should hold the options of rdharmony make}"
command -v sbatch >/dev/null || { echo "error: sbatch was not found; run this where SLURM jobs are submitted" >&2; exit 1; }
mkdir -p "$OUT-logs"
export OUT RECIPE
common=(--parsable --export=ALL --cpus-per-task="${CPUS:-16}" ${SBATCH_OPTIONS:-})
array=$(sbatch "${common[@]}" --array="1-$1" --requeue --mem-per-cpu=2G --job-name=rdharmony \
  --output="$OUT-logs/%A_%a.log" "$0")
# afterany: also when a task failed, so that the report names the views that are missing
sbatch "${common[@]}" --dependency="afterany:${array%%;*}" --job-name=rdharmony-collect \
  --output="$OUT-logs/collect_%j.log" "$0" collect
