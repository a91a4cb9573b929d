# SPDX-License-Identifier: Apache-2.0
"""charmnet_hr beyond what every network keeps: its grade, its norms, its ImageNet features, its objective."""

from dataclasses import replace

import pytest
import torch
from safetensors.torch import save_file

from harmonize_core.data.dataset import Batch
from harmonize_core.errors import CheckpointError, ConfigError
from harmonize_core.models import build, init_weights, parameter_count
from harmonize_core.models.charmnet_hr import ALL_BLOCKS, CharmNetHr, CharmNetHrConfig, Stem
from harmonize_core.models.efficientnet import LAYERS, blocks
from harmonize_core.train.config import LookLossConfig, LossConfig
from harmonize_core.train.features import start_from_features
from harmonize_core.train.objectives import objective_for

BARE = LossConfig(adversarial=0, style=0, style_photographic=0, entropy=0)


@pytest.fixture(scope="module")
def model() -> CharmNetHr:
    """With a look of its own: heads are not zero."""
    found = CharmNetHr()
    init_weights(found, seed=0)
    found.reset_special()
    for head in (found.to_grade, found.to_map, found.ask.out):
        torch.nn.init.normal_(head.weight, std=0.02, generator=torch.Generator().manual_seed(1))
    return found


def batch(count: int = 2) -> Batch:
    generator = torch.Generator().manual_seed(2)
    composite, real = (
        torch.nn.functional.interpolate(torch.rand(count, 3, 8, 8, generator=generator), 256, mode="bilinear")
        for _ in range(2)
    )
    mask = torch.zeros(count, 1, 256, 256)
    mask[:, :, 60:180, 80:160] = 1
    return Batch(composite, mask, real, torch.full((count, 10), 0.1), torch.arange(count))


def test_it_is_small_and_starts_at_the_identity():
    fresh = CharmNetHr()
    init_weights(fresh, seed=3)
    fresh.reset_special()
    seen = batch()
    assert parameter_count(fresh) < 3_000_000
    torch.testing.assert_close(fresh(seen.composite, seen.mask).harmonized, seen.composite, rtol=0, atol=2e-5)


@torch.no_grad()
def test_what_the_whole_foreground_needs_is_in_the_grade_and_not_in_the_map(model):
    seen = batch()
    look = model(seen.composite, seen.mask).look
    weight = torch.nn.functional.adaptive_avg_pool2d(seen.mask, look.map.shape[2:])
    mean = (look.map * weight).sum((2, 3)) / weight.sum((2, 3))
    assert look.map.abs().mean() > 0.01
    assert mean.abs().max() < 0.1 * look.map.abs().mean()


@torch.no_grad()
def test_a_picture_in_training_does_not_depend_on_those_beside_it(model):
    seen = batch()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    model.train()
    together, alone = model(seen.composite, seen.mask), model(seen.composite[:1], seen.mask[:1])
    torch.testing.assert_close(together.harmonized[:1], alone.harmonized, rtol=0, atol=1e-4)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    model.eval()
    torch.testing.assert_close(model(seen.composite, seen.mask).harmonized, together.harmonized)


@torch.no_grad()
def test_imagenet_features_reach_both_encoders_and_the_core(tmp_path):
    stem, body = Stem().picture, blocks(lite=True)
    init_weights(body, seed=4, std=0.2)
    theirs = {f"_conv_stem.{k}": v for k, v in stem.conv.state_dict().items()}
    theirs |= {f"_bn0.{k}": v for k, v in stem.norm.state_dict().items()}
    names = {ours: name for name, ours in LAYERS.items()}
    for key, value in body.state_dict().items():
        number, part, layer, end = key.split(".")
        theirs[f"_blocks.{number}.{names[f'{part}.{layer}']}.{end}"] = value
    save_file({k: v.contiguous() for k, v in theirs.items()}, tmp_path / "lite0.safetensors")
    model = CharmNetHr()
    start_from_features(model, tmp_path / "lite0.safetensors")
    model.eval(), body.eval(), stem.eval()
    x = torch.rand(1, 4, 256, 256, generator=torch.Generator().manual_seed(5))
    expected = stem(x[:, :3]).clamp(0, 6)
    for block in body[:ALL_BLOCKS]:
        expected = block(expected)
    for encoder in model.encoders.values():
        torch.testing.assert_close(model.core(encoder(x)[1]), expected)


def test_features_that_do_not_fit_are_refused_in_a_sentence(tmp_path):
    save_file({"weight": torch.zeros(2)}, tmp_path / "other.safetensors")
    with pytest.raises(CheckpointError, match=r"other\.safetensors should hold the weights of EfficientNet-Lite0"):
        start_from_features(CharmNetHr(), tmp_path / "other.safetensors")
    with pytest.raises(ConfigError, match="for charmnet_hr"):
        start_from_features(build("idih_256"), tmp_path / "other.safetensors")


def test_parts_of_weight_zero_are_absent_and_one_domain_is_enough(model):
    bare = replace(BARE, look=LookLossConfig(grade=0, smoothness=0, identity=0))
    objective = objective_for(CharmNetHrConfig(), model, bare)
    assert [name for name, _ in objective.named_children()] == ["model"]
    batches = {"photographic": batch()}
    outputs = objective(batches)
    assert objective.critic_losses(outputs, batches) is None
    assert set(objective.generator_losses(outputs, batches)) == {"total", "fn_mse_photographic"}


def test_harmonious_pictures_are_among_the_samples_and_their_change_counts(model):
    half = replace(BARE, look=LookLossConfig(identity_share=0.5))
    objective = objective_for(CharmNetHrConfig(), model, half)
    batches = {"rendered": batch()}
    outputs = objective(batches)
    expected = model(batches["rendered"].real, batches["rendered"].mask, "rendered")
    torch.testing.assert_close(outputs["rendered"].harmonized[0], expected.harmonized[0], rtol=0, atol=1e-4)
    assert objective.generator_losses(outputs, batches)["identity_rendered"] > 0.01
