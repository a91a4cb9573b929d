# SPDX-License-Identifier: Apache-2.0
"""Strict decoding: types, unknown keys at any depth, paths, and the way back."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from harmonize_core.config import decode, decode_text, encode, encode_text
from harmonize_core.errors import ConfigError


@dataclass(frozen=True)
class Optim:
    lr: float = 1e-4


@dataclass(frozen=True)
class Train:
    steps: int = 10
    out: Path = Path("runs")
    optim: Optim = field(default_factory=Optim)
    extra: Optim | None = None
    stages: tuple[Optim, ...] = ()


def test_round_trip():
    config = Train(5, Path("a/b"), Optim(0.5), Optim(0.1), (Optim(1.0), Optim(2.0)))
    assert decode(encode(config), Train) == config
    assert decode_text(encode_text(config), Train) == config


@pytest.mark.parametrize(
    ("data", "fragment"),
    [
        ({"steps": "five"}, r"\$\.steps"),
        ({"stepz": 5}, r"unknown key \$\.stepz; did you mean 'steps'\?"),
        ({"optim": {"lrr": 1}}, r"unknown key \$\.optim\.lrr; did you mean 'lr'\?"),
        ({"extra": {"zzz": 1}}, r"unknown key \$\.extra\.zzz; known: lr"),
        ({"stages": [{"lr": 1.0}, {"q": 1}]}, r"unknown key \$\.stages\[1\]\.q"),
        ({"out": 3}, r"\$\.out"),
        ([], "does not decode"),
    ],
)
def test_refusals_name_the_path(data, fragment):
    with pytest.raises(ConfigError, match=fragment):
        decode(data, Train)


def test_text_that_is_not_json_names_its_origin():
    with pytest.raises(ConfigError, match=r"runs/config\.json is not JSON .* in line 2"):
        decode_text("{\n", Train, "runs/config.json")
