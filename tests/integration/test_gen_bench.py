# SPDX-License-Identifier: Apache-2.0
"""The measurement of the rendering strategies: whole, and going on after it was stopped."""

import json

import pytest

from harmonize_core.errors import ConfigError
from rdharmony_gen import bench
from rdharmony_gen.sampling.conditions import sample_conditions
from rdharmony_gen.spec.bench import BenchOptions

OPTIONS = BenchOptions(
    views=2,
    size=32,
    reference_samples=64,
    shared_samples=(2,),
    fresh_samples=(2,),
    compared=("noon_clear",),
    scenes=("park",),
)
STYLES = ("noon_clear", "noon_cloudy", "night")


@pytest.fixture
def few_styles(monkeypatch) -> None:
    """Three styles a view instead of ten: one that is compared, its sun behind clouds, and lamps."""

    def few(*path):
        return tuple(condition for condition in sample_conditions(*path) if condition.style in STYLES)

    monkeypatch.setattr(bench, "sample_conditions", few)


@pytest.mark.usefixtures("few_styles")
def test_a_stopped_measurement_goes_on_and_tells_cost_and_error(tmp_path, monkeypatch):
    out = tmp_path / "bench.json"
    render, done = bench._render, []

    def stop_at_the_fifth(job, folder, only=()):
        if len(done) == 4:
            raise KeyboardInterrupt
        done.append(folder)
        return render(job, folder, only)

    monkeypatch.setattr(bench, "_render", stop_at_the_fifth)
    with pytest.raises(KeyboardInterrupt):
        bench.measure(out, OPTIONS, say=lambda _: None)
    monkeypatch.setattr(bench, "_render", render)
    first = json.loads(out.read_text())
    assert first["finished_views"] == 1
    with pytest.raises(ConfigError, match="other options"):
        bench.measure(out, BenchOptions(views=1), say=lambda _: None)
    again = []
    monkeypatch.setattr(
        bench.subprocess, "run", lambda *a, _run=bench.subprocess.run, **k: again.append(a) or _run(*a, **k)
    )
    result = bench.measure(out, OPTIONS, say=lambda _: None)
    assert len(again) == 2  # the reference of the second view was there already
    assert result["rows"] == json.loads(out.read_text())["rows"]
    assert [(row["strategy"], row["pictures"], row["compared"]) for row in result["rows"]] == [
        ("fresh", 6, 2),
        ("shared", 6, 2),
    ]
    for row in result["rows"]:
        assert 0.001 < row["rmse"] < 0.15
        assert 0.5 < row["ssim"] < 1
        assert row["cpu_s_per_picture"] > 0
    assert out.with_suffix(".png").stat().st_size > 1000
    assert not out.with_suffix(".work").exists()


def test_equal_error_is_read_off_the_line_of_fresh_and_never_beyond_it():
    fresh = [{"strategy": "fresh", "rmse": e, "cpu_s_per_picture": c} for e, c in ((0.04, 4.0), (0.01, 16.0))]

    def times(rmse):
        return bench.cheaper_at_equal_error({"strategy": "shared", "rmse": rmse, "cpu_s_per_picture": 2.0}, fresh)

    assert times(0.02) == pytest.approx(4.0)  # fresh would cost 8 there
    assert times(0.01) == pytest.approx(8.0)
    assert times(0.05) is None
    assert times(0.009) is None
    assert bench.cheaper_at_equal_error(fresh[0], fresh) is None
