# SPDX-License-Identifier: Apache-2.0
"""Time of one frame in the Blender extension, without rendering and files: estimate the colour change, apply it.

    python scripts/bench_addon.py charmnet.onnx [--size 1920x1080] [--frames 12]

Runs the code the extension runs (`harmonize_core.runtime`) on a character that covers 12 % of the frame and prints the
median of the frames, in milliseconds, part by part.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from harmonize_core.errors import HarmonizeError
from harmonize_core.runtime import ColorTransform, Harmonizer, harmonize_layers


def main(argv: Sequence[str] | None = None) -> int:
    """Command line; exit code 0 when measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--size", default="1920x1080")
    parser.add_argument("--frames", type=int, default=12)
    args = parser.parse_args(argv)
    width, height = (int(side) for side in args.size.split("x"))
    try:
        harmonizer = Harmonizer.from_file(args.model)
    except HarmonizeError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    rng = np.random.default_rng(0)
    plate = rng.random((height, width, 3), dtype=np.float32)
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    distance = np.hypot((rows - height / 2) / (0.42 * height), (columns - width / 2) / (0.16 * height))
    alpha = np.clip((1 - distance) * 40, 0, 1).astype(np.float32)
    character = alpha[..., None] * rng.random((height, width, 3), dtype=np.float32)
    parts: dict[str, list[float]] = {"composite": [], "estimate": [], "apply": []}
    for _ in range(args.frames):
        begin = time.perf_counter()
        composite = harmonize_layers(ColorTransform.identity(), character, alpha, plate)
        parts["composite"].append(time.perf_counter() - begin)
        begin = time.perf_counter()
        transform = harmonizer.estimate(composite, alpha)
        parts["estimate"].append(time.perf_counter() - begin)
        begin = time.perf_counter()
        harmonize_layers(transform, character, alpha, plate)
        parts["apply"].append(time.perf_counter() - begin)
    medians = {name: 1000 * statistics.median(times) for name, times in parts.items()}
    shown = ", ".join(f"{name} {value:.0f}" for name, value in medians.items())
    print(f"{args.size}, {(alpha > 0).mean():.0%} character: {sum(medians.values()):.0f} ms a frame ({shown})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
