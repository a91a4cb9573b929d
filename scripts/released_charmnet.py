# SPDX-License-Identifier: Apache-2.0
"""The work that the released CharmNet training does in a step, written anew, for `bench_train.py` to measure.

bcmi/Rendered-Image-Harmonization-Dataset-RdHarmony 9e38063, `CharmNet/train.py`, `models/dastyle_model.py`,
`data/rendered_dataset.py`, `data/real_dataset.py`, `options/*.py` (torch 1.10): two loaders of four processes each
decode composite, real and mask at full size for every sample (OpenCV), one random crop and flip, ImageNet
normalisation; generator with both branches, discriminator, two classifiers, all eager, float32, contiguous; both
domains forward, the discriminator's step, then everything else's, both with retained graphs; Adam parameter by
parameter, gradients set to zero instead of freed; losses read every 25 steps. Left out in its favour: pictures sent to
a visdom server every 50 steps. The layers are those of our CharmNet, which equals the released one
(`tests/golden/test_golden_charmnet.py`). Options add one of our measures each.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.data import Dataset

from harmonize_core.data.dataset import Batch
from harmonize_core.formats.triplet import TripletPaths
from harmonize_core.models import init_weights, normalize
from harmonize_core.models.charmnet import CharmNet, DomainDiscriminator, StyleClassifier

Sample = dict[str, Tensor]
"""comp, real (3, 256, 256) normalised, mask (1, 256, 256), soft (10,), hard ()."""

SIDE = 256
PRINT_EVERY = 25
"""Steps: its counter goes up by the batch of 8 and is looked at when a multiple of 100."""
MEAN, STD = torch.tensor((0.485, 0.456, 0.406))[:, None, None], torch.tensor((0.229, 0.224, 0.225))[:, None, None]


@dataclass(frozen=True)
class Measures:
    """What is done differently; nothing by default."""

    channels_last: bool = False
    fused: bool = False
    """One kernel for the optimizer; gradients are freed, graphs too."""
    bf16: bool = False


class ReleasedData(Dataset[Sample]):
    """Decodes three files for every sample."""

    def __init__(self, triplets: Sequence[TripletPaths]) -> None:
        self.triplets = list(triplets)

    def __len__(self) -> int:
        return len(self.triplets)

    def __getitem__(self, index: int) -> Sample:
        paths = self.triplets[index]
        composite, real = (cv2.cvtColor(_read(p), cv2.COLOR_BGR2RGB) for p in (paths.composite, paths.real))
        mask = (_read(paths.mask)[:, :, 0].astype(np.float32) / 255.0).astype(np.uint8)
        while True:
            top, left, height, width = _crop(*mask.shape)
            part = slice(top, top + height), slice(left, left + width)
            cut = [cv2.resize(image[part], (SIDE, SIDE)) for image in (composite, real, mask)]
            if cut[2].sum() > 1 or random.random() < 0.05:
                break
        if random.random() < 0.5:
            cut = [cv2.flip(image, 1) for image in cut]
        comp, real = ((torch.from_numpy(i).permute(2, 0, 1).contiguous().float() / 255 - MEAN) / STD for i in cut[:2])
        soft = torch.tensor(paths.style_soft or (0.0,) * 10)
        return {
            "comp": comp,
            "real": real,
            "mask": torch.from_numpy(cut[2].astype(np.float32))[None],
            "soft": soft,
            "hard": torch.tensor((paths.style_hard or 1) - 1),
        }


class ReleasedStep:
    """Networks, optimizers and one step."""

    def __init__(self, device: torch.device, measures: Measures) -> None:
        self.device, self.measures = device, measures
        self.generator = CharmNet()
        self.critic, self.before, self.after = DomainDiscriminator(), StyleClassifier(), StyleClassifier()
        networks: list[nn.Module] = [self.generator, self.critic, self.before, self.after]
        for seed, network in enumerate(networks):
            init_weights(network, seed)
            network.to(device).train()
            for parameter in network.parameters() if measures.channels_last else ():
                if parameter.ndim == 4:
                    parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
        rest = [p for network in (self.generator, self.before, self.after) for p in network.parameters()]
        kind: dict[str, Any] = {"fused": True} if measures.fused else {"foreach": False}
        self.optimizer_d = torch.optim.Adam(self.critic.parameters(), lr=1e-4, **kind)
        self.optimizer_g = torch.optim.Adam(rest, lr=1e-4, **kind)

    def __call__(self, rendered: Mapping[str, Tensor], photographic: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Losses by name."""
        batches = {"rendered": self._moved(rendered), "photographic": self._moved(photographic)}
        free = self.measures.fused
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.measures.bf16):
            out = {domain: self._forward(batch, domain) for domain, batch in batches.items()}
            self.critic.requires_grad_(True)
            scores = [self.critic(out[domain][0].detach()).float() for domain in batches]
            loss_d = torch.relu(1 + scores[0]).mean() + torch.relu(1 - scores[1]).mean()
        self.optimizer_d.zero_grad(set_to_none=free)
        loss_d.backward(retain_graph=not free)
        self.optimizer_d.step()
        self.critic.requires_grad_(False)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.measures.bf16):
            terms = self._losses(out, batches)
        self.optimizer_g.zero_grad(set_to_none=free)
        terms["loss"].backward(retain_graph=not free)
        self.optimizer_g.step()
        return {"loss_d": loss_d, **terms}

    def _forward(self, batch: Mapping[str, Tensor], domain: str) -> tuple[Tensor, Tensor, Tensor]:
        """Features before and after the core, and the harmonized image, normalised."""
        features = self.generator.encoders[domain](torch.cat([batch["comp"], batch["mask"]], 1))
        core = self.generator.core(features[-1])
        return features[-1], core, self.generator.decoders[domain](core, features, batch["comp"])[0]

    def _losses(self, out: dict[str, tuple], batches: Mapping[str, Mapping[str, Tensor]]) -> dict[str, Tensor]:
        (enc_r, dec_r, image_r), (enc_p, dec_p, image_p) = out["rendered"], out["photographic"]
        adversarial = -self.critic(enc_r).float().mean()
        before_r, after_r = _share(self.before, enc_r), _share(self.after, dec_r)
        before_p, after_p = _share(self.before, enc_p), _share(self.after, dec_p)
        style = _soft_cross_entropy(before_r, batches["rendered"]["soft"])
        style = style + nn.functional.nll_loss(after_r.log(), batches["rendered"]["hard"])
        agree = _soft_cross_entropy(after_p, before_p)
        drop = torch.relu(1.0 - _soft_cross_entropy(before_p, before_p) + _soft_cross_entropy(after_p, after_p))
        fn_r, fn_p = (_fn_mse(i.float(), batches[d]) for i, d in ((image_r, "rendered"), (image_p, "photographic")))
        loss = adversarial + 10 * fn_r + 10 * fn_p + style + 0.5 * agree + 0.5 * drop
        return {"loss": loss, "adversarial": adversarial, "fn_r": fn_r, "fn_p": fn_p, "style": style, "drop": drop}

    def _moved(self, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        layout = torch.channels_last if self.measures.channels_last else torch.contiguous_format
        moved = {name: value.to(self.device) for name, value in batch.items()}
        return {name: v.contiguous(memory_format=layout) if v.ndim == 4 else v for name, v in moved.items()}


def from_batch(batch: Batch) -> Sample:
    """A batch of our loader as this recipe takes it."""
    return {
        "comp": normalize(batch.composite),
        "real": normalize(batch.real),
        "mask": batch.mask,
        "soft": batch.style_soft,
        "hard": batch.style_hard.clamp_min(0),
    }


def _read(path: object) -> NDArray[np.uint8]:
    if not isinstance(path, Path):
        raise SystemExit(f"error: {path} lies in an archive; give a set of loose files, as the released loaders need")
    pixels = cv2.imread(str(path))
    if pixels is None:
        raise SystemExit(f"error: {path} cannot be read")
    return pixels.astype(np.uint8, copy=False)


def _crop(height: int, width: int) -> tuple[int, int, int, int]:
    """Half to all of the area at an aspect of 3:4 to 4:3; the whole where ten tries fail (albumentations 0.5)."""
    for _ in range(10):
        area = random.uniform(0.5, 1.0) * height * width
        aspect = math.exp(random.uniform(math.log(3 / 4), math.log(4 / 3)))
        w, h = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
        if 0 < w <= width and 0 < h <= height:
            return random.randint(0, height - h), random.randint(0, width - w), h, w
    return 0, 0, height, width


def _share(classifier: StyleClassifier, features: Tensor) -> Tensor:
    return classifier.net(features).float().squeeze().softmax(-1)


def _soft_cross_entropy(p: Tensor, q: Tensor) -> Tensor:
    return (q * -p.log()).sum(-1).mean()


def _fn_mse(image: Tensor, batch: Mapping[str, Tensor]) -> Tensor:
    area = batch["mask"].sum(dim=(1, 2, 3)).clamp_min(100.0)
    return ((image - batch["real"]).square().sum(dim=(1, 2, 3)) / (3 * area)).mean()
