# SPDX-License-Identifier: Apache-2.0
"""CharmNet's style terms and generator loss; class probabilities come in as log-probabilities (B, K).

Cao et al., BMVC 2022; bcmi/Rendered-Image-Harmonization-Dataset-RdHarmony 9a647e8, `models/dastyle_model.py`.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from harmonize_core.losses.adversarial import hinge_adv


def soft_cross_entropy(log_p: Tensor, q: Tensor) -> Tensor:
    """-sum_k q_k log p_k, batch mean: log-probabilities (B, K) against a target distribution (B, K)."""
    return -(q * log_p).sum(dim=1).mean()


def entropy(log_p: Tensor) -> Tensor:
    """Mean entropy in nats of distributions given as log-probabilities (B, K); ln K for uniform ones."""
    return soft_cross_entropy(log_p, log_p.exp())


def entropy_margin(log_p_before: Tensor, log_p_after: Tensor, *, margin: float = 1.0) -> Tensor:
    """max(0, margin - H(before) + H(after)): harmonizing should lower the style entropy by `margin` nats."""
    return functional.relu(margin - entropy(log_p_before) + entropy(log_p_after))


@dataclass(frozen=True)
class StyleLoss:
    """The four style terms and their weighted sum; all scalars."""

    rendered_before: Tensor
    """SCE of the rendered images' style before harmonization against the soft labels."""
    rendered_after: Tensor
    """Negative log-likelihood of the style after harmonization, which is the background's."""
    photographic_agreement: Tensor
    """SCE between the photographic images' styles after and before."""
    photographic_margin: Tensor
    """Entropy margin of the photographic images."""
    total: Tensor


def style_aggregation(
    log_p_enc_rendered: Tensor,
    log_p_dec_rendered: Tensor,
    log_p_enc_photographic: Tensor,
    log_p_dec_photographic: Tensor,
    soft_labels: Tensor,
    hard_labels: Tensor,
    *,
    rendered_weight: float = 1.0,
    agreement_weight: float = 0.5,
    margin_weight: float = 0.5,
    margin: float = 1.0,
) -> StyleLoss:
    """CharmNet's style loss.

    Args:
        log_p_enc_rendered: (B, 10) style of the rendered F_enc, before harmonization.
        log_p_dec_rendered: (B, 10) style of the rendered F_dec, after.
        log_p_enc_photographic: (B', 10) the same for photographs; not detached, as in the released code.
        log_p_dec_photographic: (B', 10).
        soft_labels: (B, 10) share of each style in the rendered composite; rows sum to 1.
        hard_labels: (B,) int64 style of the rendered ground truth, counted from 0.
        rendered_weight: of the two rendered terms.
        agreement_weight: of the photographic agreement.
        margin_weight: of the photographic entropy margin.
        margin: nats.
    """
    before = soft_cross_entropy(log_p_enc_rendered, soft_labels)
    after = functional.nll_loss(log_p_dec_rendered, hard_labels)
    agreement = soft_cross_entropy(log_p_dec_photographic, log_p_enc_photographic.exp())
    drop = entropy_margin(log_p_enc_photographic, log_p_dec_photographic, margin=margin)
    total = rendered_weight * (before + after) + agreement_weight * agreement + margin_weight * drop
    return StyleLoss(before, after, agreement, drop, total)


@dataclass(frozen=True)
class CharmNetLoss:
    """The generator's loss and its parts; all scalars."""

    adversarial: Tensor | None
    fn_mse_rendered: Tensor
    fn_mse_photographic: Tensor
    style: StyleLoss | None
    total: Tensor


def charmnet_generator(
    score_rendered: Tensor | None,
    fn_mse_rendered: Tensor,
    fn_mse_photographic: Tensor,
    style: StyleLoss | None,
    *,
    adversarial_weight: float = 1.0,
    rendered_weight: float = 10.0,
    photographic_weight: float = 10.0,
) -> CharmNetLoss:
    """L_G = L_adv + 10 FN_rendered + 10 FN_photographic + L_style.

    Args:
        score_rendered: (B, 1, 16, 16) discriminator scores of the rendered F_enc, not detached; None: no such term.
        fn_mse_rendered: scalar.
        fn_mse_photographic: scalar.
        style: from `style_aggregation`; None: no such term.
        adversarial_weight: of the adversarial term.
        rendered_weight: of the rendered FN-MSE.
        photographic_weight: of the photographic FN-MSE.
    """
    adversarial = None if score_rendered is None else hinge_adv(score_rendered)
    total = rendered_weight * fn_mse_rendered + photographic_weight * fn_mse_photographic
    if adversarial is not None:
        total = adversarial_weight * adversarial + total
    if style is not None:
        total = total + style.total
    return CharmNetLoss(adversarial, fn_mse_rendered, fn_mse_photographic, style, torch.as_tensor(total))
