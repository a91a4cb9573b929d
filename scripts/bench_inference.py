# SPDX-License-Identifier: Apache-2.0
"""Seconds and memory from a picture to its harmonized picture, arrays to arrays, at 1080p, 4K and 8K: ours and others.

    python scripts/bench_inference.py charmnet_hr.onnx [--sizes 1080p 4k 8k] [--threads 1 2] [--out bench.json]

`charmnet_hr` is the exported file (`harmonize export --look`) with ONNX Runtime and `harmonize_core.runtime`. The
others are our re-implementations in PyTorch, eager, weights random (which does not matter to speed), applied as their
papers do: `pctnet_vit`, `harmonizer` and `cdtnet_256` look at 256x256 and change the picture at its full size;
`issam_256` is a U-Net on the picture itself. Every contestant has a process of its own, bound to as many cores as it
has threads; they take turns. The limit is a copy of the frame into an array that is there already.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harmonize_core.formats.images import atomic_path, write_text

SIZES = {"1080p": (1080, 1920), "4k": (2160, 3840), "8k": (4320, 7680)}
COPY, OURS, WHOLE, CODES = "copy of the frame", "charmnet_hr", "charmnet_hr, all foreground", "charmnet_hr, 8 bit"
PEERS = ("harmonizer", "pctnet_vit", "cdtnet_256", "issam_256")
FEATHER = "charmnet_hr, wide feather"
CONTESTANTS = (COPY, OURS, WHOLE, CODES, FEATHER, *PEERS)
GOALS = {"pctnet_vit": 10.0, "harmonizer": 10.0}
MEMORY_GOAL = 3.0

Array = NDArray[Any]
Call = Callable[[], object]


@dataclass(frozen=True)
class Row:
    """What one contestant took at one size with so many threads; None: it could not."""

    size: str
    threads: int
    name: str
    device: str
    wall_s: float | None
    cpu_s: float | None
    peak_mb: float | None
    """Of the whole process."""
    added_mb: float | None
    """Above what it held with the network loaded and the picture in memory."""
    note: str = ""


def person(height: int, width: int, softness: float = 4) -> NDArray[np.float32]:
    """A standing figure of 17 % of the frame; its edge is `softness` pixels soft in a frame 1000 pixels high."""
    unit = height / 1000
    down, across = np.ogrid[0:height, 0:width]
    y, x = (down / unit).astype(np.float32), ((across - 0.45 * width) / unit).astype(np.float32)
    distance = np.hypot(x, y - 200) - 90
    for x0, y0, x1, y1, radius in (
        (0, 380, 0, 600, 150),
        (-70, 650, -110, 960, 75),
        (70, 650, 110, 960, 75),
        (-130, 350, -260, 620, 55),
        (130, 350, 260, 620, 55),
    ):
        along = ((x - x0) * (x1 - x0) + (y - y0) * (y1 - y0)) / ((x1 - x0) ** 2 + (y1 - y0) ** 2)
        along = np.clip(along, 0, 1)
        nearest = np.hypot(x - x0 - along * (x1 - x0), y - y0 - along * (y1 - y0))
        np.minimum(distance, nearest - radius, out=distance)
    return np.clip(0.5 - distance / softness, 0, 1).astype(np.float32)


def frame(height: int, width: int) -> NDArray[np.float32]:
    """Smooth colours with grain, (H, W, 3) sRGB."""
    rng = np.random.default_rng(0)
    grain = rng.random((256, 256, 3), dtype=np.float32) * np.float32(0.06)
    picture = np.empty((height, width, 3), np.float32)
    picture[..., 0] = np.linspace(0.15, 0.8, width)
    picture[..., 1] = np.linspace(0.2, 0.7, height)[:, None]
    picture[..., 2] = np.linspace(0.75, 0.2, width)
    for top in range(0, height, 256):
        for left in range(0, width, 256):
            part = picture[top : top + 256, left : left + 256]
            part += grain[: part.shape[0], : part.shape[1]]
    return picture


def prepared(name: str, model: Path, size: tuple[int, int], threads: int, device: str) -> Call:
    """A contestant with its network loaded and its picture in memory."""
    composite, mask = frame(*size), person(*size)
    if name == COPY:
        into = np.ones_like(composite)
        return lambda: np.copyto(into, composite)
    if name == FEATHER:
        mask = person(*size, softness=100)
    if name in (OURS, WHOLE, CODES, FEATHER):
        return _ours(name, model, composite, mask, threads)
    return _peer(name, composite, mask, threads, device)


def _ours(name: str, model: Path, composite: Array, mask: Array, threads: int) -> Call:
    from harmonize_core.infer.predictor import Predictor
    from harmonize_core.runtime.look_session import LookHarmonizer
    from harmonize_core.runtime.resize import resize

    harmonizer = LookHarmonizer.from_file(model, threads=threads)
    if name == CODES:
        codes, coverage = (np.rint(array * 255).astype(np.uint8) for array in (composite, mask))
        side = harmonizer.info.input_size, harmonizer.info.input_size

        def run() -> object:
            look = harmonizer.estimate_own(resize(codes, side) / 255, resize(coverage, side) / 255)
            return look.over(codes, coverage)

        return run
    predictor = Predictor(harmonizer)
    if name == WHOLE:
        mask = np.ones_like(mask)
    return lambda: predictor(composite, mask)


def _peer(name: str, composite: Array, mask: Array, threads: int, device: str) -> Call:
    import torch

    from harmonize_core.models import build, init_weights

    torch.set_num_threads(threads)
    model = build(name)
    init_weights(model, seed=0)
    model.reset_special()
    network = model.eval().inference().eval().to(device)

    def run() -> object:
        with torch.inference_mode():
            picture = torch.from_numpy(composite).to(device).permute(2, 0, 1)[None].contiguous()
            found = network(picture, torch.from_numpy(mask).to(device)[None, None])
            found = found[0] if isinstance(found, tuple) else found
            return found[0].permute(1, 2, 0).contiguous().cpu().numpy()

    return run


def work(name: str, model: Path, size: tuple[int, int], threads: int, device: str) -> None:
    """A contestant's process: answers each line on its input with one of JSON."""
    run = prepared(name, model, size, threads, device)
    with contextlib.suppress(OSError):  # forget the peak of making the picture
        Path("/proc/self/clear_refs").write_text("5")
    before = _memory("VmRSS")
    print(json.dumps({"ready": True}), flush=True)
    for _ in sys.stdin:
        wall, cpu = time.perf_counter(), time.process_time()
        try:
            run()
            answer: dict[str, Any] = {"wall_s": time.perf_counter() - wall, "cpu_s": time.process_time() - cpu}
        except (MemoryError, RuntimeError) as error:  # PyTorch raises the latter when memory is short
            answer = {"error": str(error).splitlines()[0][:100]}
        peak = _memory("VmHWM")
        print(json.dumps(answer | {"peak_mb": peak, "added_mb": peak - before}), flush=True)


