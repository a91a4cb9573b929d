# SPDX-License-Identifier: Apache-2.0
"""Training: a killed run repeats its losses to the last digit, signals save, NaN stops, four triplets can be learnt."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tiny
import torch

from harmonize_core.checkpoint import load_model
from harmonize_core.config import decode_text, encode_text
from harmonize_core.data import toy
from harmonize_core.data.dataset import TripletDataset
from harmonize_core.data.sources import list_triplets
from harmonize_core.errors import ConfigError, InputError
from harmonize_core.train import state
from harmonize_core.train.config import OptimConfig, TrainConfig
from harmonize_core.train.log import read_log
from harmonize_core.train.loop import TrainingDiverged, train
from harmonize_core.train.presets import PRESETS, preset
from harmonize_core.train.schedule import plan_steps, rate
from harmonize_core.train.validate import validate


@pytest.fixture(scope="module", autouse=True)
def networks():
    tiny.register()


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    return toy.write_rendered(folder / "rendered"), toy.write_photographic(folder / "photographic")


def config(data, run: Path, **changes) -> TrainConfig:
    base = replace(preset("charmnet-demo"), rendered=data[0], photographic=data[1], run=run, model="tiny_plain")
    return replace(base, **{"steps": 3, "batch_size": 2, "threads": 2, "validate_limit": 2, **changes})


def quietly(config: TrainConfig, **options):
    return train(config, quiet=True, say=lambda line: None, **options)


def losses(run: Path) -> dict[int, dict[str, float]]:
    rows = [row for row in read_log(run) if row["kind"] == "train"]
    assert [row["step"] for row in rows] == list(range(1, len(rows) + 1))  # each step once, in order
    return {row.pop("step"): {k: v for k, v in row.items() if k != "seconds"} for row in rows}


def start_cli(config: TrainConfig, *more: str) -> subprocess.Popen:
    options = [
        *("--rendered", config.rendered, "--photographic", config.photographic, "--run", config.run),
        *("--steps", config.steps, "--batch-size", config.batch_size, "--threads", config.threads),
        *("--validate-limit", config.validate_limit, "--checkpoint-every", config.checkpoint_every),
        *("--model", config.model, "--accumulate", config.accumulate, "--ema", config.ema),
        *(() if config.workers is None else ("--workers", config.workers)),
        *more,
    ]
    command = [sys.executable, tiny.__file__, "train", "charmnet-demo", *map(str, options), "--quiet"]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)


def wait_for_step(run: Path, step: int, process: subprocess.Popen) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        if any(row["kind"] == "train" and row["step"] >= step for row in read_log(run)):
            return
        time.sleep(0.02)
    pytest.fail(f"step {step} was not reached: {process.stderr.read() if process.poll() is not None else 'too slow'}")


def test_a_killed_and_resumed_run_repeats_its_losses_to_the_last_digit(data, tmp_path):
    whole = config(data, tmp_path / "whole", model="tiny_charmnet", steps=7, workers=0, accumulate=2, ema=0.9)
    quietly(whole)
    killed = replace(whole, run=tmp_path / "killed", checkpoint_every=2, workers=3)
    process = start_cli(killed)
    wait_for_step(killed.run, 3, process)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert 3 <= max(losses(killed.run)) < 7, "the run must have been killed in its middle"
    assert state.checkpoints(killed.run)
    result = quietly(replace(killed, workers=1), resume=True)  # how many threads read is no matter
    assert result.finished
    assert losses(killed.run) == losses(whole.run)
    one, other = (load_model(r.run / "model.safetensors").model.state_dict() for r in (whole, killed))
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_sigterm_saves_and_the_run_goes_on(data, tmp_path):
    stopped = config(data, tmp_path / "run", steps=100_000, workers=4)
    process = start_cli(stopped)
    wait_for_step(stopped.run, 2, process)
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0
    with pytest.raises(ProcessLookupError):  # nothing that it started is left
        os.killpg(process.pid, 0)
    last = int(state.checkpoints(stopped.run)[-1].name.removeprefix("step-"))
    assert last == max(losses(stopped.run)) < 100_000
    assert not (stopped.run / "model.safetensors").exists()
    result = quietly(replace(stopped, steps=last + 1), resume=True)
    assert (result.step, result.finished) == (last + 1, True)
    assert (stopped.run / "model.safetensors").exists()


def test_a_run_leaves_readable_logs_config_and_environment(data, tmp_path):
    result = quietly(config(data, tmp_path / "run"))
    assert result.images_per_s > 0
    assert decode_text((tmp_path / "run/config.json").read_text(), TrainConfig).steps == 3
    assert json.loads((tmp_path / "run/env.json").read_text())["packages"]["torch"]
    assert (tmp_path / "run/metrics.csv").read_text().count("\n") == 1 + 3 + 2  # header, steps, two validations
    validations = [row for row in read_log(tmp_path / "run") if row["kind"] == "validate"]
    assert [row["step"] for row in validations] == [0, 3]
    assert validations[0]["fmse_rendered_composite"] == validations[1]["fmse_rendered_composite"] > 0
    provenance = load_model(tmp_path / "run/model.safetensors").provenance
    assert provenance["step"] == "3"
    assert str(tmp_path) not in provenance["training_data"]
    trainer = torch.load(state.checkpoints(tmp_path / "run")[-1] / "trainer.pt", weights_only=True)
    assert trainer["step"] == 3
    again = quietly(config(data, tmp_path / "run"), resume=True)  # a finished run has nothing left to do
    assert (again.step, again.finished) == (3, True)
    assert len(losses(tmp_path / "run")) == 3


def test_pictures_that_cannot_be_read_are_left_out_named_and_counted(data, tmp_path, caplog):
    root = shutil.copytree(data[1], tmp_path / "set")
    training, test = (list_triplets(root, split) for split in ("train", "test"))
    broken = [training[0].composite, training[3].composite, test[1].composite]
    for path in broken:
        path.write_bytes(path.read_bytes()[:200])
    training[4].mask.unlink()  # the mask of two composites
    lines: list[str] = []
    run = tmp_path / "run"
    options = TrainConfig(photographic=root, run=run, model="tiny_plain", steps=4, batch_size=2, threads=2)
    with pytest.raises(InputError, match=rf"{test[1].composite} is not a readable image.*--skip-corrupt leaves"):
        quietly(options)
    train(replace(options, skip_corrupt=True), resume=True, quiet=True, say=lines.append)
    warned = [record.getMessage() for record in caplog.records if "left out" in record.getMessage()]
    assert len(warned) == 5
    assert all(any(line.startswith(f"left out: {path}") for line in warned) for path in broken)
    assert f"5 triplets could not be read and were left out: {run / 'left_out.txt'} names them" in lines
    named = (run / "left_out.txt").read_text().splitlines()
    assert [line.split(" is not")[0] for line in named] == [
        *(f"training, photographic: {path}" for path in broken[:2]),
        *(f"training, photographic: {t.composite}: {t.mask} does not exist; check the path" for t in training[4:6]),
        f"validation, photographic: {broken[2]}",
    ]
    assert load_model(run / "model.safetensors").provenance["left_out"] == "5"
    whole = TripletDataset(test[:1], size=32, augment=False)  # the one held-out triplet that is left counts once
    model = load_model(run / "model.safetensors").model
    alone = validate(model, {"photographic": whole}, torch.device("cpu"), has_domains=False)
    last = [row for row in read_log(run) if row["kind"] == "validate"][-1]
    assert {name: last[name] for name in alone} == pytest.approx(alone, rel=1e-4)


def test_only_the_newest_checkpoints_are_kept(data, tmp_path):
    quietly(config(data, tmp_path / "run", steps=4, checkpoint_every=1, keep=2, validate_limit=1))
    names = [c.name for c in state.checkpoints(tmp_path / "run")]
    assert names == ["step-00000003", "step-00000004"]
    assert not list((tmp_path / "run/checkpoints").glob(".*"))


def test_a_loss_that_is_not_finite_stops_the_run(data, tmp_path):
    wild = config(data, tmp_path / "run", steps=30, optim=OptimConfig(lr=1e30, lr_discriminator=1e30))
    with pytest.raises(TrainingDiverged, match=r"at step \d+, so training was stopped; .*lower --optim.lr"):
        quietly(wild)
    assert not (tmp_path / "run/model.safetensors").exists()


def test_a_resumed_run_must_be_the_same_run(data, tmp_path):
    quietly(config(data, tmp_path / "run", steps=1, validate_limit=1))
    with pytest.raises(ConfigError, match="holds a run already; add --resume"):
        quietly(config(data, tmp_path / "run", steps=1))
    with pytest.raises(ConfigError, match=r"another config \(seed: 0 -> 1\)"):
        quietly(config(data, tmp_path / "run", steps=2, seed=1), resume=True)


def test_every_preset_round_trips_as_json():
    for name in PRESETS:
        assert decode_text(encode_text(preset(name)), TrainConfig) == preset(name)


def test_the_rate_rises_then_falls_and_a_constant_one_stays():
    optim = OptimConfig(schedule="cosine", warmup_steps=10)
    factors = [rate(step, 100, optim) for step in range(100)]
    assert np.all(np.diff(factors[:10]) > 0)
    assert np.all(np.diff(factors[10:]) < 0)
    assert factors[-1] == pytest.approx(0.01)
    assert {rate(step, 100, OptimConfig()) for step in range(100)} == {1.0}
    assert rate(5, None, optim) == pytest.approx(0.6)


def test_a_budget_is_planned_from_the_steady_speed():
    durations = [5.0] * 4 + [1.0] * 8
    assert plan_steps(100, sum(durations), 12, durations) == 12 + 60
    assert plan_steps(10, 100, 0, durations) == 13  # over budget already: one more step, then the end


def test_a_time_budget_is_kept(data, tmp_path):
    begin = time.monotonic()
    result = quietly(config(data, tmp_path / "run", steps=0, minutes=0.15, validate_limit=1))
    assert result.finished
    assert result.step >= 13
    assert time.monotonic() - begin < 9 * 1.3 + 30  # start-up, plan and saving are on top on a busy machine
    assert json.loads((tmp_path / "run/plan.json").read_text())["steps"] == result.step


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_mixed_precision_trains_on_cuda(data, tmp_path):
    result = quietly(config(data, tmp_path / "run", device="cuda", steps=5))
    assert result.finished
    assert os.path.exists(tmp_path / "run/model.safetensors")
