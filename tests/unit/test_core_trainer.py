# SPDX-License-Identifier: Apache-2.0
"""One optimizer step: at which rate each part learns, and which networks learn from one picture at a time; where
training may start from."""

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from harmonize_core.checkpoint import load_model, save_model
from harmonize_core.commands.training import train as command
from harmonize_core.config import encode
from harmonize_core.data import sources, toy
from harmonize_core.data.dataset import TripletDataset
from harmonize_core.data.options import DataConfig
from harmonize_core.errors import CheckpointError, ConfigError
from harmonize_core.infer.shipped import WEIGHTS
from harmonize_core.models import lookup_at
from harmonize_core.models.crn import CRNConfig
from harmonize_core.train.config import InitConfig, LossConfig, TrainConfig
from harmonize_core.train.loop import train
from harmonize_core.train.objectives import objective_for
from harmonize_core.train.presets import IHARMONY4_TRAINING, PRESETS, preset, recipe_of
from harmonize_core.train.trainer import Trainer, needs_several

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def dataset(tmp_path_factory) -> TripletDataset:
    return TripletDataset(sources.list_triplets(toy.write_photographic(tmp_path_factory.mktemp("toy"))), size=256)


def largest_changes(config: TrainConfig, dataset: TripletDataset, rate: float) -> tuple[dict[str, float], Trainer]:
    """How far the farthest parameter of each part goes in the first step: with Adam, the part's learning rate."""
    trainer = Trainer(config, CPU)
    before = {name: value.detach().clone() for name, value in trainer.model.named_parameters()}
    losses = trainer.step({"photographic": dataset.batch([(0, i) for i in range(config.batch_size)])}, rate)
    assert torch.isfinite(losses["loss"])
    changes: dict[str, float] = {}
    for name, value in trainer.model.named_parameters():
        part = name.split(".")[0]
        changes[part] = max(changes.get(part, 0.0), float((value.detach() - before[name]).abs().max()))
    return changes, trainer


def test_an_hrnet_learns_at_a_tenth_of_the_rate_of_what_it_guides(dataset):
    config = replace(preset("hrnet18s"), batch_size=2)
    changes, trainer = largest_changes(config, dataset, rate=0.5)
    full = 0.5 * config.optim.lr
    assert changes.pop("backbone") == pytest.approx(0.1 * full, rel=0.01)
    assert changes == {
        part: pytest.approx(full, rel=0.01) for part in ("mask_conv", "mask_scale", "context", "network")
    }
    even = replace(config, optim=replace(config.optim, rate_factors=False))
    assert largest_changes(even, dataset, rate=0.5)[0]["backbone"] == pytest.approx(full, rel=0.01)
    with pytest.raises(CheckpointError, match="optimizer does not fit"):  # one group cannot go on as two
        Trainer(even, CPU).load_state(trainer.state())


@pytest.mark.parametrize("name", ["unit", "cyclegan", "cut"])
def test_the_idih_beside_a_translator_learns_as_any_other_idih(name):
    config, idih = preset(name), preset("idih")
    assert config.optim.schedule == idih.optim.schedule
    assert config.optim.milestones == idih.optim.milestones
    assert config.steps == idih.steps
    assert 2 * config.batch_size == idih.batch_size  # it sees both domains' pictures in a step
    trainer = Trainer(config, CPU)
    trained = len(list(trainer.objective.generator_parameters()))
    its = len(list(trainer.model.get_submodule("harmonizer").parameters()))
    groups = trainer.state()["generator"]["optimizer"]["param_groups"]
    assert {group["betas"][0]: len(group["params"]) for group in groups} == {0.5: trained - its, 0.9: its}
    assert trainer.model.rate_factors["harmonizer"] * config.optim.lr == pytest.approx(idih.optim.lr)


