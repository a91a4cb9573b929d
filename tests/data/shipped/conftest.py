# SPDX-License-Identifier: Apache-2.0
"""Every `<name>.json` here is a test: the shipped weights of that network give the numbers they were shipped with.

`scripts/ship_weights.py` writes these files together with the weights; each line of one is a test of its own.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from harmonize_core.formats.images import read_image, read_mask
from harmonize_core.infer.predictor import Predictor
from harmonize_core.infer.shipped import SUMS, WEIGHTS, checked
from harmonize_core.metrics import fmse

RELATIVE = 2e-3
"""What another processor's float32 may change of an fMSE."""
ABSOLUTE = 0.05
MOST_BYTES = 12_000_000


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    if file_path.suffix == ".json" and file_path.parent == Path(__file__).parent:
        return ShippedNumbers.from_parent(parent, path=file_path)
    return None


class ShippedNumbers(pytest.File):
    """The numbers of one network."""

    def collect(self) -> Iterator[pytest.Item]:
        facts = json.loads(self.path.read_text(encoding="utf-8"))
        yield Whole.from_parent(self, name=f"{facts['name']} is whole")
        for row in facts["rows"]:
            yield Picture.from_parent(self, name=row["picture"], network=facts["name"], row=row)


class Whole(pytest.Item):
    """All shipped files are those of the list, and no more than there is room for."""

    def runtest(self) -> None:
        facts = json.loads(self.path.read_text(encoding="utf-8"))
        files = {file.name for file in WEIGHTS.iterdir()} - {SUMS}
        assert f"{facts['name']}.json" in files
        assert sum(len(checked(WEIGHTS / name)) for name in files) <= MOST_BYTES
        assert len(facts["rows"]) == 10


class Picture(pytest.Item):
    """One picture, harmonized by the shipped file."""

    def __init__(self, *, network: str, row: dict, **others) -> None:
        super().__init__(**others)
        self.network, self.row = network, row

    def runtest(self) -> None:
        folder = self.path.parent / "pictures"
        composite, real = (read_image(folder / f"{self.row['picture']}-{part}.jpg") for part in ("composite", "real"))
        mask = read_mask(folder / f"{self.row['picture']}-mask.png")
        harmonized = np.clip(Predictor.load(self.network, domain=self.row["domain"])(composite, mask), 0, 1)
        for picture, key in ((composite, "composite_fmse"), (harmonized, "fmse")):
            assert fmse(255 * picture, 255 * real, mask) == pytest.approx(self.row[key], rel=RELATIVE, abs=ABSOLUTE)
