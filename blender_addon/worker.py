# SPDX-License-Identifier: GPL-3.0-or-later
"""The background Blender's side of `renderers.InBackground`: read the orders, render, say what is finished."""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import NoReturn

from harmonize_core.errors import HarmonizeError

from .renderers import ERROR_MARK, FRAME_MARK, FrameTask, ShotSpec, render_tasks, tell


def main(orders_file: str) -> None:
    """Render the tasks of an orders file; the process ends here, with code 0 only when all are done."""
    orders = json.loads(Path(orders_file).read_text())
    tasks = [FrameTask(t["frame"], _pairs(t["layers"]), _pairs(t["views"])) for t in orders["tasks"]]
    work_off(render_tasks(ShotSpec(**orders["spec"]), tasks))


def work_off(frames: Iterable[int]) -> NoReturn:
    """Say of each frame that it is finished, and end the process."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    if hasattr(os, "nice"):
        os.nice(5)  # the artist's window comes first
    code = 0
    try:
        for frame in frames:
            tell(f"{FRAME_MARK}{frame}")
    except HarmonizeError as error:
        tell(f"{ERROR_MARK}{error}")
        code = 1
    sys.stdout.flush()
    os._exit(code)


def _pairs(items: list[list[str]]) -> tuple[tuple[str, str], ...]:
    return tuple((first, second) for first, second in items)


def _end_with_parent() -> None:
    """Standard input closes when the Blender that started this one is gone."""
    sys.stdin.buffer.read()
    os._exit(2)