def test_presets_are_the_published_recipes():
    """By network: epochs, batch, rate, beta1 (None: Adadelta), schedule with its epochs, A_min where FN-MSE has one.

    SamsungLabs/image_harmonization 4d16b12 (`models/fixed256`, `models/crop512`), the training code and README of
    bcmi/CDTNet-High-Resolution-Image-Harmonization 43a662b, Dominoer/bmvc2020_image_harmonization b7888a7,
    bcmi/Image-Harmonization-Dataset-iHarmony4 0bdb51d (DoveNet), junleen/RainNet e4b605d (batch 11 there),
    zhenglab/IntrinsicHarmony da50240 (`options/train_options.py`; the batch is left open), zhenglab/HarmonyTransformer
    d8430b5, rakutentech/PCT-Net-Image-Harmonization 1572176, ZHKKKe/Harmonizer 48ecd70 (of its batch of 16, 8 are given
    composites and 8 are made from real pictures; ours uses each triplet for both), NVIDIA/pix2pixHD 5a2c872,
    CQFIO/PhotographicImageSynthesis 36c3896.
    """
    idih, hrnet = ("steps", 105, 115), ("steps", 160, 175)
    cdtnet, halfway = ("steps", 50, 100), ("linear", 100)
    published = {
        "idih_256": (120, 16, 1e-3, 0.9, idih, 100),
        "idih_512": (120, 16, 1e-3, 0.9, idih, 1000),
        "issam_256": (120, 16, 1e-3, 0.9, idih, 1000),
        "s2am_256": (120, 16, 1e-3, 0.9, idih, None),
        "hrnet18s_idih_256": (180, 16, 1e-3, 0.9, hrnet, 100),
        "hrnet18_idih_256": (180, 16, 1e-3, 0.9, hrnet, 100),
        "hrnet32_idih_256": (180, 16, 1e-3, 0.9, hrnet, 100),
        "cdtnet_256": (120, 16, 1e-3, 0.9, cdtnet, 100),
        "cdtnet_256_sim": (120, 16, 1e-3, 0.9, cdtnet, 100),
        "cdtnet_512": (120, 4, 1e-3, 0.9, cdtnet, 100),
        "cdtnet_512_sim": (120, 4, 1e-3, 0.9, cdtnet, 100),
        "fmm_256": (230, 24, 1.0, None, ("constant",), None),
        "dovenet_256": (200, 8, 2e-4, 0.5, halfway, None),
        "rainnet_256": (200, 8, 2e-4, 0.5, halfway, None),
        "intrinsic_256": (100, 8, 1e-4, 0.5, ("linear", 50), None),
        "dht_256": (60, 8, 1e-4, 0.5, ("linear", 30), None),
        "pctnet_vit": (100, 16, 1e-4, 0.9, ("linear", 50), 1000),
        "pctnet_cnn": (180, 16, 1e-3, 0.9, hrnet, 1000),
        "harmonizer": (60, 8, 3e-4, 0.9, ("steps", 25, 50), None),
        "pix2pixhd": (200, 8, 2e-4, 0.5, halfway, None),
        "crn": (200, 1, 1e-4, 0.9, ("constant",), None),
    }
    ours = {
        "charmnet_256",
        "charmnet_hr",
        "hidt",
        "unit",
        "cyclegan",
        "cut",
    }  # their pages say what of them is published
    assert {config.model for _, config in PRESETS.values()} == published.keys() | ours
    for name, (epochs, batch, rate, beta1, (schedule, *milestones), a_min) in published.items():
        config = recipe_of(name)
        optim = config.optim
        assert config.steps == math.ceil(epochs * IHARMONY4_TRAINING / batch), name
        assert (config.batch_size, optim.lr, optim.schedule) == (batch, rate, schedule), name
        assert optim.milestones == pytest.approx([epoch / epochs for epoch in milestones]), name
        assert (None if optim.name == "adadelta" else optim.beta1) == beta1, name
        assert a_min in (None, config.loss.a_min), name


def test_an_ablation_without_a_preset_takes_the_recipe_of_the_network_it_varies():
    for name, near in (("charmnet_hr_shared", "charmnet_hr"), ("charmnet_256_shared", "charmnet")):
        ours, published = recipe_of(name), preset(near)
        assert (ours.model, ours.loss, ours.optim) == (name, published.loss, published.optim)


def test_first_weights_of_another_side_are_refused_unless_the_layers_are_the_same(tmp_path):
    small = replace(TrainConfig(run=tmp_path, batch_size=2), data=DataConfig(side=64))
    file = tmp_path / "model.safetensors"
    for name in ("idih_256", "issam_256"):  # not charmnet_256, which grows
        save_model(file, lookup_at(name, 64).config.build(), name, side=64)
        config = replace(small, model=name, init=InitConfig(weights=file))
        Trainer(config, CPU)
        larger = replace(config, data=DataConfig())
        if name == "issam_256":
            Trainer(larger, CPU)
        else:
            with pytest.raises(ConfigError, match=r"holds idih_256 for 64 px.* for 256 px .*; add --data\.side 64$"):
                Trainer(larger, CPU)


