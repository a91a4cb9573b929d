# SPDX-License-Identifier: Apache-2.0
"""Cost of a ground-truth picture: CPU seconds per render, set-up and coverage included, for each scene.

python scripts/bench_render.py --samples 16 --size 256
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import tempfile
from pathlib import Path

from rdharmony_gen.sampling.conditions import sample_conditions
from rdharmony_gen.spec.job import RenderJob
from rdharmony_gen.spec.scenes import SCENES


def _cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def main(arguments: list[str] | None = None) -> None:
    """Render one view of each scene and print one line each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=16, help="paths a pixel before denoising")
    parser.add_argument("--size", type=int, default=256, help="edge of the square picture, pixels")
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args(arguments)
    from rdharmony_gen.blender.render_job import render_job

    print(f"{options.size}x{options.size}, {options.samples} samples, denoised; 10 pictures and coverage a view")
    for scene in SCENES:
        conditions = sample_conditions(options.seed, scene, 0, 0)
        name = f"{scene}_00_v000"
        job = RenderJob(
            f"SHuman/{name}", "human", scene, name, 0, 0, options.seed,
            options.size, options.size, options.samples, conditions,
        )  # fmt: skip
        with tempfile.TemporaryDirectory() as folder:
            before = _cpu_seconds()
            render_job(job, Path(folder))
            spent = _cpu_seconds() - before
        print(f"{scene:12s} {spent:6.1f} CPU s a view, {spent / len(conditions):5.2f} CPU s a picture", flush=True)
    sys.stdout.flush()
    os._exit(0)  # Blender as a module may crash while Python shuts down


if __name__ == "__main__":
    main()
