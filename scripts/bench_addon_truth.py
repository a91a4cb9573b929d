# SPDX-License-Identifier: Apache-2.0
"""How near the add-on comes to the truth: shots of known truth, harmonized by its own job, scored against it.

    python scripts/bench_addon_truth.py NETWORK.onnx --shots FOLDER            20 shots of 8 frames at 256x144

Renders the shots once (`truth_shots`; they stay in FOLDER), gives layers and plates to the add-on as existing renders
before a numbered background, runs Harmonize Animation's job smoothed and frame by frame, and prints for each shot which
share of the composite's fMSE is removed, and fR-RTC beside that of frames treated alone. Scores are kept in
FOLDER/scores, a file a shot, network and code of the add-on, so a run that was stopped goes on; `--sheet` shows the
middle frames: before, after, truth.
"""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from truth_shots import Frame, Shot, render_shots, shots_in

from harmonize_core.errors import HarmonizeError, InputError
from harmonize_core.formats.images import read_image, write_exr, write_image, write_text
from harmonize_core.metrics.pixels import fmse
from harmonize_core.metrics.video import fr_rtc

ROOT = Path(__file__).resolve().parents[1]
SMOOTHING = 2.0
"""Frames; what the panel begins with."""


@dataclass(frozen=True)
class Score:
    """One shot, means over its frames, 0..255."""

    name: str
    before: float
    """fMSE of the untouched composite."""
    after: float
    """fMSE of the result."""
    single: float
    """fMSE of the result when every frame is treated alone."""
    best: float
    """fMSE of the affine change of sRGB, one for the whole shot, that fits the truth best: what a global look could
    come to if it knew the truth."""
    rtc: float
    """fR-RTC of the result."""
    rtc_single: float
    """The same of frames treated alone."""

    @property
    def removed(self) -> float:
        """Share of the composite's fMSE that is gone; negative where the result is worse."""
        return 1 - self.after / self.before

    @property
    def flicker(self) -> float:
        """fR-RTC with smoothing as a share of that without."""
        return self.rtc / max(self.rtc_single, 1e-9)


