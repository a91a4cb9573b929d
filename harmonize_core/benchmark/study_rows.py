# SPDX-License-Identifier: Apache-2.0
"""The rows of the cross-domain study as data: which network, what it learns from, which of its parts are off."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Literal

from harmonize_core.benchmark.tables import Plan
from harmonize_core.errors import ConfigError, UnknownName

Kind = Literal["untrained", "trained", "ablation", "oracle"]

Network = Literal["charmnet_256", "charmnet_hr"]

REFERENCE = "fusion"
"""What every row is compared with, photograph by photograph."""
CLAIM = "charmnet"
"""The row whose gain over the reference is the study's answer."""
TRANSLATORS = ("unit", "cyclegan", "cut")
"""Networks that translate renders before they learn from them."""


@dataclass(frozen=True)
class StudyRow:
    """One method of the study."""

    name: str
    """For `--rows` and folders."""
    label: str
    model: str
    """Registered name."""
    plan: Plan
    what: str
    """What it learns from and how, in one phrase for the page."""
    kind: Kind = "trained"
    weights: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}), hash=False)
    """Weights of the loss that differ from CharmNet's."""
    cost: float = 1.0
    """Computing time of a step over that of dataset fusion, for shards and for the first guess of the time left."""
    chosen: bool = True
    """Made unless other rows are asked for."""

    @property
    def learns(self) -> bool:
        return self.plan != "nothing"


NO_CRITIC = MappingProxyType({"adversarial": 0.0})
NO_STYLE = MappingProxyType({"style": 0.0, "style_photographic": 0.0, "entropy": 0.0})


def _idih(name: str, label: str, plan: Plan, what: str, kind: Kind = "trained") -> StudyRow:
    return StudyRow(name, label, "idih_256", plan, f"iDIH on {what}", kind)


def _translator(name: str, label: str, cost: float) -> StudyRow:
    return StudyRow(name, label, name, "fusion", f"as fusion, renders translated by {label}", cost=cost)


def _charmnet(name: str, label: str, what: str, kind: Kind = "ablation", **choices: Any) -> StudyRow:
    return StudyRow(name, label, "charmnet_256", "fusion", what, kind, cost=1.15, **choices)


def _shared(name: str, label: str, what: str, **choices: Any) -> StudyRow:
    return replace(_charmnet(name, label, what, **choices), model="charmnet_256_shared")


_ALONE = "CharmNet with none of its parts but"

_ALL = (
    StudyRow("composite", "composite", "composite", "nothing", "nothing is done", "untrained"),
    StudyRow("reinhard", "Reinhard", "reinhard", "nothing", "mean and spread of the background", "untrained"),
    StudyRow("histogram", "histogram matching", "histogram_match", "nothing", "that of the background", "untrained"),
    StudyRow("mkl", "MKL", "mkl", "nothing", "mean and covariance of the background", "untrained"),
    _idih("base", "real base only", "base", "photographs of base categories"),
    _idih("rendered", "rendered only", "rendered", "renders of the novel category"),
    _idih("two-stage", "two-stage", "two-stage", "renders, then on base photographs"),
    _idih("fusion", "dataset fusion", "fusion", "renders and base photographs together"),
    _translator("unit", "UNIT", 6.0),
    _translator("cyclegan", "CycleGAN", 6.0),
    _translator("cut", "CUT", 5.0),
    _charmnet("charmnet", "CharmNet", "CharmNet on renders and base photographs", "trained"),
    _charmnet(
        "no-discriminator",
        "CharmNet without discriminator",
        "CharmNet without the domain discriminator",
        weights=NO_CRITIC,
    ),
    _charmnet(
        "no-style", "CharmNet without style loss", "CharmNet without the style aggregation loss", weights=NO_STYLE
    ),
    _shared("no-private", "CharmNet without private layers", "CharmNet with one encoder and decoder for both domains"),
    _shared("only-discriminator", "CharmNet, discriminator alone", f"{_ALONE} this", weights=NO_STYLE, chosen=False),
    _shared("only-style", "CharmNet, style loss alone", f"{_ALONE} this", weights=NO_CRITIC, chosen=False),
    _charmnet(
        "only-private", "CharmNet, private layers alone", f"{_ALONE} these", weights=NO_CRITIC | NO_STYLE, chosen=False
    ),
    _shared(
        "no-part",
        "CharmNet, no part",
        f"{_ALONE} normalising each domain apart",
        weights=NO_CRITIC | NO_STYLE,
        chosen=False,
    ),
    _idih("oracle", "oracle", "oracle", "photographs of base and novel categories", "oracle"),
)

ROWS: Mapping[str, StudyRow] = MappingProxyType({row.name: row for row in _ALL})
"""By name, in the order of the tables."""


OURS = MappingProxyType(
    {"idih_256": "charmnet_hr_shared", "charmnet_256": "charmnet_hr", "charmnet_256_shared": "charmnet_hr_shared"}
)
"""What stands for a network where the study is made with ours."""


RIVALS = tuple(
    StudyRow(name, label, model, "fusion", f"{label} on the same data, from random weights", chosen=False)
    for name, label, model in (
        ("idih", "iDIH", "idih_256"),
        ("issam", "iS2AM", "issam_256"),
        ("pctnet-cnn", "PCT-Net CNN", "pctnet_cnn"),
        ("pctnet-vit", "PCT-Net ViT", "pctnet_vit"),
    )
)
"""Rows beside CharmNet-HR's that show what other networks learn from as many pictures."""


def _ours(row: StudyRow) -> StudyRow:
    """The same row with CharmNet-HR's network; where a row has iDIH, none of the terms between domains."""
    if row.model not in OURS:
        return row
    weights = NO_CRITIC | NO_STYLE if row.model == "idih_256" else row.weights
    what = row.what.replace("CharmNet", "CharmNet-HR").replace("iDIH on", "CharmNet-HR's network without its parts on")
    what = what.replace("one encoder and decoder", "one encoder")  # its decoder is shared in any case
    label = row.label.replace("CharmNet", "CharmNet-HR")
    return replace(row, model=OURS[row.model], weights=MappingProxyType(dict(weights)), what=what, label=label)


ROWS_OF: Mapping[Network, Mapping[str, StudyRow]] = MappingProxyType(
    {
        "charmnet_256": ROWS,
        "charmnet_hr": MappingProxyType(
            {name: _ours(row) for name, row in ROWS.items() if row.model not in TRANSLATORS and name != "no-part"}
            | {row.name: row for row in RIVALS}
        ),
    }
)
"""By the network that the study is made with. Beside CharmNet-HR the translators, which train an iDIH, have no row, and
`no-part` has none: that is `fusion` there, as nothing is normalised over a batch."""


def chosen_rows(names: Iterable[str], network: Network = "charmnet_256") -> list[StudyRow]:
    """The rows of these names in the order of the tables; without names those that are made by default.

    Raises:
        UnknownName: no such row.
        ConfigError: the row that all others are compared with is left out.
    """
    rows = ROWS_OF[network]
    wanted = list(names) or [row.name for row in rows.values() if row.chosen]
    for name in wanted:
        if name not in rows:
            raise UnknownName.of("row", name, rows)
    if REFERENCE not in wanted:
        raise ConfigError(
            f"--rows should name {REFERENCE}, which the others are compared with, but is {' '.join(wanted)}"
        )
    return [row for row in rows.values() if row.name in wanted]
