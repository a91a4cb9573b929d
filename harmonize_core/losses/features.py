# SPDX-License-Identifier: Apache-2.0
"""Losses on features: perceptual and style contrastive (VGG), patch contrastive (an encoder's own)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import torch
from torch import Tensor
from torch.nn import functional

from harmonize_core.losses.float32 import in_float32
from harmonize_core.losses.vgg import Vgg

PIX2PIXHD_LAYERS: Mapping[str, float] = MappingProxyType(
    {"relu1_1": 1 / 32, "relu2_1": 1 / 16, "relu3_1": 1 / 8, "relu4_1": 1 / 4, "relu5_1": 1.0}
)
"""Layers of VGG19 and their weights in NVIDIA/pix2pixHD (`models/networks.py`, VGGLoss)."""

CRN_LAYERS: Mapping[str, float] = MappingProxyType(
    {"relu1_2": 1 / 2.6, "relu2_2": 1 / 4.8, "relu3_2": 1 / 3.7, "relu4_2": 1 / 5.6, "relu5_2": 10 / 1.5}
)
"""Layers of VGG19 and their weights in CQFIO/PhotographicImageSynthesis (`demo_1024p.py`)."""

STYLE_LAYER = "relu4_3"
"""Layer of VGG16 that `style_contrastive` compares in PCT-Net (`features[:23]`)."""


def perceptual(network: Vgg, harmonized: Tensor, real: Tensor, layers: Mapping[str, float]) -> Tensor:
    """sum_l weight_l * mean |phi_l(harmonized) - phi_l(real)|.

    Args:
        network: from `perceptual_network`.
        harmonized: (B, 3, H, W) sRGB in [0, 1].
        real: same shape; its features are detached.
        layers: weights by layer, as `PIX2PIXHD_LAYERS`.

    Source: Chen & Koltun, "Photographic Image Synthesis with Cascaded Refinement Networks", ICCV 2017, equation 1;
    Wang et al. (pix2pixHD), CVPR 2018. Changed: torchvision's VGG (max pooling, normalised input) for both.
    """
    names = list(layers)
    mine = network(harmonized, names)
    with torch.no_grad():
        theirs = network(real, names)
    terms = [layers[name] * functional.l1_loss(m, t) for name, m, t in zip(names, mine, theirs, strict=True)]
    return torch.stack(terms).sum()


def domain_invariant(network: Vgg, translated: Tensor, source: Tensor, *, layer: str = "relu5_3") -> Tensor:
    """mean (N(phi(translated)) - N(phi(source)))^2, N = instance norm: what is shown stays, how it looks may change.

    Args:
        network: from `perceptual_network`.
        translated: (B, 3, H, W) sRGB in [0, 1], sides of at least 32 pixels.
        source: same shape; its features are detached.
        layer: the deeper, the less of the appearance it sees.

    Source: Huang et al., "Multimodal Unsupervised Image-to-Image Translation" (MUNIT), ECCV 2018, section 5.1;
    mingyuliutw/UNIT, `trainer.py`, weight 1. Changed: torchvision's VGG.
    """
    (mine,) = network(translated, [layer])
    with torch.no_grad():
        (theirs,) = network(source, [layer])
    return functional.mse_loss(functional.instance_norm(mine), functional.instance_norm(theirs))


@in_float32
def style_contrastive(
    foreground: Tensor, positive: Tensor, negatives: Sequence[Tensor], background: Tensor, *, eps: float = 1e-8
) -> Tensor:
    """d(f, f+) / (d(f, f+) + sum_k d(f, f-_k)) + the same of the correlations c = G(f, b), batch mean.

    d is the mean absolute difference per sample; G(f, b) = f b^T / (h w), (C, C), relates a foreground style f to the
    real background's b. 0 when the harmonized foreground has the style of the real one.

    Args:
        foreground: (B, C, h, w) features of harmonized * mask.
        positive: of real * mask.
        negatives: K >= 1 of other appearances of the same foreground (the composite's among them) * mask.
        background: of real * (1 - mask).
        eps: guards 0 / 0.

    Source: Hang et al., "SCS-Co: Self-Consistent Style Contrastive Learning for Image Harmonization", CVPR 2022; with
    weight 0.01 in PCT-Net (Guerreiro et al., CVPR 2023; rakutentech/PCT-Net-Image-Harmonization 1572176,
    `iharm/model/losses.py`). Changed: per sample instead of over the batch; negatives keep their gradient in the
    denominator; correlations of channels, where that code multiplies positions.
    """

    def ratio(anchor: Tensor, same: Tensor, others: Sequence[Tensor]) -> Tensor:
        near = (anchor - same).abs().flatten(1).mean(dim=1)
        far = torch.stack([(anchor - other).abs().flatten(1).mean(dim=1) for other in others]).sum(dim=0)
        return near / (near + far + eps)

    def correlation(style: Tensor) -> Tensor:
        return style.flatten(2) @ background.flatten(2).transpose(1, 2) / style[0, 0].numel()

    of_style = ratio(foreground, positive, negatives)
    of_both = ratio(correlation(foreground), correlation(positive), [correlation(n) for n in negatives])
    return (of_style + of_both).mean()


@in_float32
def patch_nce(query: Tensor, key: Tensor, *, temperature: float = 0.07) -> Tensor:
    """mean_{b,s} -log( exp(q_s . k_s / t) / sum_r exp(q_s . k_r / t) ): a patch resembles its own source patch most.

    Args:
        query: (B, S, C) unit vectors of S patches of the translated image.
        key: (B, S, C) unit vectors of the same places of the source; detached here. Negatives are the S - 1 others of
            the same image.
        temperature: t.

    Source: Park et al., "Contrastive Learning for Unpaired Image-to-Image Translation", ECCV 2020, equation 3
    (taesungp/contrastive-unpaired-translation, `models/patchnce.py`).
    """
    logits = query @ key.detach().transpose(1, 2) / temperature
    targets = torch.arange(logits.shape[1], device=logits.device).expand(logits.shape[0], -1)
    return functional.cross_entropy(logits.flatten(0, 1), targets.flatten())
