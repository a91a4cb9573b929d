# SPDX-License-Identifier: Apache-2.0
"""fMSE on the held-out triplets during training, at the network's size, beside the composite's own.

Each domain is measured with its own branch; rendered triplets also with the photographic one, as
`fmse_rendered_photographic_branch`: how far the knowledge of one domain carries over to the other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from harmonize_core.data.dataset import Batch, Movable, SampleSource, in_advance
from harmonize_core.formats.triplet import Domain
from harmonize_core.models import HarmonizationModel
from harmonize_core.train.samples import Seen

BATCH = 8


def validate(
    model: HarmonizationModel,
    held_out: Mapping[Domain, SampleSource[Movable]],
    device: torch.device,
    *,
    has_domains: bool,
    workers: int = 1,
    watch: Callable[[Seen], None] | None = None,
) -> dict[str, float]:
    """Mean fMSE (0..255 scale) by name; the model is left in training mode.

    `has_domains`: the model has parts of its own per domain; `workers`: threads that read ahead; `watch` is
    shown each batch with its results.
    """
    means: dict[str, float] = {}
    model.eval()
    with torch.inference_mode():
        for domain, dataset in held_out.items():
            for name, values in _by_result(model, domain, dataset, device, has_domains, workers, watch).items():
                means[f"fmse_{name}"] = sum(values) / len(values)
    model.train()
    return means


def _by_result(
    model: HarmonizationModel,
    domain: Domain,
    dataset: SampleSource[Movable],
    device: torch.device,
    has_domains: bool,
    workers: int,
    watch: Callable[[Seen], None] | None,
) -> dict[str, list[float]]:
    """fMSE of every triplet that can be read, by name of what is compared with the real picture."""

    def read(number: int) -> tuple[Movable, list[int]]:
        indices = range(BATCH * number, min(BATCH * (number + 1), len(dataset)))
        batch = dataset.batch([(0, i) for i in indices])
        return batch, [row for row, i in enumerate(indices) if i not in dataset.skipped]  # others stand in for those

    found: dict[str, list[float]] = {}
    for number, (batch, own) in enumerate(in_advance(read, 0, -(-len(dataset) // BATCH), workers=workers)):
        batch = batch.to(device)
        results = {domain: _harmonize(model, batch, domain), f"{domain}_composite": batch.composite}
        if domain == "rendered" and has_domains:
            results["rendered_photographic_branch"] = _harmonize(model, batch, "photographic")
        values = {name: fmse(image, batch.real, batch.mask)[own].tolist() for name, image in results.items()}
        for name, part in values.items():
            found.setdefault(name, []).extend(part)
        if watch:
            indices = [BATCH * number + row for row in own]
            watch(Seen(domain, indices, own, batch, results[domain], values[domain], values[f"{domain}_composite"]))
    return found


def fmse(image: Tensor, real: Tensor, mask: Tensor) -> Tensor:
    """Foreground MSE of each image (B,) on the 0..255 scale: sum m e^2 / (3 sum m); images (B, 3, H, W) in [0, 1]."""
    error = 255.0**2 * (mask * (image - real).square()).sum(dim=(1, 2, 3))
    return error / (3 * mask.sum(dim=(1, 2, 3))).clamp_min(1e-6)


def _harmonize(model: HarmonizationModel, batch: Batch, domain: Domain) -> Tensor:
    return model(batch.composite, batch.mask, domain).harmonized.clamp(0, 1)
