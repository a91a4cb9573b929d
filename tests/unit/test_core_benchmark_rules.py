# SPDX-License-Identifier: Apache-2.0
"""Rules of the benchmarks on numbers made by hand: equal starts, what fits a budget, what is compared with what."""

from pathlib import Path

import pytest

from harmonize_core.benchmark.data import SeedsData
from harmonize_core.benchmark.folder import claim
from harmonize_core.benchmark.pace import ENOUGH, SMALLEST, fitting
from harmonize_core.benchmark.run import planned, published
from harmonize_core.benchmark.study import _predictor
from harmonize_core.benchmark.study_data import StudyData
from harmonize_core.benchmark.study_numbers import _number, _pairs
from harmonize_core.benchmark.study_options import StudyOptions
from harmonize_core.benchmark.study_rows import ROWS_OF
from harmonize_core.checkpoint import save_model
from harmonize_core.data.options import DataConfig
from harmonize_core.errors import ConfigError
from harmonize_core.formats.triplet import TripletPaths
from harmonize_core.models import build
from harmonize_core.train.presets import PRESETS


@pytest.mark.parametrize("model", sorted({config.model for _, config in PRESETS.values()}))
def test_all_networks_start_alike_and_see_the_same_pictures(model):
    config = published(model, Path("run"), Path("sets"), 3, "cpu")
    assert config.data == DataConfig()
    assert config.init.features is None
    assert config.init.weights is None
    assert config.ema == 0
    short = planned(config, 28, 4)
    assert (short.steps, short.batch_size) == (28, 4)
    assert short.optim.warmup_steps <= 2
    assert planned(config, 10**6, 4).optim == config.optim


@pytest.mark.parametrize("network", ROWS_OF)
def test_no_two_rows_of_a_study_are_the_same_run(network):
    runs = [(row.model, row.plan, sorted(row.weights.items())) for row in ROWS_OF[network].values()]
    assert all(run not in runs[:i] for i, run in enumerate(runs))


@pytest.mark.parametrize(("side", "looks_at"), [(64, 64), (256, 256), (512, 256)])
def test_a_network_for_any_size_looks_at_what_it_looked_at_in_training(tmp_path, side, looks_at):
    file = tmp_path / "model.safetensors"
    model = build("charmnet_hr")
    model.look_at(side)
    save_model(file, model, "charmnet_hr", side=side)
    options = StudyOptions(tmp_path, (tmp_path,), tmp_path, network="charmnet_hr", side=side)
    assert _predictor(file, options).info.input_size == model.side == looks_at


def test_a_folder_of_an_earlier_version_is_refused_with_what_it_did_not_know(tmp_path):
    claim(tmp_path, {"steps": 4}, {})
    claim(tmp_path, {"steps": 4}, {})
    with pytest.raises(
        ConfigError, match=r"\(side: not known to the version that made it -> 256\); choose another --out"
    ):
        claim(tmp_path, {"steps": 4, "side": 256}, {})


@pytest.mark.parametrize(
    ("seconds_of", "batch", "expected"),
    [
        ({2: 0.1, 16: 0.9}, 16, (16, 100)),  # fits at once
        ({2: 0.45, 4: 1.5, 8: 3.2}, 8, (4, 60)),  # seems to fit, then does not
        ({2: 0.5, 4: 1.0}, 16, (4, 90)),  # halved before it is tried
        ({2: 1.0, 8: 2.0, 4: 1.9}, 8, (2, 90)),  # halved while tried, too
        ({2: 30.0}, 8, (2, 3)),  # nothing fits
        ({2: 200.0}, 8, (2, 1)),
        ({1: 3.0}, 1, (1, 30)),
    ],
)
def test_the_batch_is_halved_while_too_few_steps_fit_as_tried(seconds_of, batch, expected):
    pace = fitting(seconds_of.__getitem__, batch, 90)
    assert (pace.batch_size, pace.steps) == expected
    assert pace.step_s == seconds_of[pace.batch_size]
    assert pace.batch_size <= SMALLEST or pace.steps >= ENOUGH


def test_differences_are_taken_seed_by_seed_composite_by_composite():
    def scores(**fmse: float) -> dict:
        return {"novel": {name: {"fmse": value} for name, value in fmse.items()}}

    own = {0: scores(a=10.0, b=30.0), 1: scores(a=20.0, b=50.0)}
    reference = {0: scores(a=8.0, b=20.0), 1: scores(a=16.0, b=60.0)}
    assert _pairs(own, reference, "novel") == [{"a": 2.0, "b": 10.0}, {"a": 4.0, "b": -10.0}]
    untrained = {0: scores(a=10.0, b=30.0)}
    assert _pairs(untrained, reference, "novel") == [{"a": -2.0, "b": -10.0}]
    assert _pairs(own, untrained, "novel")[1] == {"a": 10.0, "b": 20.0}


def test_a_series_is_one_photograph_in_intervals_and_counts():
    facts = {"walk1": {"series": "walk"}, "walk2": {"series": "walk"}, "tree": {"series": ""}}
    data = StudyData(Path("sets"), (), SeedsData(Path("sets"), {}, {}), facts)
    names = ("walk1", "walk2", "tree", "unlisted")
    triplets = {
        name: TripletPaths(Path(f"{name}_1.jpg"), Path(f"{name}.png"), Path(f"{name}.jpg"), "photographic", name)
        for name in names
    }
    groups = {name: data.group(triplet) for name, triplet in triplets.items()}
    assert groups == {"walk1": "walk", "walk2": "walk", "tree": "tree", "unlisted": "unlisted"}
    runs = [dict.fromkeys(names, 1.0) | {"walk1": 0.0, "walk2": 0.0}, dict.fromkeys(names, 3.0)]
    number = _number(runs, groups)
    assert number.mean == pytest.approx((1.5 + 1.5 + 2 + 2) / 4)
    assert number.by_seed == pytest.approx((0.5, 3.0))
    assert number.photographs == 3
    apart = _number(runs, {name: name for name in names})
    assert apart.photographs == 4
    alike = _number([{"walk1": 0.0, "walk2": 4.0, "tree": 2.0, "unlisted": 2.0}], groups)
    assert alike.interval.low == alike.interval.high == pytest.approx(2.0)  # both photographs of the walk or none
