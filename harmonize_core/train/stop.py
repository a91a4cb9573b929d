# SPDX-License-Identifier: Apache-2.0
"""SIGTERM and Ctrl-C as a wish to stop after the current step; a second Ctrl-C stops at once."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any


class StopSignal:
    """Within the block, `number` is 0 until a signal arrives, then that signal's number."""

    def __init__(self, *, patient: bool = False) -> None:
        """Args: `patient` ignores further Ctrl-C too: torchrun sends it on, so that it arrives twice."""
        self.number = 0
        self._patient = patient
        self._before: dict[int, Any] = {}

    def __enter__(self) -> StopSignal:
        if threading.current_thread() is threading.main_thread():  # only there may handlers be set
            for number in (signal.SIGTERM, signal.SIGINT):
                self._before[number] = signal.signal(number, self._on_signal)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        if self.number and number == signal.SIGINT and not self._patient:
            raise KeyboardInterrupt
        self.number = self.number or number