def test_charmnet_starts_from_weights_for_smaller_pictures_and_not_from_larger_ones(tmp_path):
    file = tmp_path / "model.safetensors"
    for known, side in ((64, 128), (128, 64)):
        network = lookup_at("charmnet_256", known).config.build()
        save_model(file, network, "charmnet_256", side=known)
        config = TrainConfig(run=tmp_path, batch_size=2, data=DataConfig(side=side), init=InitConfig(weights=file))
        if known < side:
            first, own = network.levels("rendered")[0][0], Trainer(config, CPU).model.levels("rendered")[0][0]
            assert torch.equal(first.conv.weight, own.conv.weight)
        else:
            with pytest.raises(
                ConfigError, match=r"holds charmnet_256 for 128 px.* for 64 px .*; add --data\.side 128$"
            ):
                Trainer(config, CPU)


def test_first_weights_of_smaller_pictures_with_other_hyper_parameters_are_refused_by_name(tmp_path):
    file = tmp_path / "model.safetensors"
    narrow = replace(lookup_at("charmnet_256", 64).config, base_channels=8)
    save_model(file, narrow.build(), "charmnet_256", config=narrow, side=64)
    config = TrainConfig(run=tmp_path, batch_size=2, data=DataConfig(side=128), init=InitConfig(weights=file))
    with pytest.raises(ConfigError, match=r"holds charmnet_256 with other hyper-parameters than the registered ones"):
        Trainer(config, CPU)


def test_crn_learns_from_one_picture_as_published(dataset):
    assert recipe_of("crn").batch_size == 1
    config = CRNConfig(widths=(8,) * 9)  # its coarsest module sees a single pixel, as the full network's does
    objective = objective_for(config, config.build(), LossConfig()).train()
    assert not needs_several(objective)
    batches = {"photographic": dataset.batch([(0, 0)])}
    objective.generator_losses(objective(batches), batches)["total"].backward()
    for name, parameter in objective.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
        assert parameter.grad.any(), name


def test_batches_of_one_are_refused_by_name_where_batch_norm_needs_more():
    with pytest.raises(ConfigError, match=r"--batch-size should be at least 2 for issam_256 because its batch norm"):
        Trainer(replace(preset("issam"), batch_size=1), CPU)


def test_the_help_of_a_preset_has_every_option_and_its_text_in_whole_paragraphs(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    with pytest.raises(SystemExit):
        command(["idih", "--help"])
    shown = " ".join(capsys.readouterr().out.replace("│", " ").split())

    def options(tree: dict, prefix: str = "") -> list[str]:
        parts = (options(v, f"{prefix}{k}.") if isinstance(v, dict) else [prefix + k] for k, v in tree.items())
        return [option for part in parts for option in part]

    for option in options(encode(TrainConfig())):
        assert f"--{option.replace('_', '-')}" in shown
    assert "those of one batch that many times as large. (default: 1)" in shown  # two lines where it is written


def test_training_goes_on_from_a_run_and_from_weights_of_the_package(tmp_path):
    save_model(tmp_path / "run" / "model.safetensors", lookup_at("issam_256", 64).config.build(), "issam_256")
    small = replace(TrainConfig(run=tmp_path / "next", batch_size=2), data=DataConfig(side=64))
    run = replace(small, model="issam_256", init=InitConfig(weights=tmp_path / "run"))
    ours = replace(small, model="charmnet_hr", init=InitConfig(weights=Path("charmnet_hr")))
    for config, file in ((run, tmp_path / "run" / "model.safetensors"), (ours, WEIGHTS / "charmnet_hr.safetensors")):
        stored = load_model(file).model.state_dict()
        own = Trainer(config, CPU).model.state_dict()
        assert all(torch.equal(value, own[name]) for name, value in stored.items())


def test_weights_that_cannot_be_trained_further_are_told_before_the_data(tmp_path):
    nowhere = tmp_path / "none"
    config = TrainConfig(run=tmp_path / "run", steps=1, batch_size=2, rendered=nowhere, photographic=nowhere)
    for weights, message in (
        ("charmnet_256", "charmnet_256 comes with weights to use but not to train further"),
        ("issam_256", "issam_256 names an architecture, not weights"),
        (str(tmp_path / "gone.safetensors"), "there is no checkpoint at"),
    ):
        with pytest.raises(CheckpointError, match=message):
            train(replace(config, init=InitConfig(weights=Path(weights))))
