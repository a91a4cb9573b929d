# SPDX-License-Identifier: Apache-2.0
"""The network of docs/add_a_model.md, taken from the page, trains and is scored like any other."""

import re
from pathlib import Path

import pytest

from harmonize_core.data import toy
from harmonize_core.evaluate.run import evaluate
from harmonize_core.infer.predictor import Predictor
from harmonize_core.metrics import PROTOCOL_A, Scores
from harmonize_core.models import _registry, lookup
from harmonize_core.train.config import OptimConfig, TrainConfig
from harmonize_core.train.loop import train

PAGE = Path(__file__).parents[2] / "docs" / "add_a_model.md"


@pytest.fixture
def gains(monkeypatch):
    code = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)[0]
    assert len(code.splitlines()) < 50
    monkeypatch.setattr(_registry, "_entries", dict(_registry._entries))
    exec(compile(code, str(PAGE), "exec"), {"__name__": "gains_of_the_page"})
    return lookup("gains")


def test_the_network_of_the_page_learns_through_the_ordinary_loop(gains, tmp_path):
    data = toy.write_photographic(tmp_path / "photographic")
    config = TrainConfig(
        photographic=data,
        run=tmp_path / "run",
        model="gains",
        steps=150,
        batch_size=4,
        optim=OptimConfig(lr=1e-2),
        validate_every=0,
        device="cpu",
    )
    train(config, quiet=True, say=lambda _: None)
    result = evaluate(Predictor.load(tmp_path / "run/model.safetensors"), data, PROTOCOL_A, split="train")
    ours, untouched = (Scores.mean([getattr(i, who) for i in result.images]) for who in ("model", "untouched"))
    assert ours.fmse < 0.7 * untouched.fmse
