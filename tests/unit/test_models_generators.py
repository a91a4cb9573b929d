# SPDX-License-Identifier: Apache-2.0
"""pix2pixHD, CRN and HiDT, and the translators UNIT, CycleGAN and CUT: published sizes, their parts, their recipes."""

import dataclasses

import pytest
import torch
from torch.nn import functional

from harmonize_core.data.dataset import Batch
from harmonize_core.models import ModelConfig, init_weights, lookup, parameter_count
from harmonize_core.models.blocks_resnet import PatchDiscriminator, ResnetGenerator, blur_half
from harmonize_core.models.blocks_translation import TranslatedHarmonizer
from harmonize_core.models.crn import CRNConfig
from harmonize_core.models.cut import CUTConfig, PatchHeads
from harmonize_core.models.cyclegan import CycleGANConfig
from harmonize_core.models.hidt import HiDT, HiDTConfig
from harmonize_core.models.pix2pixhd import Pix2PixHDConfig, discriminator
from harmonize_core.models.unit import UnitConfig, UnitTranslator
from harmonize_core.train.config import LossConfig
from harmonize_core.train.objectives import Objective, objective_for
from harmonize_core.train.objectives.translation import Translated

NARROW: dict[str, tuple[ModelConfig, int]] = {
    "pix2pixhd": (Pix2PixHDConfig(width=4, halvings=2, blocks=2, critic_width=4), 64),
    "crn": (CRNConfig(widths=(16, 16, 16, 8, 8)), 64),
    "hidt": (HiDTConfig(width=8, content_blocks=1, decoder_blocks=1), 64),
    "unit": (UnitConfig(width=2, blocks=1, critic_width=2, harmonizer_width=8), 256),
    "cyclegan": (CycleGANConfig(width=2, blocks=1, critic_width=2, harmonizer_width=8), 256),
    "cut": (CUTConfig(width=2, blocks=5, critic_width=2, patch_width=8, harmonizer_width=8), 256),
}
"""The same networks with few channels, and a size of picture that suits them."""

TRANSLATORS = ("cut", "cyclegan", "unit")


