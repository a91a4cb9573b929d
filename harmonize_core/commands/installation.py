# SPDX-License-Identifier: Apache-2.0
"""Commands about this installation: doctor."""

from __future__ import annotations


def doctor(quiet: bool = False) -> int:
    """Say what is installed, what is missing and which command adds it.

    Example: harmonize doctor

    Args:
        quiet: Only what is missing.
    """
    from harmonize_core.doctor import inspect

    report = inspect()
    for line in report.missing if quiet else report.lines:
        print(line)
    return 0 if report.usable else 1