def _memory(entry: str) -> float:
    """A line of this process's status in MB."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(entry):
            return int(line.split()[1]) / 1024
    return 0.0


class Contestant:
    """A process that runs one contestant when told to."""

    def __init__(self, name: str, args: argparse.Namespace, size: str, threads: int, device: str) -> None:
        self.name, self.size, self.threads, self.device = name, size, threads, device
        self.answers: list[dict[str, Any]] = []
        self.note = ""
        cores, limit = sorted(os.sched_getaffinity(0))[:threads], int(args.memory * 2**30)

        def bound() -> None:
            os.sched_setaffinity(0, cores)
            resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))

        command = [sys.executable, __file__, str(args.model), "--work", name, size, str(threads), device]
        environment = {**os.environ, "OMP_NUM_THREADS": str(threads), "OMP_WAIT_POLICY": "PASSIVE"}
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment, preexec_fn=bound
        )
        if self._read() is None:
            self.note = "did not start"

    def turn(self, warming: bool, slow: float) -> None:
        """Let it do one picture; a warming one never counts, and whoever takes more than `slow` CPU s does one more."""
        if self.note or (self.answers and self.answers[-1]["cpu_s"] > slow):
            return
        assert self.process.stdin is not None
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        answer = self._read()
        if answer is None or "error" in answer:
            self.note = answer["error"] if answer else "killed: not enough memory"
            self.answers = []
        elif not warming:
            self.answers.append(answer)

    def _read(self) -> dict[str, Any] | None:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        return json.loads(line) if line else None

    def row(self) -> Row:
        """Medians; ends the process."""
        self.process.communicate()
        medians = {
            key: statistics.median(answer[key] for answer in self.answers) if self.answers else None
            for key in ("wall_s", "cpu_s", "peak_mb", "added_mb")
        }
        return Row(self.size, self.threads, self.name, self.device, **medians, note=self.note)


def contest(args: argparse.Namespace) -> list[Row]:
    """All sizes and thread counts, contestants in turns."""
    rows: list[Row] = []
    for size in args.sizes:
        for threads in args.threads:
            running = []
            for device in args.devices:
                for name in args.names:
                    if device != "cpu" and name not in PEERS:
                        continue
                    if name not in GOALS and expected(rows, name, size, device) > args.limit:
                        rows.append(Row(size, threads, name, device, None, None, None, None, "not run: too slow"))
                    else:
                        running.append(Contestant(name, args, size, threads, device))
            for number in range(args.rounds + 1):
                for one in running:
                    one.turn(number == 0, args.slow)
            rows += [one.row() for one in running]
            save(args, rows)
            print(table([row for row in rows if (row.size, row.threads) == (size, threads)]), flush=True)
    return rows


def expected(rows: Sequence[Row], name: str, size: str, device: str) -> float:
    """CPU seconds, from what was last measured by the number of pixels; 0 where nothing is known."""
    pixels = {key: height * width for key, (height, width) in SIZES.items()}
    known = [row for row in rows if row.name == name and row.device == device]
    if not known:
        return 0.0
    last = known[-1]
    return float("inf") if last.cpu_s is None else last.cpu_s * pixels[size] / pixels[last.size]


def table(rows: Sequence[Row]) -> str:
    """Markdown; ratios are to ours at the same size with as many threads."""
    lines = [
        "| size | threads | | wall s | CPU s | times ours (CPU) | peak MB | added MB | times ours |",
        "|" + "---|" * 9,
    ]
    for row in rows:
        name = row.name if row.device == "cpu" else f"{row.name}, {row.device}"
        if row.cpu_s is None or row.added_mb is None:
            lines.append(f"| {row.size} | {row.threads} | {name} | {row.note} | | | | | |")
            continue
        ours = next(r for r in rows if (r.size, r.threads, r.name) == (row.size, row.threads, OURS))
        ratios = "", ""
        if ours.cpu_s and ours.added_mb and row.name != COPY:
            ratios = f"{row.cpu_s / ours.cpu_s:.1f}", f"{row.added_mb / ours.added_mb:.1f}"
        numbers = f"{row.wall_s:.3f} | {row.cpu_s:.3f} | {ratios[0]} | {row.peak_mb:.0f} | {row.added_mb:.0f}"
        lines.append(f"| {row.size} | {row.threads} | {name} | {numbers} | {ratios[1]} |")
    return "\n".join(lines)


def save(args: argparse.Namespace, rows: Sequence[Row]) -> None:
    """All numbers as JSON, with the machine."""
    if args.out:
        name = next((line.split(":")[1].strip() for line in _cpuinfo() if line.startswith("model name")), "?")
        facts = {"date": time.strftime("%Y-%m-%d"), "cpu": name, "numpy": np.__version__, "rounds": args.rounds}
        write_text(args.out, json.dumps({**facts, "rows": [asdict(row) for row in rows]}, indent=1) + "\n")


def _cpuinfo() -> list[str]:
    file = Path("/proc/cpuinfo")
    return file.read_text().splitlines() if file.exists() else []


def draw(rows: Sequence[Row], path: Path) -> None:
    """CPU seconds and memory over size, one thread."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 4.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    shown = [row for row in rows if row.threads == min(r.threads for r in rows) and row.cpu_s is not None]
    sizes = [size for size in SIZES if any(row.size == size for row in shown)]
    for name in CONTESTANTS:
        by_size = {row.size: row for row in shown if row.name == name and row.device == "cpu"}
        places = [n for n, size in enumerate(sizes) if size in by_size]
        style: dict[str, Any] = {"marker": "o", "label": name, "linewidth": 2.5 if name == OURS else 1.2}
        style["color"] = f"C{CONTESTANTS.index(name)}"
        style["linestyle"] = "--" if name in (COPY, WHOLE, CODES, FEATHER) else "-"
        found = [by_size[sizes[n]] for n in places]
        left.plot(places, [row.cpu_s for row in found], **style)
        if name != COPY:
            right.plot(places, [row.added_mb for row in found], **style)
    for axes, title in ((left, "CPU seconds a picture"), (right, "memory above picture and network, MB")):
        axes.set(yscale="log", title=title, xticks=range(len(sizes)), xticklabels=sizes)
        axes.grid(alpha=0.3, which="both")
    left.legend(fontsize=8)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=90, format="png")


