# SPDX-License-Identifier: Apache-2.0
"""What every registered model keeps: pictures in, pictures out, every parameter used; and CharmNet's sizes."""

import dataclasses

import pytest
import torch

from harmonize_core.errors import UnknownName
from harmonize_core.models import build, denormalize, init_weights, lookup, normalize, parameter_count, registered
from harmonize_core.models.charmnet import DOMAINS, CharmNetConfig, DomainDiscriminator, StyleClassifier


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


@pytest.mark.parametrize("name", sorted(registered()))
def test_inference_gives_pictures_and_depends_on_nothing_else(name, pictures):
    model = build(name)
    init_weights(model, seed=1)
    network = model.inference().eval()
    composite, mask = pictures
    with torch.no_grad():
        batch = network(composite, mask)
        alone = network(composite[1:], mask[1:])
    assert batch.shape == composite.shape
    assert batch.dtype == torch.float32
    assert batch.min() >= 0
    assert batch.max() <= 1
    torch.testing.assert_close(batch[1:], alone, rtol=1e-4, atol=1e-5)


def test_every_parameter_of_charmnet_gets_a_gradient(pictures):
    model = build("charmnet_256")
    init_weights(model, seed=1)
    composite, mask = pictures
    for domain in DOMAINS:
        out = model(composite, mask, domain)
        (out.harmonized.square().mean() + out.f_enc.square().mean() + out.f_dec.square().mean()).backward()
    without = [n for n, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    # a convolution's bias is cancelled by the batch norm after it; its gradient is rounding noise or nothing
    assert [n for n in without if not n.endswith("conv.bias")] == []


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
