#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The whole product in one command: render, train, evaluate, export, and harmonize an animation inside Blender. The
# animation is matched with the weights that come with the package; the training is a short one, to show how it goes.
#
#   bash scripts/demo.sh [OUT]      OUT defaults to demo_out; open OUT/index.html afterwards
#
# Takes about twelve minutes on two cores the first time. Stopped or killed, the same command goes on where it was.
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"
out=${1:-demo_out}
minutes=${DEMO_TRAIN_MINUTES:-4}
PATH="$PWD/.venv/bin:$PATH"
step() { printf '\n== %s (%d:%02d since the start)\n' "$1" $((SECONDS / 60)) $((SECONDS % 60)); }

step "1/6 Rendering six views of three scenes under ten styles"
rdharmony make "$out/rendered" --views 6 --category human --size 256x256 --seed 5 \
  --scenes park city_corner room

step "2/6 Making composites from photographs"
harmonize make-real harmonize_core/photos harmonize_core/photos "$out/photographic" --seed 7

step "3/6 Training CharmNet for $minutes minutes on both"
harmonize train charmnet-demo --rendered "$out/rendered" --photographic "$out/photographic" \
  --run "$out/run" --minutes "$minutes" --resume

step "4/6 Evaluating that and the weights that come with the package on the held-out scene"
harmonize evaluate "$out/run" "$out/rendered" --split test --out "$out/evaluation"
harmonize evaluate charmnet_hr "$out/rendered" --split test --out "$out/evaluation_shipped"
harmonize export "$out/run" "$out/charmnet.onnx" --domain rendered --precision fp16

step "5/6 Building the Blender extension with the weights of the package, and harmonizing 24 frames with it"
python scripts/build_extension.py --out "$out/extension"   # --model "$out/charmnet.onnx" takes the short training's
python scripts/demo_animation.py "$out/extension" "$out/animation"

step "6/6 Writing the report"
python scripts/demo_report.py "$out"
step "Done: open $out/index.html"
