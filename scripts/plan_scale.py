# SPDX-License-Identifier: Apache-2.0
"""What a large set will take, computed from a small real one: the tables of docs/scale.md.

    rdharmony make small --views 27 --size 512x512
    python scripts/plan_scale.py small --triplets 10000000 --cores 64

The small set must have been made in one go with its `.rdharmony` folder still there, and be a fair sample of the large
one: a view of one place costs four times that of another, so 27 views (each place once) are the least. Lines
marked "measured" are means over it, the rest is arithmetic with the numbers that are printed.
"""

from __future__ import annotations

import json
import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from rdharmony_gen.run.disk import size
from rdharmony_gen.run.steps import existing
from rdharmony_gen.sampling.plan import plan_job
from rdharmony_gen.validate.dataset import validate

DAY = 86400


@dataclass(frozen=True)
class Question:
    """Options of the script."""

    small: Annotated[Path, tyro.conf.Positional]
    """A finished set."""
    triplets: int = 10_000_000
    cores: int = 64
    """Cores of one node."""
    nodes: tuple[int, ...] = (1, 4, 16, 64)
    views_per_set: int = 1000
    """Views of one folder; more folders, with seeds 1, 2, 3 ..., are easier to move, check and replace than one."""
    days_between_losses: float = 30.0
    """A node is lost or preempted once in so many days."""
    use: float = 0.7
    """Share of all cores that is at work on average: workers wait for disks, for each other, and for the last view."""
    price_per_tb: float = 90.0
    """Of getting data out of a cloud, in its currency."""


def main(question: Question) -> None:
    layout, spec = existing(question.small)
    events = [json.loads(line) for line in layout.timings.read_text().splitlines()]
    cpu = {kind: [e["cpu_s"] for e in events if e["event"] == kind] for kind in ("rendered", "composed")}
    done = {kind: sum(found) / len(found) for kind, found in cpu.items()}
    places = {_place_of(e["job"]) for e in events if e["event"] == "rendered"}
    started = time.process_time()
    plan_job(spec, spec.categories[0], 0)
    done["planned"] = time.process_time() - started
    started = time.process_time()
    views = validate(question.small).views
    done["validated"] = (time.process_time() - started) / views

    styles = len(spec.styles)
    each = styles * (styles - 1)
    parts = {
        "composites": _bytes(question.small, "*/composite_images/*") / views,
        "real images": _bytes(question.small, "*/real_images/*") / views,
        "masks and alpha": (_bytes(question.small, "*/masks/*") + _bytes(question.small, "*/alpha/*")) / views,
        "manifest, labels, splits, job": sum(
            _bytes(question.small, pattern)
            for pattern in ("manifest.jsonl", "*/*_all_labeled.txt", "splits/*", "jobs/*/*")
        )
        / views,
        "records in .rdharmony (may be deleted)": _bytes(question.small, ".rdharmony/views/*/*") / views,
    }
    if kept := _bytes(question.small, "renders/*/*/*") / views:
        parts["linear renders, with --keep-renders"] = kept
    kinds = f"{views} views of {_counted(len(spec.categories), 'category', 'categories')}"
    where = f"{kinds} in {_counted(len(places), 'place', 'places')}"
    print(f"| measured, a view ({where}, {spec.width}x{spec.height}, {spec.samples} samples, {styles} styles) | |")
    print("|---|---|")
    names = {"planned": "plan", "rendered": "render", "composed": "compose", "validated": "validate"}
    for kind, name in names.items():
        spread = f" ({min(cpu[kind]):.0f} to {max(cpu[kind]):.0f})" if kind == "rendered" else ""
        print(f"| {name} | {done[kind]:.2f} CPU s{spread} |")
    for name, count in parts.items():
        print(f"| {name} | {size(count)} |")

    wanted = math.ceil(question.triplets / each)
    seconds = wanted * sum(done.values())
    total = wanted * sum(count for name, count in parts.items() if "(" not in name and "--keep" not in name)
    sets = math.ceil(wanted / question.views_per_set)
    print(f"\n| computed, {question.triplets:,} triplets | |\n|---|---|")
    print(f"| views | {wanted:,} ({each} triplets each) |")
    print(f"| real images | {wanted * styles:,} |")
    print(f"| CPU time | {seconds / 3600:,.0f} core hours |")
    print(f"| storage | {size(total)} |")
    if kept:
        print(f"| storage with --keep-renders | {size(total + wanted * kept)} |")
    print(f"| folders of {question.views_per_set:,} views | {sets}, each {size(total / sets)} |")
    print(f"| files | {wanted * (each + styles + 3):,} |")
    print(f"| egress at {question.price_per_tb:g} a TB | {total / 1e12 * question.price_per_tb:,.0f} |")
    nodes_are = f"nodes of {question.cores} cores in use to {question.use:.0%}"
    print(f"\n| computed, {nodes_are} | hours | nodes lost meanwhile | work done twice |")
    print("|---|---|---|---|")
    for nodes in question.nodes:
        took = seconds / question.cores / nodes / question.use
        lost = took * nodes / (question.days_between_losses * DAY)
        workers = question.cores / 4
        again = lost * workers * (done["rendered"] + done["composed"]) / 2
        print(f"| {nodes} | {took / 3600:.1f} | {lost:.1f} | {again / seconds:.2%} |")


def _place_of(job_id: str) -> str:
    """`park` of `SHuman/park_00_v000`."""
    return job_id.partition("/")[2].rsplit("_", 2)[0]


def _counted(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def _bytes(root: Path, pattern: str) -> int:
    """What the files take on a disk of 4 kB blocks."""
    return sum(-(-path.stat().st_size // 4096) * 4096 for path in root.glob(pattern) if path.is_file())


if __name__ == "__main__":
    main(tyro.cli(Question, description=__doc__))
