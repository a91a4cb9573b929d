# SPDX-License-Identifier: Apache-2.0
"""What every registered network keeps, selected by what its entry declares."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from harmonize_core.checkpoint import load_model, save_model
from harmonize_core.data.dataset import Batch
from harmonize_core.errors import InputError
from harmonize_core.models import (
    HarmonizationModel,
    ModelConfig,
    ModelEntry,
    charmnet_hr,
    init_weights,
    lookup,
    parameter_count,
    registered,
)
from harmonize_core.models.cdtnet import CdtNetConfig
from harmonize_core.models.pctnet import PctNetConfig
from harmonize_core.train.config import LossConfig
from harmonize_core.train.objectives import objective_for

NAMES = sorted(registered())
SMALL = 64
"""Pixels; what the tests say does not depend on how large the pictures are."""
MANY = 20_000_000
"""Nor on how many channels there are: networks of more parameters, and those that need larger pictures, have an
eighth."""
SILENT = {"dht_256": ["model.light.layers.0.self_attention.value.weight"]}
"""What learns nothing, by mathematics: D-HT's light decoder starts at zeros, times which this weight is nothing."""
with torch.device("meta"):  # counting takes no weights, which would take their time in every process
    SHAPES = {name: lookup(name).config.build() for name in NAMES}
LEARNING = [name for name in NAMES if parameter_count(SHAPES[name])]


def pictures(size: tuple[int, int], seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Two smooth pictures and two masks, a box in the middle and one at the edge."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(2, 3, 8, 8, generator=generator)
    composite = torch.nn.functional.interpolate(coarse, size, mode="bilinear").clamp(0.02, 0.98)
    height, width = size
    mask = torch.zeros(2, 1, height, width)
    mask[0, :, height // 4 : 3 * height // 4, width // 3 : 2 * width // 3] = 1
    mask[1, :, height // 2 :, : width // 2] = 1
    return composite, mask


@pytest.fixture(scope="session")
def quick(narrow) -> Callable[[str], ModelConfig]:
    """A network's config, made cheap; CDTNet and PCT-Net look at a copy of a size of their own: a small one here."""

    def cheap(name: str) -> ModelConfig:
        config = lookup(name).config
        if isinstance(config, PctNetConfig):
            return config.at(SMALL)
        if isinstance(config, CdtNetConfig):
            return replace(config, base_size=SMALL)
        model = SHAPES[name]
        return narrow(config) if model.divisor > SMALL or parameter_count(model) > MANY else config

    return cheap


@pytest.fixture(scope="module", autouse=True)
def _small_copies():
    """CharmNet-HR does so, too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(charmnet_hr, "SIZE", SMALL)
        yield


@pytest.fixture(scope="module", params=NAMES)
def built(request, quick) -> tuple[ModelEntry, HarmonizationModel]:
    entry = replace(lookup(request.param), config=quick(request.param))
    model = entry.config.build()
    init_weights(model, seed=1, std=0.05)
    model.reset_special()
    return entry, model.eval()


def side(model: HarmonizationModel) -> int:
    """Of the smallest pictures that are not tiny."""
    return model.divisor * -(-SMALL // model.divisor)


@torch.no_grad()
def test_pictures_come_out_that_depend_on_their_own_input_alone(built):
    entry, model = built
    composite, mask = pictures((side(model),) * 2)
    network = model.inference()
    batch, alone = network(composite, mask), network(composite[1:], mask[1:])
    assert torch.equal(batch, network(composite, mask))
    assert batch.shape == composite.shape
    assert batch.dtype == composite.dtype
    assert batch.min() >= 0
    assert batch.max() <= 1
    torch.testing.assert_close(batch[1:], alone, rtol=1e-4, atol=2e-5)
    if "background" in entry.features:
        outside = (mask == 0).expand_as(composite)
        assert torch.equal(batch[outside], composite[outside])


@torch.no_grad()
@pytest.mark.parametrize("name", LEARNING)
def test_the_network_as_registered_takes_pictures_of_its_own_size(name):
    """Shapes alone; fake tensors go through autocast, which the device `meta` refuses."""
    entry = lookup(name)
    size = entry.input_spec.size
    with FakeTensorMode():
        output = entry.config.build().eval()(torch.empty(1, 3, size, size), torch.empty(1, 1, size, size))
    assert output.harmonized.shape == (1, 3, size, size)


@torch.no_grad()
def test_an_empty_mask_leaves_its_picture_as_it_is_and_a_full_one_gives_numbers(built):
    _, model = built
    composite, mask = pictures((side(model),) * 2)
    mask[0], mask[1] = 0, 1
    harmonized = model.inference()(composite, mask)
    assert torch.equal(harmonized[0], composite[0])
    assert torch.isfinite(harmonized).all()


def test_odd_sizes_work_or_are_refused_by_name(built):
    entry, model = built
    network = model.inference()
    size = entry.input_spec.size
    assert size % model.divisor == 0
    if model.divisor == 1:
        with torch.no_grad():
            composite, mask = pictures((97, 131))
            assert network(composite, mask).shape == composite.shape
    else:
        composite, mask = pictures((size, size + 1))
        with pytest.raises(InputError, match=f"multiples of {model.divisor} but found {size + 1}x"):
            network(composite, mask)


@torch.no_grad()
def test_saving_and_loading_keeps_every_bit(built, tmp_path):
    entry, model = built
    save_model(tmp_path / "model.safetensors", model, entry.name, config=entry.config)
    loaded = load_model(tmp_path / "model.safetensors").model.state_dict()
    assert all(torch.equal(value, loaded[key]) for key, value in model.state_dict().items())


@torch.no_grad()
@pytest.mark.parametrize("name", ["charmnet_256", "issam_256", "fmm_256", "pctnet_vit"])
def test_precision_follows_the_input(name, quick):
    model = quick(name).build().double().eval()
    composite, mask = (tensor.double() for tensor in pictures((side(model),) * 2))
    assert model.inference()(composite[:1], mask[:1]).dtype == torch.float64


@pytest.mark.parametrize("name", LEARNING)
def test_every_parameter_learns_from_its_objective(name, quick):
    config = quick(name)
    objective = objective_for(config, config.build(), LossConfig())
    for number, network in enumerate(objective.children()):
        init_weights(network, seed=number, std=0.05)
    objective.model.reset_special()
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():  # gates that begin at zero let nothing learn behind them in the first step
        for parameter in objective.parameters():
            parameter += 0.02 * torch.randn(parameter.shape, generator=generator)
    objective.train()
    size = side(objective.model)
    batches = {domain: _batch(size, seed) for seed, domain in enumerate(objective.needs or ("photographic",))}
    outputs = objective(batches)
    critics = objective.critic_losses(outputs, batches)
    if critics:
        critics["total"].backward()
    objective.generator_losses(outputs, batches)["total"].backward()
    gradients = {n: p.grad for n, p in objective.named_parameters() if p.requires_grad}
    assert [n for n, gradient in gradients.items() if gradient is None or not gradient.any()] == SILENT.get(name, [])
    assert [n for n, gradient in gradients.items() if gradient is not None and not gradient.isfinite().all()] == []


def _batch(size: int, seed: int) -> Batch:
    composite, mask = pictures((size, size), seed)
    soft = torch.full((2, 10), 0.1)
    return Batch(
        composite, mask, (0.8 * composite + 0.1).clamp(0, 1), soft, torch.tensor([1, 2]), torch.tensor([0.0, 0.9])
    )