def main(argv: Sequence[str] | None = None) -> int:
    """Command line; exit code 0 only when every shot was scored."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("network", type=Path, nargs="?", help=".onnx file of `harmonize export`; none renders only")
    parser.add_argument("--shots", type=Path, required=True, help="folder that keeps the rendered shots")
    parser.add_argument("--count", type=int, default=20, help="shots (default 20)")
    parser.add_argument("--frames", type=int, default=8, help="of each (default 8)")
    parser.add_argument("--no-render", action="store_true", help="score the shots that are there")
    parser.add_argument("--sheet", type=Path, help="picture of the middle frames, before, after and truth")
    args = parser.parse_args(argv)
    code = 0
    try:
        if not args.no_render:
            render_shots(args.shots, args.count, args.frames)
        if args.network:
            bench(args.network, list(shots_in(args.shots))[: args.count], args.shots, args.sheet)
    except HarmonizeError as error:
        print(f"error: {error}", file=sys.stderr)
        code = 1
    sys.stdout.flush()
    if args.network:
        os._exit(code)  # Blender as a module may crash while Python shuts down
    return code


def bench(network: Path, shots: Sequence[Shot], folder: Path, sheet: Path | None) -> None:
    """Score the shots and print a table.

    Raises:
        HarmonizeError: no shots, or a run of the add-on failed.
    """
    if not network.is_file():
        raise InputError(f"{network} does not exist; give the .onnx file written by `harmonize export`")
    if not shots:
        raise InputError(f"{folder} holds no finished shot; run again without --no-render")
    key = code_key(network)
    rows, scores = [], []
    print(f"{'shot':78} {'fMSE before':>11} {'after':>8} {'removed':>8} {'best':>8} {'fR-RTC':>8} {'alone':>8}")
    for shot in shots:
        kept = folder / "scores" / f"{shot.job.scene_id}-{key}"
        if not kept.with_suffix(".json").is_file():
            score, picture = score_shot(shot, network)
            write_image(kept.with_suffix(".png"), picture)
            write_text(kept.with_suffix(".json"), json.dumps(asdict(score), indent=1) + "\n")
        score = Score(**json.loads(kept.with_suffix(".json").read_text()))
        scores.append(score)
        rows.append(kept.with_suffix(".png"))
        numbers = (
            f"{score.before:11.1f} {score.after:8.1f} {score.removed:8.1%} {score.rtc:8.3f} {score.rtc_single:8.3f}"
        )
        print(f"{score.name:62} {numbers}", flush=True)
    removed = np.array([s.removed for s in scores])
    flicker = np.array([s.flicker for s in scores])
    before, after, best = (float(np.mean([getattr(s, name) for s in scores])) for name in ("before", "after", "best"))
    print(f"\n{len(scores)} shots, {network.name}, smoothing {SMOOTHING:g} frames")
    gone = f"{1 - after / before:.1%} removed, {1 - best / before:.1%} by the best global change"
    print(f"mean fMSE {before:.1f} before, {after:.1f} after: {gone}")
    spread = f"mean {removed.mean():.1%}, median {np.median(removed):.1%}"
    print(f"share removed of each shot's: {spread}, {(removed > 0).sum()} of {len(scores)} better than before")
    all_rtc = sum(s.rtc for s in scores) / max(sum(s.rtc_single for s in scores), 1e-9)
    print(f"fR-RTC as a share of frame by frame: of the sum {all_rtc:.2f}, median over shots {np.median(flicker):.2f}")
    if sheet is not None:
        write_image(sheet, np.concatenate([read_image(path) for path in rows]))


def code_key(network: Path) -> str:
    """Of everything a score depends on besides the shot: network, add-on, torch-free core, this file."""
    digest = hashlib.sha256(network.read_bytes() + Path(__file__).read_bytes())
    for folder in ("blender_addon", "harmonize_core/runtime"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def score_shot(shot: Shot, network: Path) -> tuple[Score, NDArray[np.float32]]:
    """Run the add-on over a shot, smoothed and frame by frame; also its middle frame before, after and in truth."""
    frames = [shot.frame(i) for i in range(shot.frames)]
    folder = Path(tempfile.mkdtemp(prefix="addon_truth_"))
    try:
        before, after = run_addon(frames, network, folder, SMOOTHING)
        _, single = run_addon(frames, network, folder, 0.0)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    truth, masks = [f.truth for f in frames], [f.alpha for f in frames]

    def error(pictures: list[NDArray[np.float32]]) -> float:
        pairs = zip(pictures, truth, masks, strict=True)
        return float(np.mean([fmse(255 * p, 255 * t, m) for p, t, m in pairs]))

    rtc, rtc_single = (fr_rtc(p, truth, masks) for p in (after, single))
    middle = len(frames) // 2
    picture = np.concatenate([before[middle], after[middle], truth[middle]], axis=1)
    best = error(best_affine(before, truth, masks))
    return Score(shot.name, error(before), error(after), error(single), best, rtc, rtc_single), picture


def best_affine(
    pictures: Sequence[NDArray[np.float32]], truth: Sequence[NDArray[np.float32]], masks: Sequence[NDArray[np.float32]]
) -> list[NDArray[np.float32]]:
    """The pictures (H, W, 3) sRGB after the one affine change of colours that fits the truth best inside the masks."""
    opaque = [mask > 0.9 for mask in masks]
    colors = np.concatenate([p[m] for p, m in zip(pictures, opaque, strict=True)])
    wanted = np.concatenate([t[m] for t, m in zip(truth, opaque, strict=True)])
    change, *_ = np.linalg.lstsq(np.column_stack([colors, np.ones(len(colors))]), wanted, rcond=None)
    return [np.clip(p @ change[:3] + change[3], 0, 1).astype(np.float32) for p in pictures]


def run_addon(
    frames: Sequence[Frame], network: Path, folder: Path, smoothing: float
) -> tuple[list[NDArray[np.float32]], list[NDArray[np.float32]]]:
    """What the add-on writes for frames 1 to n: the composites before and the results, (H, W, 3) sRGB in [0, 1]."""
    context = prepare_scene(frames, folder)
    from blender_addon import job, options

    context.scene.harmonize.smoothing = smoothing
    shot = dataclasses.replace(options.read_options(context, animation=True), model_path=network)
    for _ in job.Job(shot, interactive=False).steps():
        pass
    numbers = range(1, len(frames) + 1)
    paths = ([shot.composite_path(n) for n in numbers], [shot.result_path(n) for n in numbers])
    before, after = ([read_image(path) for path in some] for some in paths)
    return before, after


def prepare_scene(frames: Sequence[Frame], folder: Path) -> Any:
    """An artist's scene for existing renders: layers as EXR with alpha before a numbered plate. Returns the context."""
    import bpy

    enable_addon()
    for number, frame in enumerate(frames, 1):
        if not (path := folder / f"plate_{number:04d}.png").is_file():
            colors = dict(zip("RGB", np.moveaxis(frame.layer_linear, -1, 0), strict=True))
            write_exr(folder / f"layer_{number:04d}.exr", {**colors, "A": frame.alpha})
            write_image(path, frame.plate)
    bpy.ops.wm.read_homefile(use_factory_startup=False, use_empty=True)
    scene = bpy.context.scene
    scene.render.engine = "CYCLES"
    scene.render.resolution_y, scene.render.resolution_x = frames[0].alpha.shape
    scene.frame_start, scene.frame_end = 1, len(frames)
    scene.view_settings.view_transform = "Standard"
    scene.camera = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
    scene.collection.objects.link(scene.camera)
    settings = scene.harmonize
    settings.source, settings.foreground, settings.background = "FILES", "ALPHA", "FILE"
    settings.render_path, settings.plate_path = str(folder / "layer_0001.exr"), str(folder / "plate_0001.png")
    settings.plate_is_sequence, settings.folder = True, str(folder)
    return bpy.context


def enable_addon() -> None:
    """Enable the add-on of this checkout, once, as Blender would."""
    import bpy

    if "blender_addon" in bpy.context.preferences.addons:
        return
    bpy.ops.wm.read_factory_settings(use_empty=True)
    import blender_addon
    from blender_addon import model

    bpy.context.preferences.addons.new().module = "blender_addon"
    blender_addon.register()
    model.BUNDLED = Path(__file__)  # something to be found; each run names its own network


if __name__ == "__main__":
    sys.exit(main())
