# SPDX-License-Identifier: Apache-2.0
"""All measurements of one network: its standing beside others, what it leaves alone, what it withstands."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from harmonize_core.errors import ConfigError
from harmonize_core.evaluate.held_out import HeldOut
from harmonize_core.evaluate.quality import CLASSICAL, SIZES, Branches, contestants, measure, unchanged
from harmonize_core.evaluate.quality_page import Findings
from harmonize_core.evaluate.stress import stress
from harmonize_core.infer.predictor import Predictor
from harmonize_core.train.state import weights_of


def branches_of(path: Path) -> Branches:
    """A network ready for both domains, from weights or the name of shipped ones.

    Raises:
        CheckpointError: missing, damaged, or not weights.
        ConfigError: an ONNX file of one branch alone.
    """
    file = weights_of(path)
    return {
        "photographic": Predictor.load(file, domain="photographic"),
        "rendered": Predictor.load(file, domain="rendered"),
    }


def findings_of(
    own: Branches,
    sets: Sequence[HeldOut],
    against: Sequence[Path] = (),
    sizes: Sequence[str] = tuple(SIZES),
    say: Callable[[str], None] = print,
) -> Findings:
    """Measure a network and what it is compared with: classical methods, and other networks' weights.

    Raises:
        ConfigError: two of one name.
        CheckpointError, InputError: as `branches_of` and `measure`.
    """
    name = own["photographic"].info.name
    methods: dict[str, Branches] = {name: own, **contestants(CLASSICAL)}
    for path in against:
        branches = branches_of(path)
        other = branches["photographic"].info.name
        if other in methods:
            raise ConfigError(f"{path} holds {other}, which is compared already; leave one out")
        methods[other] = branches
    say(f"measuring {', '.join(methods)} on {' and '.join(f'{len(s.triplets)} {s.domain} pictures' for s in sets)}")
    measured = measure(methods, sets, sizes)
    say("harmonious pictures")
    left_alone = [unchanged(n, methods[n], held_out) for held_out in sets for n in methods]
    say("hard situations")
    stressed = [row for held_out in sets for row in stress(own, held_out)]
    return Findings(name, tuple(measured), tuple(left_alone), tuple(stressed))
