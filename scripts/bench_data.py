# SPDX-License-Identifier: Apache-2.0
"""What a training picture costs before the network sees it: files each time, files from memory, composed on the fly.

    python scripts/bench_data.py --files SET --linear SET --photos PHOTOS --cache /tmp/cache

Prints a table: milliseconds of CPU a picture in the threads that read and in the loop that composes, and pictures a
second of wall time with so many threads. Run it on a quiet machine for the second; the first is little disturbed.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path

import torch
import tyro

from harmonize_core.data.dataset import BatchStream, Movable, SampleSource, prefetch
from harmonize_core.data.options import DataConfig
from harmonize_core.train.config import TrainConfig
from harmonize_core.train.sets import open_sets


@dataclass(frozen=True)
class Options:
    """What to measure."""

    files: Path | None = None
    """A set of rendered triplets in files."""
    linear: Path | None = None
    """Linear views."""
    photos: Path | None = None
    """Photographs with masks."""
    cache: Path = Path("data-cache")
    """Folder of the decoded cache."""
    model: str = "charmnet_256"
    """Whose size the pictures have."""
    batch: int = 8
    batches: int = 12
    """Made twice; the second time is measured."""
    threads: tuple[int, ...] = (1, 2)
    device: str = "cpu"


def main(options: Options) -> None:
    """Measure and print."""
    torch.set_num_threads(1)
    base = TrainConfig(model=options.model, steps=1, cache_mb=0)
    fly = replace(base, data=DataConfig(on_the_fly=True, cache=options.cache))
    damaged = replace(fly, data=replace(fly.data, jpeg=0.3, noise=0.2, blur=0.2, mask=0.3))
    rows: list[tuple[str, TrainConfig]] = []
    if options.files:
        memory = replace(base, rendered=options.files, cache_mb=8192)
        rows += [("files, read each time", replace(base, rendered=options.files)), ("files, from memory", memory)]
    if options.linear:
        rows.append(("rendered, on the fly", replace(fly, rendered=options.linear)))
        rows.append(("the same with damage", replace(damaged, rendered=options.linear)))
    if options.photos:
        rows.append(("photographs, on the fly", replace(fly, photographic=options.photos)))
    heads = "".join(f" {n} thread{'s' if n > 1 else ''} |" for n in options.threads)
    print(f"| pictures | reading, CPU ms | composing, CPU ms |{heads}\n|---|---|---|{'---|' * len(options.threads)}")
    for name, config in rows:
        (dataset,) = open_sets(config).train.values()
        stream = BatchStream(dataset, options.batch, seed=0, name=name)
        reading, composing = _cpu(stream, options)
        rates = "".join(f" {_rate(dataset, name, options, n):.0f}/s |" for n in options.threads)
        print(f"| {name} | {reading:.1f} | {composing:.1f} |{rates}", flush=True)


def _cpu(stream: BatchStream[Movable], options: Options) -> tuple[float, float]:
    """Milliseconds of CPU a picture for reading and for composing, of batches that were made once before."""
    device, count = torch.device(options.device), options.batches
    for step in range(count):
        stream.batch(step).to(device)
    start = time.process_time()
    batches = [stream.batch(step) for step in range(count)]
    read = time.process_time()
    for batch in batches:
        batch.to(device)
    if device.type == "cuda":
        torch.cuda.synchronize()
    scale = 1e3 / (count * options.batch)
    return (read - start) * scale, (time.process_time() - read) * scale


def _rate(dataset: SampleSource[Movable], name: str, options: Options, threads: int) -> float:
    """Pictures a second of wall time that arrive on the device."""
    stream, device, count = BatchStream(dataset, options.batch, seed=0, name=name), torch.device(options.device), 0
    start = time.perf_counter()
    for (batch,) in prefetch([stream], 0, options.batches, workers=threads):
        count += len(batch.to(device).real)
    if device.type == "cuda":
        torch.cuda.synchronize()
    return count / (time.perf_counter() - start)


if __name__ == "__main__":
    main(tyro.cli(Options, description=__doc__))
