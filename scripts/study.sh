#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The cross-domain study from nothing: renders of people, photographs in two categories, every run, the page.
#
#   bash scripts/study.sh OUT PHOTOS [PHOTOS...]    PHOTOS: folders of photographs with masks and a manifest.csv
#
# Stopped or killed, the same command goes on where it was. Several machines that share OUT: SHARD=1/3, 2/3, 3/3, once
# the data are there (STEP=data makes them and stops). STEP=plan says how long everything takes and starts no run.
#
#   VIEWS=320 SEEDS=3 STEPS=4000 BATCH=8 DEVICE=cpu THREADS=1 PRECISION=auto   size of the study
#   RENDER="--size 256x256 --seed 21" MAX_SIDE=384              how renders and photographs are made
#   MORE=                                                       more options of harmonize benchmark cross-domain
#   NOVEL=has_person=1                                          what makes a photograph one of the novel category
#   SHOW=                                                       folders whose photographs the page may show
#   PAGE=docs/study.md                                          written when every run is finished
#
# Hours of two processor cores instead of days of a GPU, as docs/study.md was made (two shells, SHARD=1/2 and 2/2):
#
#   VIEWS=150 RENDER="--size 128x128 --samples 8 --seed 51 --views-per-scene 1" MAX_SIDE=128 STEPS=400 BATCH=32 \
#     MORE="--network charmnet_hr --side 64 --test-limit 480" bash scripts/study.sh OUT PHOTOS [PHOTOS...]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
if [ $# -lt 2 ]; then sed -n '3,20p' "$0" | cut -c3-; exit 2; fi
out=$1 first=$2
shift 2
views=${VIEWS:-320}
step() { printf '\n== %s (%d:%02d since the start)\n' "$1" $((SECONDS / 60)) $((SECONDS % 60)); }

also=()
if [ $# -gt 0 ]; then also=(--also "$@"); fi
pictures=()
if [ -n "${SHOW:-}" ]; then read -ra folders <<<"$SHOW" && pictures=(--pictures-from "${folders[@]}"); fi
read -ra render <<<"${RENDER:---size 256x256 --seed 21}" && read -ra more <<<"${MORE:-}"
study=(
  harmonize benchmark cross-domain --photographs "$out/photographs" --rendered "$out/people" --category human
  --seeds "${SEEDS:-3}" --steps "${STEPS:-4000}" --batch "${BATCH:-8}" --device "${DEVICE:-cpu}" --threads "${THREADS:-1}"
  --precision "${PRECISION:-auto}" --out "$out/study" --page "${PAGE:-docs/study.md}" --shard "${SHARD:-1/1}" "${pictures[@]}" "${more[@]}"
)

step "1/3 Rendering $views views of people under ten styles"
rdharmony make "$out/people" --category human --views "$views" "${render[@]}"

step "2/3 Making composites from photographs, the novel category listed apart"
harmonize make-real "$first" "$first" "$out/photographs" "${also[@]}" --novel "${NOVEL:-has_person=1}" \
  --held-out 0.2 --held-out-novel 0.7 --per-series 4 --per-photo 8 --max-side "${MAX_SIDE:-384}" --seed 7
if [ "${STEP:-}" = data ]; then exit; fi

step "3/3 Every row under every seed"
if [ "${STEP:-}" = plan ]; then exec "${study[@]}" --plan; fi
exec "${study[@]}"
