# SPDX-License-Identifier: Apache-2.0
"""What a run may be asked for: accumulation, a moving average, patience, precision, compilation, determinism."""

import json
import math
import resource
from dataclasses import replace
from pathlib import Path

import pytest
import tiny
import torch

from harmonize_core.checkpoint import load_model
from harmonize_core.data import toy
from harmonize_core.data.dataset import TripletDataset
from harmonize_core.data.sources import list_triplets
from harmonize_core.errors import ConfigError, EnvironmentFault, OutputError
from harmonize_core.train import state
from harmonize_core.train.best import Best
from harmonize_core.train.config import OptimConfig, TrainConfig
from harmonize_core.train.log import read_log
from harmonize_core.train.loop import TrainingDiverged, train
from harmonize_core.train.trainer import Trainer

CPU = torch.device("cpu")


@pytest.fixture(scope="module", autouse=True)
def networks():
    tiny.register()


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    return toy.write_photographic(tmp_path_factory.mktemp("toy"), photos=6)


def config(data: Path, run: Path, **changes) -> TrainConfig:
    base = TrainConfig(photographic=data, run=run, model="tiny_plain", steps=6, batch_size=2, threads=1, workers=0)
    return replace(base, **{"validate_limit": 2, "optim": OptimConfig(lr=1e-2, lr_discriminator=1e-2), **changes})


def quietly(config: TrainConfig, **more):
    return train(config, quiet=True, say=lambda line: None, **more)


def losses(run: Path) -> list[dict[str, float]]:
    rows = [row for row in read_log(run) if row["kind"] == "train"]
    return [{name: value for name, value in row.items() if name not in ("seconds", "kind")} for row in rows]


def gradients(trainer: Trainer) -> list[torch.Tensor]:
    """After one step from nothing: Adam's first moments are (1 - beta1) times the gradients."""
    halves = [half for half in (trainer.state()["generator"], trainer.state()["critic"]) if half]
    return [moments["exp_avg"] for half in halves for moments in half["optimizer"]["state"].values()]


@pytest.mark.parametrize("model", ["tiny_plain", "tiny_gan"])
def test_several_small_batches_make_the_step_of_a_large_one(data, model, tmp_path):
    dataset = TripletDataset(list_triplets(data), size=32)
    small = [{"photographic": dataset.batch([(0, i), (0, i + 1)])} for i in (0, 2, 4)]
    large = {"photographic": dataset.batch([(0, i) for i in range(6)])}
    one, several = (Trainer(config(data, tmp_path, model=model), CPU) for _ in range(2))
    expected, found = one.step(large, 1.0), several.step(small, 1.0)
    assert {n: float(v) for n, v in found.items()} == pytest.approx(
        {n: float(v) for n, v in expected.items()}, rel=1e-5
    )
    largest = max(float(gradient.abs().max()) for gradient in gradients(one))
    for mine, theirs in zip(gradients(one), gradients(several), strict=True):
        assert torch.allclose(mine, theirs, rtol=1e-3, atol=1e-5 * largest)


def test_a_run_that_accumulates_has_the_curve_of_large_batches(data, tmp_path):
    optim = OptimConfig(lr=1e-2, schedule="cosine", warmup_steps=3)
    quietly(config(data, tmp_path / "large", optim=optim, batch_size=4))
    quietly(config(data, tmp_path / "small", optim=optim, batch_size=2, accumulate=2))
    for mine, theirs in zip(losses(tmp_path / "large"), losses(tmp_path / "small"), strict=True):
        assert theirs == pytest.approx(mine, rel=1e-4)


def test_the_average_is_saved_and_a_resumed_run_repeats_every_bit(data, tmp_path):
    wanted = config(data, tmp_path / "whole", model="tiny_gan", accumulate=2, ema=0.9)
    wanted = replace(wanted, checkpoint_every=1, keep=9)
    quietly(wanted)
    parts = replace(wanted, run=tmp_path / "parts")
    quietly(replace(parts, steps=3))
    quietly(parts, resume=True)
    assert losses(parts.run) == losses(wanted.run)
    whole, resumed = (load_model(c.run / "model.safetensors").model.state_dict() for c in (wanted, parts))
    assert all(torch.equal(value, resumed[name]) for name, value in whole.items())

    folders = state.checkpoints(wanted.run)
    raw = [torch.load(f / "trainer.pt", weights_only=True)["ema"]["model"] for f in folders]
    saved = [load_model(f / "model.safetensors").model.state_dict() for f in folders]
    for step in range(1, 6):
        decay = min(0.9, (1 + step) / (10 + step))
        for name, value in saved[step].items():
            expected = decay * saved[step - 1][name] + (1 - decay) * raw[step][name]
            assert torch.allclose(value, expected, rtol=1e-5, atol=1e-7), name


