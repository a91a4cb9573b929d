# SPDX-License-Identifier: Apache-2.0
"""CharmNet: sizes, domains, initialisation; and the registry's names."""

import dataclasses

import pytest
import torch

from harmonize_core import cli
from harmonize_core.data.dataset import Batch
from harmonize_core.errors import ConfigError, UnknownName
from harmonize_core.models import (
    _registry,
    build,
    denormalize,
    init_weights,
    lookup,
    lookup_at,
    normalize,
    parameter_count,
)
from harmonize_core.models.charmnet import DOMAINS, CharmNetConfig, DomainDiscriminator, StyleClassifier
from harmonize_core.train.config import LossConfig
from harmonize_core.train.objectives.charmnet import CharmNetObjective


@pytest.fixture(scope="module")
def pictures() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    mask = torch.zeros(2, 1, 256, 256)
    mask[:, :, 60:200, 80:180] = 1
    return torch.rand(2, 3, 256, 256, generator=generator), mask


def test_charmnet_has_the_published_sizes():
    model = build("charmnet_256")
    assert parameter_count(model) == 9_257_544
    assert parameter_count(model.inference()) == 8_301_284
    assert parameter_count(DomainDiscriminator()) == 92_545
    assert parameter_count(StyleClassifier()) == 98_554
    assert parameter_count(model.core) == pytest.approx(7.345e6, rel=1e-3)
    for domain in DOMAINS:
        assert parameter_count(model.encoders[domain]) == pytest.approx(0.464e6, rel=2e-3)
        assert parameter_count(model.decoders[domain]) == pytest.approx(0.493e6, rel=2e-3)


def test_domains_have_private_levels_and_share_the_core(pictures):
    model = build("charmnet_256").eval()
    with torch.no_grad():
        rendered, photographic = (model(*pictures, d) for d in ("rendered", "photographic"))
    assert not torch.equal(rendered.f_enc, photographic.f_enc)
    assert rendered.f_enc.shape == rendered.f_dec.shape == (2, 128, 16, 16)
    assert rendered.attention.shape == (2, 1, 256, 256)


def test_initialisation_is_seeded_and_follows_the_recipe():
    models = [build("charmnet_256") for _ in range(3)]
    for model, seed in zip(models, (3, 3, 4), strict=True):
        init_weights(model, seed)
    first, same, other = (m.state_dict() for m in models)
    assert all(torch.equal(first[k], same[k]) for k in first)
    weights = first["core.down.1.conv.weight"]
    assert not torch.equal(weights, other["core.down.1.conv.weight"])
    assert weights.std().item() == pytest.approx(0.02, rel=0.02)
    assert first["core.down.1.norm.weight"].mean().item() == pytest.approx(1, abs=0.01)
    assert first["core.down.1.conv.bias"].abs().max() == 0


def test_blend_bias_starts_near_the_identity(pictures):
    model = build("charmnet_256")
    init_weights(model, seed=0, blend_bias=1.0)
    with torch.no_grad():
        harmonized = model.inference().eval()(*pictures)
    assert (harmonized - pictures[0]).abs().mean() < 0.02


@pytest.mark.parametrize(("name", "known", "side"), [("charmnet_256", 64, 128), ("charmnet_256_shared", 64, 256)])
def test_a_grown_network_has_all_that_the_smaller_one_learned(name, known, side):
    small, grown = (lookup_at(name, s).config.build() for s in (known, side))
    init_weights(small, seed=0, std=0.1)
    small(torch.rand(2, 3, known, known), torch.ones(2, 1, known, known), "rendered")  # statistics of its own
    assert grown.grow_from(small)
    for domain in DOMAINS:
        pairs = [*zip(small.levels(domain), grown.levels(domain), strict=False)]
        blocks = [both for pair in pairs for both in zip(*pair, strict=True)]
        for learned, own in [*blocks, (small.parts(domain)[1].head, grown.parts(domain)[1].head)]:
            torch.testing.assert_close(own.state_dict(), learned.state_dict(), rtol=0, atol=0)
    assert not small.grow_from(grown)
    assert not grown.grow_from(CharmNetConfig(8, private_levels=2).build())


def test_new_levels_of_a_grown_network_are_silent_at_first_but_can_learn(pictures):
    small, grown = (lookup_at("charmnet_256", side).config.build() for side in (64, 128))
    assert grown.grow_from(small)
    composite, mask = (p[:, :, ::2, ::2] for p in pictures)
    before = grown(composite, mask, "rendered").harmonized
    before.square().mean().backward()
    added = grown.core.up[0]  # the innermost level, which the smaller network lacks
    assert added.norm.weight.grad.abs().max() > 0
    with torch.no_grad():
        grown.core.down[-1].conv.weight.neg_()
        assert torch.equal(grown(composite, mask, "rendered").harmonized, before)