def verdict(rows: Sequence[Row]) -> str:
    """How far the goals are met."""
    lines = []
    done = {(row.name, row.size, row.threads): asdict(row) for row in rows if row.cpu_s and row.device == "cpu"}
    for (name, size, threads), ours in done.items():
        if name != OURS:
            continue
        for peer, goal in GOALS.items():
            if other := done.get((peer, size, threads)):
                times = {key: other[key] / ours[key] for key in ("cpu_s", "wall_s", "added_mb")}
                lines.append(
                    f"{size}, {threads} threads: {times['cpu_s']:.1f} times as fast as {peer} in CPU seconds "
                    f"({times['wall_s']:.1f} by the clock; goal {goal:g}), {times['added_mb']:.1f} times less memory "
                    f"(goal {MEMORY_GOAL:g})"
                )
        if copy := done.get((COPY, size, threads)):
            lines.append(f"{size}, {threads} threads: {ours['cpu_s'] / copy['cpu_s']:.0f} copies of the frame")
    return "\n".join(lines)


def parts(model: Path, size: str, rounds: int) -> str:
    """Where our CPU seconds go on one thread: a Markdown row of milliseconds, medians."""
    from harmonize_core.infer.predictor import Predictor
    from harmonize_core.runtime.look_session import LookHarmonizer
    from harmonize_core.runtime.session import own_view

    composite, mask = frame(*SIZES[size]), person(*SIZES[size])
    harmonizer = LookHarmonizer.from_file(model, threads=1)
    predictor, side = Predictor(harmonizer), harmonizer.info.input_size
    view = own_view(composite, mask, side)
    look, out = harmonizer.estimate_own(*view), np.zeros_like(composite)
    steps: dict[str, Call] = {
        "all": lambda: predictor(composite, mask),
        "view": lambda: own_view(composite, mask, side),
        "network": lambda: harmonizer.estimate_own(*view),
        "separated": lambda: look.over(composite, mask, threads=1, out=out),
        "mixed": lambda: look.over(composite, mask, threads=1, out=out, separated=False),
        "copy": lambda: np.copyto(out, composite),
    }
    found: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(rounds + 1):
        for name, step in steps.items():
            before = time.process_time()
            step()
            found[name].append(1000 * (time.process_time() - before))
    took = {name: statistics.median(times[1:]) for name, times in found.items()}
    edges, rest = (
        took["separated"] - took["mixed"],
        took["all"] - sum(took[n] for n in ("view", "network", "separated")),
    )
    cells = (took["all"], took["view"], took["network"], took["mixed"], edges, rest, took["copy"])
    return f"| {size} | {' | '.join(f'{value:.0f}' for value in cells)} |"


