# SPDX-License-Identifier: GPL-3.0-or-later
"""The background Blender's side of an export: read the plan, render and write, say which frames are finished."""

from __future__ import annotations

import json
from pathlib import Path

from .export_job import ExportPlan, export_frames
from .worker import work_off


def main(orders_file: str) -> None:
    """Export the frames of an orders file; the process ends here, with code 0 only when all are done."""
    orders = json.loads(Path(orders_file).read_text())
    work_off(export_frames(ExportPlan.from_json(orders["spec"])))
