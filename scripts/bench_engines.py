# SPDX-License-Identifier: Apache-2.0
"""Exported networks in ONNX Runtime and in NumPy: processor time and how far apart they are, as a table.

    OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 python scripts/bench_engines.py model.onnx

The network alone, on a photograph that comes with the package; the least of interleaved runs. NumPy's products run in
its BLAS, which takes its threads from the environment when it starts; processor time counts them all.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import tyro

from harmonize_core.infer.export_quality import photographs
from harmonize_core.runtime.engines import open_engine


@dataclass(frozen=True)
class Question:
    """Options of the script."""

    files: Annotated[tuple[Path, ...], tyro.conf.Positional]
    """Written by `harmonize export`."""
    repeat: int = 6
    """Runs of each."""


def row(path: Path, repeat: int) -> str:
    """What there is to say of a file.

    Raises:
        HarmonizeError: it cannot be opened or run.
    """
    engines = [open_engine(path, 1, runtime=runtime) for runtime in ("onnxruntime", "numpy")]
    metadata = engines[0].metadata
    ((composite, mask),) = photographs(int(metadata["input_size"]), count=1)
    feed = {
        "composite": np.ascontiguousarray(composite.transpose(2, 0, 1)[None]),
        "mask": np.ascontiguousarray(mask[None, None]),
    }
    names = list(engines[0].outputs)
    seconds: list[list[float]] = [[], []]
    results = []
    for _ in range(repeat):
        results = []
        for engine, times in zip(engines, seconds, strict=True):
            start = time.process_time()
            results.append(engine.run(names, feed))
            times.append(time.process_time() - start)
    far = max(float(np.abs(one - other).max()) for one, other in zip(*results, strict=True))
    in_ort, in_numpy = (1e3 * min(times) for times in seconds)
    size = path.stat().st_size / 1e6
    name = f"{metadata['name']}, {metadata.get('precision', 'fp32')}"
    return f"| {name} | {size:.1f} | {in_ort:.0f} | {in_numpy:.0f} | {in_numpy / in_ort:.1f} | {far:.1e} |"


def main(question: Question) -> int:
    """Print the table; 0."""
    print("| network | MB | ONNX Runtime, CPU ms | NumPy, CPU ms | times as long | largest difference |")
    print("|---|---|---|---|---|---|")
    for path in question.files:
        print(row(path, question.repeat), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(tyro.cli(Question, description=__doc__)))
