# SPDX-License-Identifier: GPL-3.0-or-later
"""The bar of a run: pictures that are done, views that are done, what is at work, and how long it will take.

The strategy `shared` finishes all pictures of a view at once, after minutes; until then the bar names the stage that
the view is at. Time left is told from the first finished view on.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from tqdm import tqdm

from rdharmony_gen.run.jobs import Remaining, calm_s, counts_as_picture
from rdharmony_gen.run.local import Event


@dataclass(frozen=True)
class Step:
    """How far a run is."""

    done: int = 0
    """Pictures, or views where no pictures are to be rendered."""
    views: int = 0
    views_in_all: int = 0
    stage: str = ""
    """What the worker that spoke last is at."""
    left_s: float | None = None
    """None until the first view is done."""

    def words(self) -> str:
        """For the end of the bar."""
        left = "" if self.left_s is None else f"{tqdm.format_interval(self.left_s)} left"
        views = f"{self.views}/{self.views_in_all} views"
        return ", ".join(part for part in (left, views, self.stage) if part)


class Count:
    """Follows the events of a run; knows nothing of screens."""

    def __init__(self, left: Remaining, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin.

        Args:
            left: What is to be done.
            clock: Seconds.
        """
        self.by_view = not left.render
        self.total = left.compose if self.by_view else left.render
        self._clock, self._begun = clock, clock()
        self._known: tuple[int, float] | None = None
        self._pictures: set[tuple[str, str]] = set()
        self._finished: set[str] = set()
        self._in_all, self._stage = len(left.jobs), ""

    def take(self, event: Event) -> Step:
        """How far the run is after an event."""
        kind, job = event["event"], event.get("job", "")
        if kind == "file" and counts_as_picture(event["name"]):
            self._pictures.add((job, event["name"]))
        elif kind == "done":
            self._finished.add(event["path"])
            self._known = (len(self._finished) if self.by_view else len(self._pictures), self._clock())
        elif kind in ("started", "stage", "rendered"):
            name = {"started": "building", "rendered": "composing"}.get(kind) or event["name"]
            self._stage = f"{name} ({job})"
        elif kind == "elsewhere":
            self._stage = f"{event['jobs']} views are with other runs"
        done = min(self.total, len(self._finished) if self.by_view else len(self._pictures))
        return Step(done, len(self._finished), self._in_all, self._stage, self._left())

    def _left(self) -> float | None:
        """By what was there when a view was last finished; pictures come in bursts."""
        if self._known is None or not self._known[0]:
            return None
        done, at = self._known
        return max(0.0, (at - self._begun) / done * (self.total - done) - (self._clock() - at))


class Progress:
    """The bar on standard error."""

    def __init__(self, name: str, left: Remaining, *, quiet: bool) -> None:
        """Show it.

        Args:
            name: What is being done.
            left: What is to be done.
            quiet: Show nothing.
        """
        self._count = Count(left)
        unit = "views" if self._count.by_view else "pictures"
        self._bar = tqdm(
            total=self._count.total,
            desc=name,
            bar_format="{desc}: {n_fmt} of {total_fmt} " + unit + " |{bar:10}| {elapsed}{postfix}",
            disable=quiet,
            mininterval=calm_s(),
            miniters=0,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()

    def take(self, event: Event) -> None:
        """Show what an event changes."""
        step = self._count.take(event)
        self._bar.set_postfix_str(step.words(), refresh=False)
        self._bar.update(step.done - self._bar.n)

    def complete(self) -> None:
        """All is done, some of it by other runs."""
        self._bar.set_postfix_str("", refresh=False)
        self._bar.update(self._count.total - self._bar.n)
