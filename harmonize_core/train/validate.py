# SPDX-License-Identifier: Apache-2.0
"""fMSE on the held-out triplets during training, at the network's size, beside the composite's own.

Each domain is measured with its own branch; rendered triplets also with the photographic one, as
`fmse_rendered_photographic_branch`: how far the knowledge of one domain carries over to the other.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from harmonize_core.data.dataset import Batch, TripletDataset
from harmonize_core.formats.triplet import Domain
from harmonize_core.models import HarmonizationModel

BATCH = 8


def validate(
    model: HarmonizationModel, held_out: Mapping[Domain, TripletDataset], device: torch.device, *, has_domains: bool
) -> dict[str, float]:
    """Mean fMSE (0..255 scale) by name; the model is left in training mode.

    `has_domains`: the model has parts of its own per domain.
    """
    sums: dict[str, float] = {}
    model.eval()
    with torch.inference_mode():
        for domain, dataset in held_out.items():
            for first in range(0, len(dataset), BATCH):
                indices = range(first, min(first + BATCH, len(dataset)))
                batch = dataset.batch([(0, i) for i in indices]).to(device)
                results = {domain: _harmonize(model, batch, domain), f"{domain}_composite": batch.composite}
                if domain == "rendered" and has_domains:
                    results["rendered_photographic_branch"] = _harmonize(model, batch, "photographic")
                for name, image in results.items():
                    total = fmse(image, batch.real, batch.mask).sum().item() / len(dataset)
                    sums[f"fmse_{name}"] = sums.get(f"fmse_{name}", 0.0) + total
    model.train()
    return sums


def fmse(image: Tensor, real: Tensor, mask: Tensor) -> Tensor:
    """Foreground MSE of each image (B,) on the 0..255 scale: sum m e^2 / (3 sum m); images (B, 3, H, W) in [0, 1]."""
    error = 255.0**2 * (mask * (image - real).square()).sum(dim=(1, 2, 3))
    return error / (3 * mask.sum(dim=(1, 2, 3))).clamp_min(1e-6)


def _harmonize(model: HarmonizationModel, batch: Batch, domain: Domain) -> Tensor:
    return model(batch.composite, batch.mask, domain).harmonized.clamp(0, 1)
