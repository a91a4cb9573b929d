# SPDX-License-Identifier: Apache-2.0
"""What a run shows of itself while it goes on: sample strips, TensorBoard where it is installed, and its page.

A run does not end because its pictures cannot be written; it says so.
"""

from __future__ import annotations

import logging

from harmonize_core.errors import HarmonizeError
from harmonize_core.train.log import MetricsLog
from harmonize_core.train.report.page import write_report
from harmonize_core.train.samples import Samples

_log = logging.getLogger(__name__)


def after_validation(log: MetricsLog, step: int, samples: Samples) -> None:
    """Keep what a validation saw and write the page anew."""
    try:
        samples.save(log.path.parent, step)
        for domain in samples.shown:
            strips = samples.strips(domain)
            if strips is not None:
                log.picture(f"samples/{domain}", strips, step)
        write_report([log.path.parent])
    except (HarmonizeError, OSError) as error:
        _log.warning("what validation saw at step %d was not kept: %s", step, error)


def at_the_end(log: MetricsLog) -> None:
    """Close the log and write the last page, however the run ended."""
    log.close()
    try:
        write_report([log.path.parent], ended=True)
    except (HarmonizeError, OSError) as error:
        _log.warning("the run's page was not written: %s", error)
