# SPDX-License-Identifier: Apache-2.0
"""What a run shows of itself while it goes on: sample strips on disk and in TensorBoard."""

from __future__ import annotations

import logging

from harmonize_core.errors import HarmonizeError
from harmonize_core.train.log import MetricsLog
from harmonize_core.train.samples import Samples

_log = logging.getLogger(__name__)


def after_validation(log: MetricsLog, step: int, samples: Samples) -> None:
    """Keep what a validation saw; a run does not end because its pictures cannot be written, it says so."""
    try:
        samples.save(log.path.parent, step)
        for domain in samples.shown:
            strips = samples.strips(domain)
            if strips is not None:
                log.picture(f"samples/{domain}", strips, step)
    except (HarmonizeError, OSError) as error:
        _log.warning("what validation saw at step %d was not kept: %s", step, error)
