# SPDX-License-Identifier: Apache-2.0
"""One CharmNet step: forward both domains, step the discriminator, step the generator with its style classifiers.

Order, detachments and weights as bcmi/Rendered-Image-Harmonization-Dataset-RdHarmony 9a647e8,
`models/dastyle_model.py`. Changed: mixed precision on CUDA, optional gradient clipping, losses in float32.
"""

from __future__ import annotations

import contextlib
from collections.abc import Generator
from typing import Any

import torch
from torch import Tensor, nn

from harmonize_core import losses
from harmonize_core.data.dataset import Batch
from harmonize_core.errors import ConfigError
from harmonize_core.models import init_weights, lookup, normalize
from harmonize_core.models.charmnet import CharmNetConfig, DomainDiscriminator, StyleClassifier
from harmonize_core.train.config import TrainConfig


class CharmNetTrainer:
    """The four networks, their two optimizers and the step; `state()` is what resuming needs beside the model."""

    def __init__(self, config: TrainConfig, device: torch.device) -> None:
        """Raises: ConfigError when the model is not a CharmNet."""
        architecture = lookup(config.model).config
        if not isinstance(architecture, CharmNetConfig):
            raise ConfigError(f"training on two domains needs a CharmNet but --model is {config.model!r}")
        model = architecture.build()
        self.config = config
        self.device = device
        width = 2 * architecture.base_channels
        self.model = model
        self.discriminator = DomainDiscriminator(width)
        self.classifier_enc = StyleClassifier(width)
        self.classifier_dec = StyleClassifier(width)
        for number, network in enumerate(self._networks().values()):
            bias = config.init.blend_bias if network is model else None
            init_weights(network, 10 * config.seed + number, std=config.init.std, blend_bias=bias)
            network.to(device).to(memory_format=torch.channels_last).train()  # ty: ignore[no-matching-overload]
        betas = (config.optim.beta1, config.optim.beta2)
        generator = [p for n in (model, self.classifier_enc, self.classifier_dec) for p in n.parameters()]
        self.optimizer_g = torch.optim.Adam(generator, lr=config.optim.lr, betas=betas, fused=True)
        self.optimizer_d = torch.optim.Adam(
            self.discriminator.parameters(), lr=config.optim.lr_discriminator, betas=betas, fused=True
        )
        self._amp_dtype = _amp_dtype(config, device)
        half = self._amp_dtype is torch.float16
        self.scaler_g = torch.amp.GradScaler(device.type, enabled=half)
        self.scaler_d = torch.amp.GradScaler(device.type, enabled=half)

    def step(self, rendered: Batch, photographic: Batch, rate: float) -> dict[str, Tensor]:
        """Train on one batch of each domain with the learning rates times `rate`; the losses by name, detached."""
        weights, optim = self.config.loss, self.config.optim
        _set_lr(self.optimizer_g, optim.lr * rate)
        _set_lr(self.optimizer_d, optim.lr_discriminator * rate)

        with self._autocast():
            out_r = self.model(_network_input(rendered), "rendered")
            out_p = self.model(_network_input(photographic), "photographic")

            score_r, score_p = self.discriminator(out_r.f_enc.detach()), self.discriminator(out_p.f_enc.detach())
        loss_d = losses.hinge_d(score_r.float(), score_p.float())
        self.optimizer_d.zero_grad()
        self.scaler_d.scale(loss_d).backward()
        self.scaler_d.step(self.optimizer_d)
        self.scaler_d.update()

        with self._autocast(), _frozen(self.discriminator):
            score = self.discriminator(out_r.f_enc)
            styles = [
                self.classifier_enc(out_r.f_enc),
                self.classifier_dec(out_r.f_dec),
                self.classifier_enc(out_p.f_enc),
                self.classifier_dec(out_p.f_dec),
            ]
        style = losses.style_aggregation(
            *(s.float() for s in styles),
            rendered.style_soft,
            rendered.style_hard,
            rendered_weight=weights.style,
            agreement_weight=weights.style_photographic,
            margin_weight=weights.entropy,
            margin=weights.entropy_margin,
        )
        fn_r = losses.fn_mse(out_r.harmonized.float(), normalize(rendered.real), rendered.mask, a_min=weights.a_min)
        fn_p = losses.fn_mse(
            out_p.harmonized.float(), normalize(photographic.real), photographic.mask, a_min=weights.a_min
        )
        loss = losses.charmnet_generator(
            score.float(),
            fn_r,
            fn_p,
            style,
            adversarial_weight=weights.adversarial,
            rendered_weight=weights.fn_mse,
            photographic_weight=weights.fn_mse,
        )
        self.optimizer_g.zero_grad()
        self.scaler_g.scale(loss.total).backward()
        if optim.clip_norm:
            self.scaler_g.unscale_(self.optimizer_g)
            nn.utils.clip_grad_norm_(self.optimizer_g.param_groups[0]["params"], optim.clip_norm)
        self.scaler_g.step(self.optimizer_g)
        self.scaler_g.update()
        return {
            "loss_g": loss.total.detach(),
            "loss_d": loss_d.detach(),
            "fn_mse_rendered": fn_r.detach(),
            "fn_mse_photographic": fn_p.detach(),
            "adversarial": loss.adversarial.detach(),
            "style_rendered_before": style.rendered_before.detach(),
            "style_rendered_after": style.rendered_after.detach(),
            "style_photographic_agreement": style.photographic_agreement.detach(),
            "style_photographic_margin": style.photographic_margin.detach(),
        }

    def state(self) -> dict[str, Any]:
        """Everything but the model's weights that the next step depends on."""
        networks = {n: net.state_dict() for n, net in self._networks().items() if net is not self.model}
        return {**networks, **{n: part.state_dict() for n, part in self._machinery().items()}}

    def load_state(self, state: dict[str, Any]) -> None:
        """Take back what `state` gave; the model's weights are loaded apart."""
        for name, network in self._networks().items():
            if network is not self.model:
                network.load_state_dict(state[name])
        for name, part in self._machinery().items():
            part.load_state_dict(state[name])

    def _networks(self) -> dict[str, nn.Module]:
        return {
            "model": self.model,
            "discriminator": self.discriminator,
            "classifier_enc": self.classifier_enc,
            "classifier_dec": self.classifier_dec,
        }

    def _machinery(self) -> dict[str, Any]:
        parts = {"optimizer_g": self.optimizer_g, "optimizer_d": self.optimizer_d}
        return {**parts, "scaler_g": self.scaler_g, "scaler_d": self.scaler_d}

    def _autocast(self) -> contextlib.AbstractContextManager[Any]:
        if self._amp_dtype is None:
            return contextlib.nullcontext()
        return torch.autocast(self.device.type, dtype=self._amp_dtype)


def _amp_dtype(config: TrainConfig, device: torch.device) -> torch.dtype | None:
    """bfloat16 where the device has it (no loss scaling needed), else float16; None on the CPU or without --amp."""
    if device.type != "cuda" or not config.amp:
        return None
    return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16


def _network_input(batch: Batch) -> Tensor:
    return torch.cat([normalize(batch.composite), batch.mask], dim=1).contiguous(memory_format=torch.channels_last)


def _set_lr(optimizer: torch.optim.Optimizer, lr: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = lr


@contextlib.contextmanager
def _frozen(network: nn.Module) -> Generator[None]:
    """Gradients pass through `network` but are not computed for its parameters."""
    network.requires_grad_(False)
    try:
        yield
    finally:
        network.requires_grad_(True)
