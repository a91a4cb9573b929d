# SPDX-License-Identifier: Apache-2.0
"""What DoveNet and RainNet minimise: L1, an adversarial term, and domain verification.

Cong et al. (CVPR 2020), as in bcmi/Image-Harmonization-Dataset-iHarmony4 0bdb51d, `DoveNet/models/dovenet_model.py`
with the documented `--gan_mode wgangp`, a hinge loss with a gradient penalty. Pictures are compared in [-1, 1].
Changed: the real picture is not scored again in the generator's step, where nothing comes of it.
"""

from __future__ import annotations

import abc
from dataclasses import dataclass

import torch
from torch import Tensor

from harmonize_core import losses
from harmonize_core.models import HarmonizationModel, Output
from harmonize_core.models.discriminators import NormName, VerificationDiscriminator
from harmonize_core.train.objectives._base import Batches, Objective, Terms, fused


@dataclass(frozen=True)
class VerificationWeights:
    """Weights of both released recipes."""

    l1: float = 100.0
    adversarial: float = 1.0
    """Of the whole picture's score."""
    verification: float = 1.0
    """Of the score of how foreground and background fit."""
    gradient_penalty: float = 10.0


class VerifiedObjective(Objective, abc.ABC):
    """A generator against a critic that also sees where the foreground is; both domains in one batch."""

    weights = VerificationWeights()

    def __init__(self, model: HarmonizationModel, norm: NormName) -> None:
        super().__init__(model)
        self.discriminator = VerificationDiscriminator(norm)

    def critics(self) -> tuple[VerificationDiscriminator]:
        return (self.discriminator,)

    @abc.abstractmethod
    def forward(self, batches: Batches) -> Output: ...

    def critic_losses(self, outputs: Output, batches: Batches) -> Terms:
        batch, weights = fused(batches), self.weights
        harmonized, real = _signed(outputs.harmonized.detach()), _signed(batch.real)
        verdicts = [self.discriminator(image, batch.mask) for image in (harmonized, real)]
        image = losses.hinge_d(*(v.image.float() for v in verdicts))
        verification = losses.verification_d(*(v.similarity.float() for v in verdicts))
        penalty = losses.gradient_penalty(
            lambda between: self.discriminator(between, batch.mask).mean.float(),
            harmonized,
            real,
            torch.rand(len(real), device=real.device),
            weight=weights.gradient_penalty,
        )
        return {
            "total": image + verification + penalty,
            "image_d": image,
            "verification_d": verification,
            "gradient_penalty": penalty,
        }

    def generator_losses(self, outputs: Output, batches: Batches) -> Terms:
        batch, weights = fused(batches), self.weights
        harmonized = _signed(outputs.harmonized)
        verdict = self.discriminator(harmonized, batch.mask)
        adversarial = losses.hinge_adv(verdict.image.float())
        verification = losses.verification_adv(verdict.similarity.float())
        error = losses.l1(harmonized, _signed(batch.real))
        total = weights.l1 * error + weights.adversarial * adversarial + weights.verification * verification
        return {"total": total, "l1": error, "adversarial": adversarial, "verification": verification}


def _signed(image: Tensor) -> Tensor:
    """sRGB in [0, 1] to [-1, 1], float32."""
    return 2.0 * image.float() - 1.0
