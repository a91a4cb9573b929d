# SPDX-License-Identifier: GPL-3.0-or-later
"""How far a run is, for the panel and the console."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import numpy as np

from harmonize_core.errors import HarmonizeError

from .translations import say, sentence


@dataclass
class Progress:
    """How far a run is; the panel shows it."""

    frames: int
    rendered: int = 0
    written: int = 0
    kept: int = 0
    """Pictures that were finished before and stayed."""
    message: str = ""
    started: float = field(default_factory=time.monotonic)
    render_seconds: list[float] = field(default_factory=list)
    write_seconds: list[float] = field(default_factory=list)

    @property
    def fraction(self) -> float:
        """Done work in [0, 1]; rendering counts most."""
        return (0.8 * self.rendered + 0.2 * self.written) / max(1, self.frames)

    @property
    def seconds_left(self) -> float | None:
        """Expected from the frames that took work so far; None before the first."""
        if not self.render_seconds and not self.write_seconds:
            return None
        render = float(np.mean(self.render_seconds)) if self.render_seconds else 0.0
        write = float(np.mean(self.write_seconds)) if self.write_seconds else 0.0
        return render * (self.frames - self.rendered) + write * (self.frames - self.written)

    def text(self) -> str:
        """One line for people."""
        left = self.seconds_left
        tail = "" if left is None else say(", {time} left", time=clock(left))
        return f"{sentence(self.message)}, {self.written}/{self.frames}{tail}"


def clock(seconds: float) -> str:
    """Seconds as m:ss or h:mm:ss."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


class Cancelled(HarmonizeError):
    """The artist stopped the run; everything finished stays."""