def test_normalisation_round_trips(pictures):
    torch.testing.assert_close(denormalize(normalize(pictures[0])), pictures[0])
    middle = torch.tensor([0.485, 0.456, 0.406])[None, :, None, None]
    assert normalize(middle).abs().max() < 1e-6


def test_unknown_names_suggest_and_list():
    with pytest.raises(UnknownName, match=r"no model is named 'charmnet_265'; did you mean 'charmnet_256'\?"):
        lookup("charmnet_265")


def test_a_classifier_takes_a_batch_of_one():
    log_p = StyleClassifier().eval()(torch.zeros(1, 128, 16, 16))
    assert log_p.shape == (1, 10)
    assert log_p.exp().sum().item() == pytest.approx(1, abs=1e-5)


def test_width_is_a_config_not_another_class():
    narrow = dataclasses.replace(CharmNetConfig(), base_channels=16).build()
    assert parameter_count(narrow) < 700_000
    out = narrow.eval()(torch.zeros(1, 3, 256, 256), torch.zeros(1, 1, 256, 256), "rendered")
    assert out.f_enc.shape == (1, 32, 16, 16)


@pytest.mark.parametrize(("side", "channels"), [(64, 64), (128, 128), (512, 256)])
def test_on_pictures_of_another_side_only_the_number_of_private_levels_differs(side, channels):
    entry = lookup_at("charmnet_256", side)
    assert (entry.input_spec.size, entry.input_spec.divisor) == (side, side)
    model = dataclasses.replace(entry.config, base_channels=64).build().eval()
    with torch.no_grad():
        out = model(torch.zeros(1, 3, side, side), torch.zeros(1, 1, side, side), "rendered")
    assert out.harmonized.shape == (1, 3, side, side)
    assert out.f_enc.shape == out.f_dec.shape == (1, channels, 16, 16)
    assert StyleClassifier(channels).eval()(out.f_enc).shape == (1, 10)
    rival = lookup_at("idih_256", side).config.build()
    assert parameter_count(model.inference("rendered")) == parameter_count(rival)


def test_a_side_that_a_network_cannot_be_built_for_is_refused():
    with pytest.raises(ConfigError, match=r"charmnet_256 takes pictures of 64 or 128 or 256 or 512 px but .* 96;"):
        lookup_at("charmnet_256", 96)
    with pytest.raises(ConfigError, match=r"rainnet_256 takes pictures of 256 px but was asked for 64"):
        lookup_at("rainnet_256", 64)
    assert lookup_at("charmnet_hr", 64) == lookup("charmnet_hr")  # it takes any size as it is


def test_the_list_of_networks_says_which_are_built_for_other_sides(capsys, monkeypatch):
    monkeypatch.setattr(_registry, "_entries", {n: lookup(n) for n in ("charmnet_256", "charmnet_hr", "composite")})
    assert cli.main(["models"]) == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if " px" in line]
    assert "; 256 px, built for 64 128 512 px too (--data.side);" in lines[0]
    assert [line for line in lines if "built for" in line] == lines[:1]


def test_without_private_levels_both_domains_share_a_network_of_idihs_size(pictures):
    model = dataclasses.replace(CharmNetConfig(base_channels=16), private=False).build().eval()
    with torch.no_grad():
        rendered, photographic = (model(*pictures, d).harmonized for d in DOMAINS)
    assert torch.equal(rendered, photographic)
    shared = build("charmnet_256_shared")
    assert parameter_count(shared) == parameter_count(shared.inference()) == 8_301_284


@pytest.mark.parametrize("without", [{"adversarial": 0.0}, {"style": 0.0, "style_photographic": 0.0, "entropy": 0.0}])
def test_a_part_whose_weights_are_zero_is_absent_and_the_others_are_what_they_were(without, pictures):
    config = CharmNetConfig(base_channels=8)
    whole, part = (CharmNetObjective(config.build(), LossConfig(**weights)) for weights in ({}, without))
    part.load_state_dict({k: v for k, v in whole.state_dict().items() if k in part.state_dict()})
    soft = torch.full((2, 10), 0.1)
    batch = Batch(pictures[0], pictures[1], 0.5 * pictures[0], soft, torch.tensor([1, 2]), torch.ones(2))
    batches = {domain: batch for domain in part.needs}
    expected, found = (o.generator_losses(o(batches), batches) for o in (whole, part))
    gone = "adversarial" if "adversarial" in without else "style"
    assert found.keys() == {name for name in expected if not name.startswith(gone)}
    for name in found.keys() - {"total"}:
        torch.testing.assert_close(found[name], expected[name])
    found["total"].backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in part.generator_parameters())
    has_critic = gone != "adversarial"
    assert bool(part.critics()) == has_critic
    assert (part.critic_losses(part(batches), batches) is not None) == has_critic
    assert any("classifier" in name for name, _ in part.named_parameters()) != (gone == "style")