def batch(size: int, seed: int) -> Batch:
    generator = torch.Generator().manual_seed(seed)
    real = functional.interpolate(torch.rand(2, 3, 8, 8, generator=generator), (size, size), mode="bilinear")
    mask = torch.zeros(2, 1, size, size)
    mask[:, :, size // 4 : size // 2, size // 4 : 3 * size // 4] = 1
    composite = mask * (0.6 * real + 0.3) + (1 - mask) * real
    return Batch(composite, mask, real, torch.full((2, 10), 0.1), torch.tensor([1, 2]), torch.ones(2))


def objective_of(name: str, loss: LossConfig | None = None) -> tuple[Objective, dict]:
    config, size = NARROW[name]
    torch.manual_seed(0)
    objective = objective_for(config, config.build(), loss or LossConfig())
    for number, network in enumerate(objective.children()):
        init_weights(network, seed=number, std=0.1)
    return objective.train(), {"photographic": batch(size, 1), "rendered": batch(size, 2)}


def test_published_networks_have_their_published_sizes():
    # what the released code prints: pix2pixHD with 36 label channels, CycleGAN 11.378 M and 2.765 M, CUT's F 0.560 M
    assert parameter_count(ResnetGenerator(36, halvings=4)) == 182_546_755
    assert parameter_count(lookup("cyclegan").config.build().translator) == 11_378_179
    assert parameter_count(PatchDiscriminator()) == 2_764_737
    assert parameter_count(lookup("cut").config.build().translator) == 11_378_179
    assert parameter_count(PatchHeads(CUTConfig())) == 560_384


def test_the_cascade_has_the_sizes_of_the_released_graph():
    widths = {4: 1024, 8: 1024, 16: 1024, 32: 1024, 64: 1024, 128: 512, 256: 512, 512: 128, 1024: 32}
    labels, before, total = 20, 0, 32 * 3 + 3
    for width in widths.values():  # two bias-free 3x3 convolutions with a scale and a shift per channel
        total += 9 * (before + labels) * width + 9 * width * width + 4 * width
        before = width
    assert parameter_count(CRNConfig(channels=labels).build()) == total


def test_smooth_sampling_is_that_of_the_released_filters():
    x = torch.rand(1, 2, 8, 8)
    line = torch.tensor([1.0, 2.0, 1.0])
    kernel = (line[:, None] * line / 16).expand(2, 1, 3, 3)
    padded = torch.nn.ReflectionPad2d(1)(x)
    torch.testing.assert_close(blur_half(x), functional.conv2d(padded, kernel, groups=2)[:, :, ::2, ::2])
    line = torch.tensor([1.0, 3.0, 3.0, 1.0])
    kernel = (line[:, None] * line / 16).expand(2, 1, 4, 4)
    doubled = functional.conv_transpose2d(torch.nn.ReplicationPad2d(1)(x), kernel, stride=2, padding=2, groups=2)
    ours = functional.interpolate(x, scale_factor=2.0, mode="bilinear")
    torch.testing.assert_close(ours, doubled[:, :, 1:-1, 1:-1])


def test_cut_compares_the_released_layers():
    generator = ResnetGenerator(width=4, blocks=6, smooth=True)
    image = torch.rand(1, 3, 32, 32)
    shapes = [tuple(f.shape[1:]) for f in generator.features(image)]
    assert shapes == [(3, 38, 38), (8, 32, 32), (16, 16, 16), (16, 8, 8), (16, 8, 8)]
    assert torch.equal(generator.features(image)[0][:, :, 3:-3, 3:-3], image)


def test_pix2pixhd_judges_two_scales_by_five_layers():
    judged = discriminator(Pix2PixHDConfig(critic_width=4))(torch.rand(1, 7, 128, 128))
    assert [[tuple(f.shape[1:]) for f in scale] for scale in judged] == [
        [(4, 65, 65), (8, 33, 33), (16, 17, 17), (32, 18, 18), (1, 19, 19)],
        [(4, 33, 33), (8, 17, 17), (16, 9, 9), (32, 10, 10), (1, 11, 11)],
    ]


def test_hidt_looks_at_the_background_for_style_and_keeps_it():
    model = HiDT(HiDTConfig(width=8, content_blocks=1, decoder_blocks=1)).eval()
    sample = batch(64, 0)
    other = torch.where(sample.mask > 0, 1 - sample.composite, sample.composite)
    with torch.no_grad():
        first, second = (model(picture, sample.mask) for picture in (sample.composite, other))
    assert torch.equal(first.style, second.style)
    outside = (sample.mask == 0).expand_as(sample.composite)
    assert torch.equal(first.harmonized[outside], sample.composite[outside])
    assert not torch.equal(first.harmonized, second.harmonized)


def test_unit_decodes_what_the_other_domain_encoded():
    translator = UnitTranslator(4, 1).eval()
    image = torch.rand(1, 3, 32, 32)
    latent = translator.encoder(image)
    assert latent.shape == (1, 16, 8, 8)
    torch.testing.assert_close(translator(image), translator.decoder(latent))


@pytest.mark.parametrize("name", sorted(NARROW))
def test_every_recipe_lowers_what_it_measures(name):
    objective, batches = objective_of(name)
    optimizer = torch.optim.Adam(objective.generator_parameters(), lr=1e-2)
    critics = list(objective.critic_parameters())
    against = torch.optim.Adam(critics, lr=1e-4) if critics else None
    watched = {"pix2pixhd": "feature_matching", "crn": "picture", "hidt": "picture"}.get(name, "fn_mse")
    seen = []
    for _ in range(5 if name in TRANSLATORS else 12):
        outputs = objective(batches)
        if against:
            terms = objective.critic_losses(outputs, batches)
            assert terms is not None
            against.zero_grad()
            terms["total"].backward()
            against.step()
        terms = objective.generator_losses(outputs, batches)
        optimizer.zero_grad()
        terms["total"].backward()
        optimizer.step()
        seen.append({key: value.item() for key, value in terms.items()})
    assert seen[-1][watched] < 0.9 * seen[0][watched]
    assert [n for n, p in objective.named_parameters() if p.grad is None or not torch.isfinite(p.grad).all()] == []
    assert all(torch.isfinite(torch.tensor(list(values.values()))).all() for values in seen)


@pytest.mark.parametrize("name", TRANSLATORS)
def test_translated_triplets_stay_triplets_and_teach_the_harmonizer_alone(name):
    objective, batches = objective_of(name)
    outputs = objective(batches)
    assert isinstance(outputs, Translated)
    photographic, translated = outputs.batch, slice(2, None)
    assert torch.equal(photographic.composite[:2], batches["photographic"].composite)
    outside = (batches["rendered"].mask == 0).expand(-1, 3, -1, -1)
    composite, real = (getattr(outputs.batch, field)[translated] for field in ("composite", "real"))
    assert torch.equal(composite[outside], real[outside])
    assert not torch.equal(composite, real)
    terms = objective.generator_losses(outputs, batches)
    model = objective.model
    assert isinstance(model, TranslatedHarmonizer)
    given = torch.autograd.grad(terms["fn_mse"], list(model.translator.parameters()), allow_unused=True)
    assert all(gradient is None for gradient in given)


@pytest.mark.parametrize("name", TRANSLATORS)
def test_users_of_a_translation_need_the_harmonizer_alone(name):
    assert parameter_count(lookup(name).config.build().inference()) == 8_301_284
    config, size = NARROW[name]
    model, sample = config.build().eval(), batch(size, 0)
    for parameter in model.translator.parameters():
        parameter.data.fill_(float("nan"))
    with torch.no_grad():
        assert torch.isfinite(model.inference()(sample.composite, sample.mask)).all()


def test_a_vgg_adds_its_term_to_the_recipes_that_have_one(tmp_path):
    widths = [64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512, 512]
    places = [0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28]
    state, c_in = {}, 3
    generator = torch.Generator().manual_seed(0)
    for place, width in zip(places, widths, strict=True):
        kernel = torch.empty(width, c_in, 3, 3).normal_(0, (2 / 9 / c_in) ** 0.5, generator=generator)
        state |= {f"features.{place}.weight": kernel, f"features.{place}.bias": torch.zeros(width)}
        c_in = width
    torch.save(state, tmp_path / "vgg.pth")
    loss = dataclasses.replace(LossConfig(), vgg=tmp_path / "vgg.pth")
    for name in ("pix2pixhd", "crn"):
        objective, batches = objective_of(name, loss)
        terms = objective.generator_losses(objective(batches), batches)
        assert terms["perceptual"] > 0
        without = sum(weight * terms[key] for key, weight in _weights(name).items())
        added = {"pix2pixhd": 10.0, "crn": 1.0}[name] * terms["perceptual"]
        assert terms["total"].item() == pytest.approx((without + added).item(), rel=1e-5)


def _weights(name: str) -> dict[str, float]:
    return {"pix2pixhd": {"adversarial": 1.0, "feature_matching": 10.0}, "crn": {"picture": 1.0}}[name]
