# SPDX-License-Identifier: Apache-2.0
"""Training speed of charmnet_256 against the released CharmNet recipe: same files, same batch, same run, taking turns.

    python scripts/bench_train.py --rendered out --photographic photos4 [--rounds 3] [--ablation] [--quality 40]

The released recipe's work is that of `released_charmnet.py`. Ours is what `harmonize train charmnet` does in a step:
batches from decoded pictures in memory, `Trainer.step`, the log. Without workers (the default on a CPU, whose cores are
all computing) batches are made when their turn comes; on CUDA both read ahead as they do in training. CPU seconds are
those of all threads. Without data, a set of noise with ellipses is written first (512x512). Last comes one line with
the ratio. `--ablation` adds our measures to the released recipe one by one; `--quality` trains on four triplets
in float32 and in bfloat16 and prints both losses.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import replace
from pathlib import Path

import torch
from released_charmnet import PRINT_EVERY, Measures, ReleasedData, ReleasedStep, from_batch
from step_clock import Clock, cpu_of_children, gpu_share
from torch.utils.data import DataLoader, RandomSampler

from harmonize_core.data import toy
from harmonize_core.data.dataset import BatchStream, TripletDataset, prefetch
from harmonize_core.data.sources import list_triplets, splits_of
from harmonize_core.formats.triplet import Domain
from harmonize_core.train.config import TrainConfig
from harmonize_core.train.log import MetricsLog
from harmonize_core.train.memory import freed_memory_kept
from harmonize_core.train.presets import preset
from harmonize_core.train.trainer import Trainer

DOMAINS: tuple[Domain, ...] = ("rendered", "photographic")
PARTS = ("data", "forward", "backward", "optimizer", "log")

Step = Callable[[Clock], None]
"""One training step, its data and log included."""


class Bench:
    """The data, and contestants made from it."""

    def __init__(self, args: argparse.Namespace, folder: Path) -> None:
        self.args, self.folder = args, folder
        self.device = torch.device(args.device)
        self.workers = args.workers if args.workers is not None else (4 if args.device == "cuda" else 0)
        given = args.rendered and args.photographic
        roots: dict[Domain, Path] = {
            "rendered": args.rendered if given else toy.write_rendered(folder / "rendered", views=4, size=512),
            "photographic": args.photographic if given else toy.write_photographic(folder / "p", photos=16, size=512),
        }
        self.triplets = {
            d: list_triplets(root, "train" if "train" in splits_of(root, d) else None, d)[: args.limit]
            for d, root in roots.items()
        }
        self.sets = {d: TripletDataset(triplets) for d, triplets in self.triplets.items()}
        self.read_once = 0.0

    @contextlib.contextmanager
    def released(self) -> Generator[Step]:
        """The released recipe as it is."""
        step = ReleasedStep(self.device, Measures())
        loaders = [self._endless(ReleasedData(self.triplets[d])) for d in DOMAINS]
        with freed_memory_kept():
            pass  # leaves glibc as it is by itself after the first large block
        yield _counted(lambda clock: self._of(clock, loaders), step, PRINT_EVERY)
        for loader in loaders:
            loader.close()

    @contextlib.contextmanager
    def measured(self, measures: Measures, *, keep: bool = False) -> Generator[Step]:
        """The released recipe on our batches with some of our measures."""
        step = ReleasedStep(self.device, measures)
        with self._batches() as ours, freed_memory_kept() if keep else contextlib.nullcontext():
            yield _counted(lambda clock: [from_batch(b) for b in self._of(clock, [ours])[0]], step, PRINT_EVERY)

    @contextlib.contextmanager
    def ours(self, *, precision: str = "auto", compile: bool = False) -> Generator[Step]:
        """`harmonize train charmnet`."""
        config = preset("charmnet")
        config = replace(config, batch_size=self.args.batch_size, precision=precision, compile=compile)
        trainer = Trainer(config, self.device)
        log = MetricsLog(self.folder / f"run-{precision}-{time.time_ns()}", resume_step=0)
        count = 0
        keep = freed_memory_kept() if self.device.type == "cpu" else contextlib.nullcontext()
        with self._batches() as batches, keep:

            def step(clock: Clock) -> None:
                nonlocal count
                with clock.part("data"):
                    found = {d: b.to(self.device) for d, b in zip(DOMAINS, next(batches), strict=True)}
                with clock.part("forward"):  # what is neither backward nor an optimizer's
                    losses = trainer.step(found, 1.0)
                count += 1
                with clock.part("log"):
                    if count % config.log_every == 0:
                        log.write(count, "train", 0.0, {name: float(value) for name, value in losses.items()})

            yield step
        log.close()

    def fill(self) -> None:
        """Decode every picture once, as the first epoch does."""
        begin = time.process_time()
        for dataset in self.sets.values():
            for index in range(len(dataset)):
                dataset.arrays(index)
        self.read_once = time.process_time() - begin

    @contextlib.contextmanager
    def _batches(self) -> Generator[Iterator]:
        streams = [BatchStream(self.sets[d], self.args.batch_size, seed=0, name=d) for d in DOMAINS]
        with contextlib.closing(prefetch(streams, 0, 2**31, workers=self.workers)) as batches:
            yield batches

    def _endless(self, data: ReleasedData) -> Generator:
        count = 10**6 * self.args.batch_size
        sampler = RandomSampler(data, replacement=True, num_samples=count)
        loader = DataLoader(data, self.args.batch_size, sampler=sampler, num_workers=self.workers)
        yield from loader

    def _of(self, clock: Clock, loaders: list) -> list:
        with clock.part("data"):
            return [next(loader) for loader in loaders]


def _counted(read: Callable[[Clock], list], step: ReleasedStep, every: int) -> Step:
    count = 0

    def one(clock: Clock) -> None:
        nonlocal count
        batches = read(clock)
        with clock.part("forward"):
            losses = step(*batches)
        count += 1
        with clock.part("log"):
            if count % every == 0:
                print("released: " + " ".join(f"{n} {float(v):.3f}" for n, v in losses.items()), file=sys.stderr)

    return one


def contest(bench: Bench, contestants: dict[str, Callable[[], contextlib.AbstractContextManager[Step]]]) -> dict:
    """Run them in turns, `rounds` times `steps` steps each; numbers by name."""
    clocks = {name: Clock(bench.device) for name in contestants}
    for number in range(bench.args.rounds + 1):
        for name, open_one in contestants.items():
            with open_one() as step, clocks[name].watching():
                for _ in range(bench.args.warmup if number else max(1, bench.args.warmup)):
                    step(clocks[name])
                if number:  # the first round warms caches and compilers of all
                    clocks[name].begin(cpu_of_children())
                    for _ in range(bench.args.steps):
                        step(clocks[name])
                    clocks[name].end(bench.args.steps, cpu_of_children())
            print(f"{name}: {'warm' if not number else clocks[name].last}", file=sys.stderr, flush=True)
    images = len(DOMAINS) * bench.args.batch_size
    return {name: clock.summary(images) for name, clock in clocks.items()}


def quality(bench: Bench, steps: int) -> dict[str, list[float]]:
    """Losses on the same four triplets in float32 and bfloat16, from the same weights."""
    found: dict[str, list[float]] = {}
    config = replace(preset("charmnet-demo"), batch_size=2, steps=steps)
    for precision in ("fp32", "bf16"):
        trainer = Trainer(replace(config, precision=precision), bench.device)
        batches = {d: bench.sets[d].batch([(0, 0), (0, 1)]).to(bench.device) for d in DOMAINS}
        rows = [trainer.step(batches, 1.0) for _ in range(steps)]
        found[precision] = [10 * float(r["fn_mse_rendered"] + r["fn_mse_photographic"]) for r in rows]
    return found


def table(results: dict, first: str) -> str:
    """Markdown: speed, CPU seconds, ratio to the first row, and where a step's seconds go."""
    cuda = any(r["device"] == "cuda" for r in results.values())
    unit = "wall ms" if cuda else "CPU s"
    lines = [f"| recipe | steps/s | images/s | CPU s a step | wall ratio | CPU ratio | {' | '.join(PARTS)} ({unit}) |"]
    lines.append("|" + "---|" * (6 + len(PARTS)))
    for name, one in results.items():
        parts = one["wall_parts"] if cuda else one["cpu_parts"]
        cells = [f"{1000 * parts.get(p, 0):.1f}" if cuda else f"{parts.get(p, 0):.3f}" for p in PARTS]
        ratio = results[first]["wall_s"] / one["wall_s"], results[first]["cpu_s"] / one["cpu_s"]
        speed = f"{1 / one['wall_s']:.2f} | {one['images'] / one['wall_s']:.1f} | {one['cpu_s']:.2f}"
        lines.append(f"| {name} | {speed} | {ratio[0]:.2f} | {ratio[1]:.2f} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rendered", type=Path, help="set of rendered triplets")
    parser.add_argument("--photographic", type=Path, help="set of photographic triplets")
    parser.add_argument("--batch-size", type=int, default=8, help="of each domain")
    parser.add_argument("--steps", type=int, default=3, help="a round")
    parser.add_argument("--warmup", type=int, default=1, help="steps before each round that are not counted")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--limit", type=int, default=48, help="triplets of each domain")
    parser.add_argument("--workers", type=int, help="readers of each loader; default 0 on a CPU, 4 on CUDA")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu", choices=("cpu", "cuda"))
    parser.add_argument("--ablation", action="store_true", help="our measures one by one")
    parser.add_argument("--compile", action="store_true", help="also ours with --compile; minutes of compiling")
    parser.add_argument("--quality", type=int, default=0, metavar="STEPS", help="compare bf16 with fp32")
    parser.add_argument("--out", type=Path, help="all numbers as JSON")
    args = parser.parse_args()
    config = TrainConfig()
    with tempfile.TemporaryDirectory() as temporary:
        bench = Bench(args, Path(temporary))
        bench.fill()
        runs: dict[str, Callable[[], contextlib.AbstractContextManager[Step]]] = {"released recipe": bench.released}
        if args.ablation:
            channels, fused = Measures(channels_last=True), Measures(channels_last=True, fused=True)
            runs["+ decoded pictures in memory"] = lambda: bench.measured(Measures())
            runs["+ channels last"] = lambda: bench.measured(channels)
            runs["+ fused Adam, gradients freed"] = lambda: bench.measured(fused)
            if args.device == "cpu":
                runs["+ freed memory kept"] = lambda: bench.measured(fused, keep=True)
            runs["+ bf16"] = lambda: bench.measured(replace(fused, bf16=True), keep=args.device == "cpu")
        runs["ours, fp32"] = lambda: bench.ours(precision="fp32")
        runs["ours, bf16"] = lambda: bench.ours(precision="bf16")
        if args.compile:
            runs["ours, bf16, compiled"] = lambda: bench.ours(precision="bf16", compile=True)
        results = contest(bench, runs)
        sizes = f"{args.batch_size} + {args.batch_size} triplets a step, {args.rounds} rounds of {args.steps} steps"
        print(f"{time.strftime('%Y-%m-%d')}, {_machine(bench.device)}, {sizes}, {bench.workers} readers a loader;")
        print(f"decoding {sum(map(len, bench.sets.values()))} triplets once: {bench.read_once:.2f} CPU s")
        print(table(results, "released recipe"))
        if args.device == "cuda":
            with bench.ours(precision="bf16") as step:
                print(f"share of our step in GPU kernels: {100 * gpu_share(step, bench.device):.0f} %")
        checked = quality(bench, args.quality) if args.quality else {}
        for name, losses in checked.items():
            shown = [losses[i * (len(losses) - 1) // 5] for i in range(6)]
            print(
                f"10 x FN-MSE of four triplets, {name}: {' '.join(f'{v:.3f}' for v in shown)} (to step {len(losses)})"
            )
        best = min(
            (n for n in results if n.startswith("ours")),
            key=lambda n: results[n]["cpu_s" if args.device == "cpu" else "wall_s"],
        )
        first, last = results["released recipe"], results[best]
        print(
            f"{best}: {1 / last['wall_s']:.2f} steps/s, {last['images'] / last['wall_s']:.1f} images/s, "
            f"{first['wall_s'] / last['wall_s']:.2f} x the released recipe by the clock, "
            f"{first['cpu_s'] / last['cpu_s']:.2f} x in CPU seconds"
        )
        if args.out:
            facts = {"machine": _machine(bench.device), "batch_size": args.batch_size, "results": results}
            args.out.write_text(json.dumps({**facts, "quality": checked, "preset": config.model}, indent=1) + "\n")


def _machine(device: torch.device) -> str:
    if device.type == "cuda":
        return f"{torch.cuda.get_device_name()}, torch {torch.__version__}"
    name = platform.processor() or platform.machine()
    with contextlib.suppress(OSError, StopIteration):
        name = next(line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name"))
    return f"{name}, {torch.get_num_threads()} threads, torch {torch.__version__}"


if __name__ == "__main__":
    main()
