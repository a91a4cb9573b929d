# SPDX-License-Identifier: Apache-2.0
"""charmnet_hr beyond what every network keeps: its grade, its norms, its ImageNet features, its objective."""

import copy
import itertools
from dataclasses import fields, replace

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from harmonize_core.data.dataset import Batch
from harmonize_core.data.rng import chances
from harmonize_core.errors import CheckpointError, ConfigError
from harmonize_core.losses import sobel
from harmonize_core.models import build, init_weights, parameter_count
from harmonize_core.models.charmnet_hr import ALL_BLOCKS, CharmNetHr, CharmNetHrConfig, Stem, centred
from harmonize_core.models.efficientnet import LAYERS, blocks
from harmonize_core.models.look import apply_map, srgb_to_linear
from harmonize_core.models.regions import BackgroundAttention
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
    return Batch(
        composite, mask, real, torch.full((count, 10), 0.1), torch.arange(count), torch.linspace(0.9, 0, count)
    )


def test_training_on_small_pictures_looks_at_them_as_they_are(model):
    seen = batch()
    small = [torch.nn.functional.interpolate(x, 64, mode="area") for x in (seen.composite, seen.mask)]
    learner = copy.deepcopy(model)
    learner.look_at(64)
    assert model(*small).look.map.shape[2:] == (64, 64)  # in use they are enlarged
    output = learner(*small)
    assert output.look.map.shape[2:] == (16, 16)
    assert output.f_enc.shape[2:] == (8, 8)
    learner.look_at(1024)
    assert learner(*small).look.map.shape[2:] == (64, 64)


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
    graded = look.graded(srgb_to_linear(seen.composite)).clamp_min(1e-3)
    gains = torch.log(apply_map(graded, torch.cat([look.map[:, :9], 0 * look.map[:, 9:]], dim=1)) / graded)
    inside = seen.mask.expand_as(gains) > 0
    assert gains[inside].abs().mean() > 0.01
    for mine, here in zip(gains, inside, strict=True):
        assert mine[here].mean().abs() < 0.1 * mine[here].abs().mean()
    offsets = (look.map[:, 9:] * torch.nn.functional.adaptive_avg_pool2d(seen.mask, look.map.shape[2:])).mean((2, 3))
    assert offsets.abs().max() < 0.1 * look.map[:, 9:].abs().mean()


def test_a_map_cannot_brighten_the_whole_by_being_bright_where_its_tone_is():
    graded = torch.linspace(0.02, 0.9, 64).expand(1, 3, 64, 64)  # from dark to bright
    cells = torch.linspace(1, -1, 16).repeat(1, 12, 16, 1)
    cells[:, 6:9] *= -1
    mask = torch.ones(1, 1, 64, 64)
    cells = torch.cat([centred(cells, mask, graded)[:, :9], torch.zeros(1, 3, 16, 16)], dim=1)
    gains = torch.log(apply_map(graded, cells) / graded)
    assert gains.mean().abs() < 0.02


@torch.no_grad()
def test_looks_are_numbers_of_full_precision_where_the_rest_is_not(model):
    seen = batch()
    with torch.autocast("cpu", torch.bfloat16):
        output = model(seen.composite, seen.mask)
    assert output.f_dec.dtype == torch.bfloat16
    assert {output.look.grade.dtype, output.look.map.dtype, output.harmonized.dtype} == {torch.float32}


@torch.no_grad()
def test_a_place_asks_the_background_alone_and_its_heads_look_less_and_less_far():
    ask = BackgroundAttention(16)
    init_weights(ask, seed=1, std=0.3)
    ask.reset()
    features, mask = torch.randn(1, 16, 8, 8, generator=torch.Generator().manual_seed(3)), torch.zeros(1, 1, 64, 64)
    mask[..., 16:48, 16:48] = 1
    grey = torch.full((1, 3, 64, 64), 0.5)
    found = ask(features, grey, mask)
    torch.testing.assert_close(ask(features, torch.where(mask > 0, 0.9, grey), mask), found)
    assert (ask(features, torch.where(mask > 0, grey, 0.9), mask) - found).abs().max() > 0.1
    corner = grey.clone()
    corner[..., :8, :8] = 0.9
    ask.query.weight.zero_(), ask.key.weight.zero_()
    ask.out.weight.copy_(torch.eye(16)[:, :, None, None]), ask.out.bias.zero_()
    moved = (ask(features, corner, mask) - ask(features, grey, mask)).abs()[0].unflatten(0, (4, 4)).sum(1)
    reach = moved[:, 7, 7] / moved[:, 0, 0]  # how much of what the corner itself sees the opposite one does
    assert reach[0] == pytest.approx(1.0, abs=1e-3)
    assert all(far < 0.5 * near for near, far in itertools.pairwise(reach))


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