def main(argv: Sequence[str] | None = None) -> int:
    """Command line; prints a table for each size, and how far the goals are met."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, help="charmnet_hr, written by `harmonize export --look`")
    parser.add_argument("--sizes", nargs="+", choices=SIZES, default=list(SIZES))
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--names", nargs="+", choices=CONTESTANTS, default=CONTESTANTS)
    parser.add_argument("--rounds", type=int, default=5, help="after one that is not counted")
    parser.add_argument(
        "--slow", type=float, default=10, help="CPU s of a picture from which one that counts is enough"
    )
    parser.add_argument(
        "--limit", type=float, default=120, help="expected CPU s from which one without a goal does not take part"
    )
    parser.add_argument("--memory", type=float, default=12, help="GB a process may have")
    parser.add_argument("--out", type=Path, help="all numbers as JSON")
    parser.add_argument("--plot", type=Path, help="a PNG")
    parser.add_argument("--parts", action="store_true", help="only where our seconds go")
    parser.add_argument("--work", nargs=4, metavar=("NAME", "SIZE", "THREADS", "DEVICE"), help=argparse.SUPPRESS)
    args = parser.parse_args(argv)
    if args.parts:
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:1])
        print("| CPU ms | all | checking, reducing | network | look | soft edges | checks, memory | copy |")
        print("|" + "---|" * 8)
        for size in args.sizes:
            print(parts(args.model, size, args.rounds), flush=True)
        return 0
    if args.work:
        name, size, threads, device = args.work
        work(name, args.model, SIZES[size], int(threads), device)
        return 0
    args.devices = ["cpu", *(["cuda"] if _has_cuda() else [])]
    rows = contest(args)
    print(verdict(rows))
    if args.plot:
        draw(rows, args.plot)
    return 0


def _has_cuda() -> bool:
    """Asked in another process, so that this one stays small and its children can be forked."""
    code = "import torch, sys; sys.exit(not torch.cuda.is_available())"
    return subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


if __name__ == "__main__":
    sys.exit(main())
