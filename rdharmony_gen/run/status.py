# SPDX-License-Identifier: GPL-3.0-or-later
"""How far a set is, by its files: for looking at a run on other machines without taking part in it."""

from __future__ import annotations

import time
from collections.abc import Iterator

from rdharmony_gen.run.claims import Register
from rdharmony_gen.run.failures import failure_of
from rdharmony_gen.sampling.plan import job_ids
from rdharmony_gen.spec.dataset import DatasetSpec
from rdharmony_gen.spec.layout import SetLayout


def status_lines(layout: SetLayout, spec: DatasetSpec) -> Iterator[str]:
    """One line with how many views are pending, running, rendered, done and failed; one each for runs and failures."""
    register = Register(layout)
    holders = register.holders()
    views: dict[str, list[str]] = {state: [] for state in ("pending", "running", "rendered", "done", "failed")}
    failures = {}
    for _, _, job_id in job_ids(spec):
        if job_id in holders:
            state = "running"
        elif failure := failure_of(layout, job_id):
            state, failures[job_id] = "failed", failure
        elif layout.view_record(job_id).is_file():
            state = "done"
        else:
            state = "rendered" if (layout.renders(job_id) / "view.json").is_file() else "pending"
        views[state].append(job_id)
    yield ", ".join(f"{len(found)} {state}" for state, found in views.items())
    for run in register.others():
        held = sorted(job_id for job_id, holder in holders.items() if holder == run.id)
        ago = max(0.0, time.time() - register.last_sign(run.id))
        what = ", ".join(held[:4]) + (f" and {len(held) - 4} more" if len(held) > 4 else "")
        yield f"{run.host}, process {run.pid}, seen {ago:.0f} s ago: {what or 'nothing in hand'}"
    for job_id, failure in failures.items():
        yield f"{job_id} failed ({failure.reason}): {failure.message}; see {layout.root / failure.log}"