def test_harmonious_pictures_are_among_the_samples_however_a_batch_is_cut(model):
    some = replace(BARE, look=LookLossConfig(identity_share=0.5))
    objective = objective_for(CharmNetHrConfig(), model, some)
    whole = batch()

    def result(part: Batch) -> tuple[torch.Tensor, torch.Tensor]:
        outputs = objective({"rendered": part})
        return outputs["rendered"].harmonized, objective.generator_losses(outputs, {"rendered": part})[
            "identity_rendered"
        ]

    with torch.no_grad():
        pictures, term = result(whole)
        expected = model(torch.stack([whole.composite[0], whole.real[1]]), whole.mask, "rendered").harmonized
        torch.testing.assert_close(pictures, expected, rtol=0, atol=1e-4)
        parts = [result(Batch(*(getattr(whole, f.name)[n : n + 1] for f in fields(Batch))))[1] for n in range(2)]
    assert parts[0] == 0
    assert parts[1] > 0.01
    torch.testing.assert_close(torch.stack(parts).mean(), term, rtol=1e-3, atol=1e-6)


def test_samples_have_chances_of_their_own():
    together = chances(7, [(epoch, index) for epoch in range(4) for index in range(50)])
    np.testing.assert_array_equal(chances(7, [(1, 3)]), together[53:54])
    assert len(set(together)) > 190
    assert 0.05 < (together < 0.125).mean() < 0.2


@torch.no_grad()
def test_each_term_of_the_objective_is_what_its_page_says(model):
    weights = LossConfig(
        adversarial=0.3, style=0.2, style_photographic=0.4, entropy=0.7, look=LookLossConfig(identity_share=0.4)
    )
    objective = objective_for(CharmNetHrConfig(), model, weights)
    init_weights(objective.discriminator, seed=8, std=0.2)
    batches = {"rendered": batch(), "photographic": replace(batch(), chance=torch.ones(2))}
    outputs = objective(batches)
    found = objective.generator_losses(outputs, batches)
    deviation = torch.tensor([0.229, 0.224, 0.225])[:, None, None]

    def fn_mse(picture: torch.Tensor, seen: Batch) -> torch.Tensor:
        return (((picture - seen.real) / deviation) ** 2).sum((1, 2, 3)).div(3 * seen.mask.sum((1, 2, 3))).mean()

    def small(features: torch.Tensor) -> torch.Tensor:
        level = (features - features.mean(1, keepdim=True)) / (
            features.var(1, keepdim=True, correction=0) + 1e-5
        ).sqrt()
        return torch.nn.functional.adaptive_avg_pool2d(level, 16)

    expected = {}
    for domain, seen in batches.items():
        output = outputs[domain]
        expected[f"fn_mse_{domain}"] = fn_mse(output.harmonized, seen)
        expected[f"grade_{domain}"] = fn_mse(output.graded, seen)
        expected[f"smoothness_{domain}"] = sobel(output.look.map).mean()
    rendered, photographic = (outputs[domain] for domain in ("rendered", "photographic"))
    first = batches["rendered"]
    change = (rendered.harmonized[1] - first.real[1]).abs().mean() / first.mask[1].mean()
    expected |= {"identity_rendered": change / 2, "identity_photographic": torch.zeros(())}
    expected["adversarial"] = -objective.discriminator(small(rendered.f_enc)).mean()
    before, before_photo = (objective.classifier_enc(small(o.f_enc)) for o in (rendered, photographic))
    after, after_photo = (objective.classifier_dec(small(o.f_dec)) for o in (rendered, photographic))
    labels = torch.stack([torch.full((10,), 0.1), torch.eye(10)[1]])  # the other's composite is its real picture
    entropies = [-(p.exp() * p).sum(1).mean() for p in (before_photo, after_photo)]
    expected |= {
        "style_rendered_before": -(labels * before).sum(1).mean(),
        "style_rendered_after": -(after[0, 0] + after[1, 1]) / 2,
        "style_photographic_agreement": -(before_photo.exp() * after_photo).sum(1).mean(),
        "style_photographic_margin": (weights.entropy_margin + entropies[1] - entropies[0]).clamp_min(0),
    }
    assert {*expected, "total"} == set(found)
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, rtol=1e-3, atol=1e-5, msg=name)
    share = {"fn_mse": 10.0, "grade": 5.0, "smoothness": 0.1, "identity": 1.0, "adversarial": 0.3}
    share |= {"style_rendered": 0.2, "style_photographic_agreement": 0.4, "style_photographic_margin": 0.7}
    total = sum(value * next(w for k, w in share.items() if name.startswith(k)) for name, value in expected.items())
    torch.testing.assert_close(found["total"], total, rtol=1e-3, atol=1e-4)
