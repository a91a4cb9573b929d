# SPDX-License-Identifier: GPL-3.0-or-later
"""What the time of a render goes into, told from when its files appear."""

from __future__ import annotations

import time

_NAMES = {"coverage.exr": "shares of the subjects", "aux.exr": "depth and surfaces", "view.json": "closing"}


class Stopwatch:
    """Seconds by stage since it was made; `mark` is called with each file as it is finished."""

    def __init__(self) -> None:
        self._last = time.monotonic()
        self.seconds: dict[str, float] = {}

    def mark(self, name: str) -> None:
        """The time since the last file went into this one; building the place is in that of the first picture."""
        now = time.monotonic()
        stage = _NAMES.get(name.rpartition("/")[2]) or (
            "further pictures" if self.seconds else "place, view and first picture"
        )
        self.seconds[stage] = round(self.seconds.get(stage, 0.0) + now - self._last, 4)
        self._last = now
