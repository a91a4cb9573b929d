# SPDX-License-Identifier: Apache-2.0
"""PCT-Net's recipe: foreground-normalised MSE at the picture's size, a smooth transform, and style contrast.

Guerreiro et al., CVPR 2023; rakutentech/PCT-Net-Image-Harmonization 1572176, `models/PCTNet_ViT.py` and
`iharm/model/losses.py`. Changed: both domains in one batch; the style term needs `--loss.vgg` (VGG16) and is left out
without it; its negatives beside the composite are real foregrounds recoloured to the mean and deviation of others of
the batch, where the released code matches histograms in Lab; pictures on the scale of torchvision's normalised VGG.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from harmonize_core import losses
from harmonize_core.data.dataset import Batch
from harmonize_core.losses.pixel import sobel
from harmonize_core.models import normalize
from harmonize_core.models.pctnet import PctNet, PctNetOutput
from harmonize_core.train.config import LossConfig
from harmonize_core.train.objectives._base import Batches, Objective, Terms, fused

NEGATIVES = 5
"""Other appearances of a foreground that the style term compares with, at most: the composite, then recoloured ones."""


@dataclass(frozen=True)
class PctNetWeights:
    """The published weights of the terms."""

    fn_mse: float = 1.0
    a_min: float = 1000.0
    """Pixels at full size; the run's `loss.a_min` is for networks that train at 256x256."""
    smoothness: float = 0.1
    style: float = 0.01


class PctNetObjective(Objective):
    """FN-MSE + 0.1 smoothness (+ 0.01 style contrast)."""

    model: PctNet
    weights = PctNetWeights()

    def __init__(self, model: PctNet, loss: LossConfig) -> None:
        super().__init__(model)
        self.vgg = losses.perceptual_network(loss.vgg) if loss.vgg else None

    def forward(self, batches: Batches) -> PctNetOutput:
        batch = fused(batches)
        return self.model(batch.composite, batch.mask)

    def generator_losses(self, outputs: PctNetOutput, batches: Batches) -> Terms:
        batch, harmonized = fused(batches), outputs.harmonized.float()
        pair = (harmonized, batch.real)
        if self.model.normalized:
            pair = (normalize(harmonized), normalize(batch.real))
        terms = {
            "fn_mse": losses.fn_mse(*pair, batch.mask, a_min=self.weights.a_min),
            "smoothness": sobel(outputs.parameters.float()).mean(),
        }
        if self.vgg:
            terms["style"] = self._style(harmonized, batch)
        total = torch.stack([getattr(self.weights, name) * value for name, value in terms.items()]).sum()
        return {"total": total, **terms}

    def _style(self, harmonized: Tensor, batch: Batch) -> Tensor:
        assert self.vgg is not None
        mask, real = batch.mask, batch.real
        others = [recolored(real, real.roll(shift, dims=0)) for shift in range(1, min(NEGATIVES, len(real)))]
        pictures = [real * mask, real * (1 - mask), *(x * mask for x in (batch.composite, *others))]
        (mine,) = self.vgg(harmonized * mask, [losses.STYLE_LAYER])
        with torch.no_grad():
            (theirs,) = self.vgg(torch.cat(pictures), [losses.STYLE_LAYER])
        positive, background, *negatives = theirs.chunk(len(pictures))
        return losses.style_contrastive(mine, positive, negatives, background)


def recolored(image: Tensor, like: Tensor) -> Tensor:
    """Each channel of `image` (B, C, H, W) with the mean and standard deviation of that of `like`, in [0, 1]."""
    std, mean = torch.std_mean(image, dim=(2, 3), keepdim=True)
    std_like, mean_like = torch.std_mean(like, dim=(2, 3), keepdim=True)
    return ((image - mean) / (std + 1e-6) * std_like + mean_like).clamp(0.0, 1.0)
