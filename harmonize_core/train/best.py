# SPDX-License-Identifier: Apache-2.0
"""Which validation was the best so far, and for how many the run has waited since: early stopping."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass
class Best:
    """The lowest score so far."""

    score: float = math.inf
    step: int = 0
    waited: int = 0
    """Validations since."""
    last: int = 0
    """Step of the newest validation; one of the same step again does not count."""

    def see(self, step: int, score: float) -> bool:
        """Note a validation; whether it is the best so far."""
        if step <= self.last:
            return False
        self.last = step
        if not score < self.score:
            self.waited += 1
            return False
        self.score, self.step, self.waited = score, step, 0
        return True

    def state(self) -> dict[str, Any]:
        return asdict(self)


def score_of(validation: Mapping[str, float], domains: Iterable[str]) -> float:
    """What is left of the composites' fMSE on the held-out triplets, mean over the domains: below 1 is better than
    doing nothing. With one domain it falls exactly when the fMSE falls."""
    shares = [validation[f"fmse_{d}"] / max(validation[f"fmse_{d}_composite"], 1e-9) for d in domains]
    return sum(shares) / len(shares)
