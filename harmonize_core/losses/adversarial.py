# SPDX-License-Identifier: Apache-2.0
"""Adversarial losses on critic scores of any shape: `negative` of harmonized (or rendered) inputs, `positive` of real
(or photographic) ones. `*_d` trains the critic on detached inputs, `*_adv` the generator; all are scalar means.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import functional


def hinge_d(negative: Tensor, positive: Tensor) -> Tensor:
    """mean relu(1 + negative) + mean relu(1 - positive).

    Source: Lim & Ye, "Geometric GAN", 2017; what CharmNet and DoveNet train with (their option is named wgangp).
    """
    return functional.relu(1.0 + negative).mean() + functional.relu(1.0 - positive).mean()


def hinge_adv(negative: Tensor) -> Tensor:
    """-mean negative: the generator of the hinge and the Wasserstein game wants its inputs to score high."""
    return -negative.mean()


def wgan_d(negative: Tensor, positive: Tensor) -> Tensor:
    """mean negative - mean positive; Arjovsky et al., ICML 2017. Its generator term is `hinge_adv`."""
    return negative.mean() - positive.mean()


def ls_d(negative: Tensor, positive: Tensor) -> Tensor:
    """mean negative^2 + mean (positive - 1)^2; Mao et al., "Least Squares GANs", ICCV 2017 (a = 0, b = 1), unhalved."""
    return negative.square().mean() + (positive - 1.0).square().mean()


def ls_adv(negative: Tensor) -> Tensor:
    """mean (negative - 1)^2; Mao et al., ICCV 2017 (c = 1), unhalved."""
    return (negative - 1.0).square().mean()


def logistic_d(negative: Tensor, positive: Tensor) -> Tensor:
    """mean softplus(negative) + mean softplus(-positive): cross-entropy on logits; Goodfellow et al., NeurIPS 2014."""
    return functional.softplus(negative).mean() + functional.softplus(-positive).mean()


def logistic_adv(negative: Tensor) -> Tensor:
    """mean softplus(-negative), the non-saturating generator loss; Goodfellow et al., NeurIPS 2014."""
    return functional.softplus(-negative).mean()


def gradient_penalty(
    critic: Callable[[Tensor], Tensor], harmonized: Tensor, real: Tensor, mix: Tensor, *, weight: float = 10.0
) -> Tensor:
    """weight * mean_b (||d sum critic(x_b) / d x_b||_2 - 1)^2 at x_b = mix_b real_b + (1 - mix_b) harmonized_b.

    Args:
        critic: images (B, 3, H, W) to scores of any shape; DoveNet's returns the mean of its two scores here.
        harmonized: (B, 3, H, W); detached.
        real: same shape; detached.
        mix: (B,) in [0, 1], uniform in the published recipe.
        weight: lambda.

    Source: Gulrajani et al., "Improved Training of Wasserstein GANs", NeurIPS 2017, equation 3; as in
    bcmi/Image-Harmonization-Dataset-iHarmony4 0bdb51d, `DoveNet/models/networks.py`. Changed: the norm is guarded at 0.
    """
    share = mix.reshape(-1, *[1] * (real.dim() - 1))
    between = (share * real.detach() + (1.0 - share) * harmonized.detach()).requires_grad_(True)
    with torch.enable_grad():
        (gradient,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
    norm = (gradient.flatten(1).square().sum(dim=1) + 1e-12).sqrt()
    return weight * (norm - 1.0).square().mean()


def domain_similarity(foreground: Tensor, background: Tensor) -> Tensor:
    """How alike two descriptors are: their inner product; (B, C, ...) twice to (B, 1, ...).

    Source: Cong et al., "DoveNet: Deep Image Harmonization via Domain Verification", CVPR 2020. The
    released discriminator puts 1x1 convolutions after the products instead of the sum.
    """
    return (foreground * background).sum(dim=1, keepdim=True)


def verification_d(harmonized: Tensor, real: Tensor) -> Tensor:
    """max(0, 1 + harmonized) + max(0, 1 - real), means: the foreground of a real image belongs to its background.

    Args:
        harmonized: similarity of fore- and background domain in harmonized (or composite) images, any shape.
        real: the same in real images.

    Source: Cong et al., DoveNet, CVPR 2020; the hinge of `hinge_d` on similarities.
    """
    return hinge_d(harmonized, real)


def verification_adv(harmonized: Tensor) -> Tensor:
    """-mean harmonized: the generator makes both domains alike; DoveNet, CVPR 2020."""
    return hinge_adv(harmonized)


def feature_matching(
    harmonized: Sequence[Sequence[Tensor]], real: Sequence[Sequence[Tensor]], *, layer_weight: float | None = None
) -> Tensor:
    """sum over critics k and layers i of mean |D_k^i(real) - D_k^i(harmonized)| * layer_weight / (number of critics).

    Args:
        harmonized: per critic its features, the scores left out.
        real: the same for real images; detached here.
        layer_weight: of each layer; None: 1 / (number of layers), the paper's 1/N_i. The released code has 4 / 4.

    Source: Wang et al., "High-Resolution Image Synthesis and Semantic Manipulation with Conditional GANs", CVPR 2018,
    equation 4. Changed: the mean over the critics, as in NVIDIA/pix2pixHD (`D_weights`).
    """
    terms = [
        functional.l1_loss(mine, theirs.detach()) * (1.0 / len(mine_k) if layer_weight is None else layer_weight)
        for mine_k, theirs_k in zip(harmonized, real, strict=True)
        for mine, theirs in zip(mine_k, theirs_k, strict=True)
    ]
    return torch.stack(terms).sum() / len(harmonized)