def test_the_average_holds_the_statistics_of_batch_norm(data, tmp_path):
    rendered = toy.write_rendered(tmp_path / "rendered")
    trainer = Trainer(config(data, tmp_path, model="tiny_charmnet", ema=0.5), CPU)
    sets = {"rendered": TripletDataset(list_triplets(rendered)), "photographic": TripletDataset(list_triplets(data))}
    before = {name: value.clone() for name, value in trainer.kept.state_dict().items()}
    trainer.step({domain: dataset.batch([(0, 0), (0, 1)]) for domain, dataset in sets.items()}, 1.0)
    found, raw = trainer.kept.state_dict(), trainer.model.state_dict()
    for name, value in found.items():
        if name.endswith("num_batches_tracked"):
            assert torch.equal(value, raw[name]), name
        else:
            assert torch.allclose(value, 0.1 * before[name] + 0.9 * raw[name], rtol=1e-4, atol=1e-6), name


def test_patience_ends_a_run_that_gets_no_better_and_the_best_step_is_kept(data, tmp_path):
    said: list[str] = []
    wild = config(data, tmp_path / "run", steps=40, validate_every=1, patience=2, optim=OptimConfig(lr=0.3))
    result = train(wild, quiet=True, say=said.append)
    rows = {row["step"]: row["fmse_photographic"] for row in read_log(wild.run) if row["kind"] == "validate"}
    rows.pop(0)
    assert result.finished
    assert result.step < 40
    assert result.best_step == min(rows, key=lambda step: rows[step]) == result.step - 2
    for name in ("model.safetensors", "best/model.safetensors"):
        assert load_model(wild.run / name).provenance["step"] == str(result.best_step)
    assert f"those of step {result.best_step}" in said[-1]
    assert quietly(wild, resume=True).step == result.step  # nothing left to do
    assert quietly(replace(wild, patience=3), resume=True).step > result.step


def test_a_validation_that_is_not_lower_or_not_a_number_is_no_improvement():
    best = Best()
    assert [best.see(step, score) for step, score in enumerate([0.9, 0.9, math.nan, 0.8, 0.8], 1)] == [
        *(True, False, False, True, False)
    ]
    assert (best.step, best.waited) == (4, 1)
    assert not best.see(5, 0.1)  # the same validation again, as after resuming


def test_patience_needs_something_to_watch(data, tmp_path):
    with pytest.raises(ConfigError, match="--patience counts validations but --validate-every is 0"):
        quietly(config(data, tmp_path / "run", patience=2, validate_every=0))


def test_bfloat16_learns_nearly_the_same_and_saves_float32(data, tmp_path):
    optim = OptimConfig(lr=1e-4, lr_discriminator=1e-4)
    quietly(config(data, tmp_path / "fp32", model="tiny_gan", optim=optim))
    quietly(config(data, tmp_path / "bf16", model="tiny_gan", optim=optim, precision="bf16"))
    exact, rough = losses(tmp_path / "fp32"), losses(tmp_path / "bf16")
    assert rough != exact
    for mine, theirs in zip(exact, rough, strict=True):
        assert theirs["loss"] == pytest.approx(mine["loss"], rel=0.05)
    weights = load_model(tmp_path / "bf16/model.safetensors").model.state_dict()
    assert {value.dtype for value in weights.values()} == {torch.float32}


def test_half_floats_are_refused_on_the_cpu(data, tmp_path):
    with pytest.raises(EnvironmentFault, match="--precision fp16 needs a CUDA device but the run is on the CPU"):
        quietly(config(data, tmp_path / "run", precision="fp16", device="cpu"))


def test_a_compiled_network_learns_the_same_under_the_same_names(data, tmp_path):
    quietly(config(data, tmp_path / "eager"))
    quietly(config(data, tmp_path / "compiled", compile=True))
    for mine, theirs in zip(losses(tmp_path / "eager"), losses(tmp_path / "compiled"), strict=True):
        assert theirs == pytest.approx(mine, rel=1e-3)
    eager, compiled = (load_model(tmp_path / n / "model.safetensors").model.state_dict() for n in ("eager", "compiled"))
    assert list(eager) == list(compiled)


def test_without_a_compiler_compilation_is_refused(data, tmp_path, monkeypatch):
    from torch._inductor import config as inductor

    torch.compiler.reset()
    monkeypatch.setattr(inductor.cpp, "cxx", (None, str(tmp_path / "no-such-compiler")))
    monkeypatch.setattr(inductor, "force_disable_caches", True)
    with pytest.raises(EnvironmentFault, match=r"--compile needs a C\+\+ compiler .* but a first try failed"):
        quietly(config(data, tmp_path / "run", compile=True, device="cpu"))


