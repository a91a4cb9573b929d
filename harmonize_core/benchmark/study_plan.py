# SPDX-License-Identifier: Apache-2.0
"""What a study will do, before it does: how many runs, how long each, what is missing in the data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harmonize_core.benchmark.study import measured
from harmonize_core.benchmark.study_data import SIDES, StudyData
from harmonize_core.benchmark.study_options import Job, StudyOptions, duration, jobs_of, shard_of
from harmonize_core.benchmark.study_rows import StudyRow
from harmonize_core.data.sources import thin
from harmonize_core.models import lookup_at, parameter_count

TRIED_S = 5.0
"""Computing seconds after which no more steps of a row are tried."""


def describe_plan(options: StudyOptions, data: StudyData, measure: bool = True) -> str:
    """The plan as text; with `measure`, a few steps of each row are tried to say how long it takes here."""
    jobs, mine = jobs_of(options), shard_of(jobs_of(options), options.shard)
    done = {job.name for job in jobs if job.is_done(options.out)}
    rows = [row for row in dict.fromkeys(job.row for job in mine) if row.learns]
    seconds = _seconds(rows, options, data, measure)
    tested = " and ".join(f"{len(thin(data.plans.test[side], options.test_limit))} {side}" for side in SIDES)
    part = "" if options.shard[1] == 1 else f", {len(mine)} of them in part {options.shard[0]} of {options.shard[1]}"
    lines = [
        f"{len(jobs)} runs{part}; {len(done)} are done; each is scored on {tested} composites",
        "",
        *_data(data),
        "",
    ]
    lines.append(f"{'row':<20}{'network':<21}{'seeds':>6}{'done':>6}{'a run':>10}{'left':>10}")
    total = 0.0
    for row in dict.fromkeys(job.row for job in mine):
        own = [job for job in mine if job.row is row]
        left = [job for job in own if job.name not in done]
        each = seconds.get(row.name, 0.0)
        total += each * len(left)
        shown = (duration(each), duration(each * len(left))) if row.name in seconds else ("", "")
        lines.append(f"{row.name:<20}{row.model:<21}{len(own):>6}{len(own) - len(left):>6}{shown[0]:>10}{shown[1]:>10}")
    if seconds:
        lines += ["", f"training takes about {duration(total)} of computing time here; scoring comes on top"]
    lines.append(f"weights will take {_gigabytes(mine, options.side):.1f} GB in {options.out}")
    return "\n".join([*lines, *(f"missing: {remark}" for remark in data.remarks())])


def _data(data: StudyData) -> list[str]:
    return [
        f"{row['what']}, {row['split']}: {row['triplets']} triplets of {row['pictures']} pictures "
        f"({row['independent']} independent): {row['categories']}"
        for row in data.counts()
    ]


def _seconds(rows: Sequence[StudyRow], options: StudyOptions, data: StudyData, measure: bool) -> Mapping[str, float]:
    """Computing seconds of a run by row; rows without are not known."""
    if options.minutes:
        return {row.name: 60 * options.minutes for row in rows}
    if not measure:
        return {}
    return {row.name: options.steps * measured(Job(row, 0), options, data, TRIED_S) for row in rows}


def _gigabytes(jobs: Sequence[Job], side: int) -> float:
    sizes = {job.row.model: 4e-9 * parameter_count(lookup_at(job.row.model, side).config.build()) for job in jobs}
    return sum(job.stages * sizes[job.row.model] for job in jobs)
