# SPDX-License-Identifier: GPL-3.0-or-later
"""Render one job file into a folder and print what it cost as a line of JSON; for benchmarks and for trying things.

python -m rdharmony_gen.run.render_one OUT/jobs/SHuman/park_00_v000.json FOLDER [--device auto] [--gpu-index 0]
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path

from rdharmony_gen.spec.job import DEVICES, read_job


def main(argv: list[str] | None = None) -> None:
    """Render, print, leave by `os._exit`: Blender as a module may crash while Python shuts down."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("job", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--device", choices=DEVICES, default="cpu")
    parser.add_argument("--gpu-index", type=int, default=0)
    parser.add_argument("--only", nargs="*", default=[], help="styles of the job to render; all if none")
    args = parser.parse_args(argv)
    from rdharmony_gen.blender import clock, device
    from rdharmony_gen.blender.render_job import render_job

    job = read_job(args.job)
    chosen = device.choose(args.device, args.gpu_index)
    cpu, wall = time.process_time(), time.monotonic()
    render_job(job, args.folder, device=chosen, only=args.only)
    cost = {"cpu_s": round(time.process_time() - cpu, 3), "wall_s": round(time.monotonic() - wall, 3)}
    print(json.dumps({**cost, "peak_rss_mb": clock.peak_memory_mb(), "parts": clock.take(), "device": chosen.kind}))
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
