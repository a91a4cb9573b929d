# SPDX-License-Identifier: Apache-2.0
"""Milliseconds the add-on spends on one frame besides rendering: estimating the look, applying it, encoding the file.

    python scripts/bench_addon.py demo_out/charmnet.onnx [--size 1920x1080] [--coverage 0.15]

Synthetic layers (a shaded ellipse with a soft edge over a smooth plate with grain), medians of several frames.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from blender_addon.bridge.files import encode_exr, encode_png
from harmonize_core.color import srgb_to_linear
from harmonize_core.errors import HarmonizeError
from harmonize_core.runtime import ColorTransform, Harmonizer, harmonize_layers


def main(argv: Sequence[str] | None = None) -> int:
    """Command line; prints one line per stage."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, help="network written by `harmonize export`")
    parser.add_argument("--size", default="1920x1080", help="WxH (default 1920x1080)")
    parser.add_argument("--coverage", type=float, default=0.15, help="foreground ratio (default 0.15)")
    parser.add_argument("--frames", type=int, default=5)
    parser.add_argument("--threads", type=int, default=None)
    args = parser.parse_args(argv)
    width, height = (int(n) for n in args.size.split("x"))
    try:
        harmonizer = Harmonizer.from_file(args.model, threads=args.threads)
    except HarmonizeError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    rgb, alpha, plate = synthetic_layers(height, width, args.coverage)
    identity = ColorTransform.identity()
    look = harmonizer.estimate(harmonize_layers(identity, rgb, alpha, plate), alpha)
    result = harmonize_layers(look, rgb, alpha, plate)
    stages = {
        "composite before": lambda: harmonize_layers(identity, rgb, alpha, plate),
        "estimate (network and fit)": lambda: harmonizer.estimate(result, alpha),
        "apply": lambda: harmonize_layers(look, rgb, alpha, plate),
        "encode PNG": lambda: encode_png(result),
        "encode EXR": lambda: encode_exr(srgb_to_linear(result)),
    }
    print(f"{width}x{height}, foreground {float((alpha > 0).mean()):.0%}, {harmonizer.info.name}")
    times = {name: milliseconds(stage, args.frames) for name, stage in stages.items()}
    for name, value in times.items():
        print(f"  {name:28} {value:7.1f} ms")
    harmonize = times["composite before"] + times["estimate (network and fit)"] + times["apply"]
    print(f"  {'harmonize, without files':28} {harmonize:7.1f} ms")
    print(f"  {'harmonize and write PNG':28} {harmonize + times['encode PNG']:7.1f} ms")
    return 0


def synthetic_layers(height: int, width: int, coverage: float) -> tuple[Any, Any, Any]:
    """A premultiplied linear layer (H, W, 3), its alpha (H, W) and a plate (H, W, 3) sRGB."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    radius = np.sqrt(coverage * height * width / np.pi / 2)
    distance = np.hypot((x - width / 2) / radius, (y - height / 2) / (2 * radius))
    alpha = np.clip((1 - distance) * radius / 2 + 0.5, 0, 1).astype(np.float32)
    shade = (0.2 + 0.6 * (y / height))[..., None] * np.array([0.8, 0.6, 0.5], dtype=np.float32)
    plate = np.stack([x / width, y / height, 1 - x / width], axis=-1) * 0.6 + 0.2
    plate = np.clip(plate + rng.normal(0, 0.02, plate.shape), 0, 1).astype(np.float32)
    return (shade * alpha[..., None]).astype(np.float32), alpha, np.rint(plate * 255).astype(np.float32) / 255


def milliseconds(stage: Callable[[], object], repeats: int) -> float:
    """Median wall time of a call."""
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        stage()
        seconds.append(time.perf_counter() - start)
    return 1000 * float(np.median(seconds))


if __name__ == "__main__":
    sys.exit(main())
