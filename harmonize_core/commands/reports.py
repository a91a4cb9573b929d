# SPDX-License-Identifier: Apache-2.0
"""`harmonize report`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import tyro

from harmonize_core.commands.terminal import say


def report(runs: Annotated[tuple[Path, ...], tyro.conf.Positional], out: Path | None = None) -> int:
    """Write a training run, or several beside each other, as one page: curves, sample strips, worst cases, config.

    Example: harmonize report runs/first

    Args:
        runs: Folders of training runs, going on or ended.
        out: Where to. Default: report.html in the run's folder; comparison.html here for several runs.
    """
    from harmonize_core.errors import ConfigError
    from harmonize_core.train.report.page import write_report

    if not runs:
        raise ConfigError("harmonize report needs the folder of at least one training run")
    say(str(write_report(runs, out)))
    return 0