def test_deterministic_runs_refuse_what_does_not_repeat_itself(data, tmp_path, monkeypatch):
    quietly(config(data, tmp_path / "fine", deterministic=True, steps=1))
    assert not torch.are_deterministic_algorithms_enabled()

    def scattered(self, composite, mask, domain="photographic"):
        place = torch.zeros(1, dtype=torch.int64)
        composite.clone().put_(place, torch.zeros(1))
        return forward(self, composite, mask, domain)

    forward = tiny.Plain.forward
    monkeypatch.setattr(tiny.Plain, "forward", scattered)
    with pytest.raises(ConfigError, match="--deterministic: put_ does not have a deterministic implementation; train"):
        quietly(config(data, tmp_path / "run", deterministic=True, validate_every=0))
    assert not torch.are_deterministic_algorithms_enabled()


def test_an_accumulated_step_moves_running_statistics_once_a_batch(data, tmp_path):
    """Though critics need a forward pass of their own."""
    rendered = list_triplets(toy.write_rendered(tmp_path / "rendered"))
    sets = {"rendered": rendered, "photographic": list_triplets(data)}
    parts = [
        {name: TripletDataset(listed, size=256).batch([(step, 0), (step, 1)]) for name, listed in sets.items()}
        for step in range(2)
    ]
    stepped, plain = (Trainer(config(data, tmp_path, model="tiny_charmnet"), CPU) for _ in range(2))
    stepped.step(parts, 1.0)
    with torch.no_grad():
        for part in parts:
            plain.objective(part)
    found, expected = (dict(trainer.model.named_buffers()) for trainer in (stepped, plain))
    assert any(name.endswith("running_mean") for name in found)
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, rtol=1e-4, atol=1e-5)


def test_gradients_of_the_critics_are_clipped(data, tmp_path):
    dataset = TripletDataset(list_triplets(data), size=32)
    batch = {"photographic": dataset.batch([(0, 0), (0, 1)])}
    optim = OptimConfig(clip_norm_discriminator=1e-3)
    trainer = Trainer(config(data, tmp_path, model="tiny_gan", optim=optim), CPU)
    trainer.step(batch, 1.0)
    moments = trainer.state()["critic"]["optimizer"]["state"].values()
    norm = torch.stack([m["exp_avg"].norm() / (1 - optim.beta1) for m in moments]).norm()
    assert float(norm) == pytest.approx(1e-3, rel=1e-3)


def test_checkpoints_stay_good_when_weights_run_away_between_lines_of_the_log(data, tmp_path):
    wild = config(data, tmp_path / "run", steps=30, optim=OptimConfig(lr=1e25), log_every=30, checkpoint_every=1)
    with pytest.raises(TrainingDiverged, match=r"a weight is not finite at step \d+, .*the last good checkpoint is"):
        quietly(wild)
    for folder in state.checkpoints(wild.run):
        load_model(folder / "model.safetensors")  # refuses what is not finite


def test_a_full_disk_ends_the_run_and_the_last_checkpoint_stays(data, tmp_path):
    wanted = config(data, tmp_path / "run", model="tiny_gan", steps=2, checkpoint_every=1)
    quietly(wanted)
    before = state.checkpoints(wanted.run)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))  # as if there were no more room; logs fit, weights do not
    try:
        with pytest.raises(
            OutputError, match=r"step-00000003 could not be written .*; free space and continue with --r"
        ):
            quietly(replace(wanted, steps=4, validate_every=0), resume=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert state.checkpoints(wanted.run) == before
    assert not list((wanted.run / "checkpoints").glob(".*"))
    result = quietly(replace(wanted, steps=4), resume=True)
    assert (result.step, result.finished) == (4, True)


def test_a_run_of_an_earlier_version_goes_on(data, tmp_path):
    wanted = config(data, tmp_path / "run", steps=2)
    quietly(wanted)
    path = tmp_path / "run/config.json"
    stored = json.loads(path.read_text())
    new = ("precision", "compile", "deterministic", "accumulate", "ema", "patience")
    old = {key: value for key, value in stored.items() if key not in new}
    path.write_text(json.dumps({**old, "amp": True}))
    assert quietly(replace(wanted, steps=3), resume=True).step == 3
    path.write_text(json.dumps({**old, "amp": False}))
    with pytest.raises(ConfigError, match=r"another config \(precision: fp32 -> auto\)"):
        quietly(replace(wanted, steps=4), resume=True)
