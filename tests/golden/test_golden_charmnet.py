# SPDX-License-Identifier: Apache-2.0
"""CharmNet equals the authors' released code: features, images, discriminator, classifiers, losses and gradients."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from harmonize_core import losses
from harmonize_core.models import build, normalize
from harmonize_core.models.charmnet import DomainDiscriminator, StyleClassifier, remap_official

HERE = Path(__file__).parent
DOMAINS = {"render": "rendered", "real": "photographic"}


def load_fill():
    spec = importlib.util.spec_from_file_location("parity_fill", HERE / "parity_fill.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def golden() -> dict[str, np.ndarray]:
    return dict(np.load(HERE / "parity/charmnet_256.npz"))


@pytest.fixture(scope="module")
def networks():
    """Generator, discriminator and both classifiers, filled by the rule, in eval mode."""
    fill = load_fill()
    described = json.loads((HERE / "parity/charmnet_256.json").read_text())["networks"]
    built = {"G": build("charmnet_256"), "D": DomainDiscriminator(), "SC1": StyleClassifier(), "SC2": StyleClassifier()}
    for name, network in built.items():
        weights = fill.filled(described[name]["entries"], f"{name}.")
        assert fill.digest(weights) == described[name]["filled_sha256"]
        state = {key: torch.from_numpy(v) for key, v in weights.items()}
        result = network.load_state_dict(remap_official(state) if name == "G" else state, strict=False)
        assert result.unexpected_keys == []
        assert all(key.endswith("num_batches_tracked") for key in result.missing_keys)
        assert sum(p.numel() for p in network.parameters()) == described[name]["parameters"]
        network.eval()
    return built


@pytest.fixture(scope="module")
def batches() -> dict[str, dict[str, torch.Tensor]]:
    """Per domain a batch of two: the stored item and its mirror image."""
    stored = np.load(HERE / "parity/inputs.npz")

    def batch(name: str, scale: float) -> torch.Tensor:
        item = torch.from_numpy(stored[name].astype(np.float32) / scale)
        return torch.cat([item, item.flip(3)])

    return {
        domain: {
            "composite": batch(f"{p}composite", 255),
            "mask": batch(f"{p}mask", 1),
            "real": normalize(batch(f"{p}target", 255)),
        }
        for domain, p in (("render", ""), ("real", "real_"))
    }


@pytest.fixture(scope="module")
def forward(networks, batches):
    return {short: networks["G"](b["composite"], b["mask"], DOMAINS[short]) for short, b in batches.items()}


def assert_equal(found: torch.Tensor, expected: np.ndarray) -> None:
    np.testing.assert_allclose(found.detach().numpy(), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("short", ["render", "real"])
def test_images_and_features_equal_the_official_ones(short, forward, golden):
    out = forward[short]
    assert_equal(normalize(out.harmonized[:1]), golden[f"{short}_image"])
    for name, tensor in (("F_enc", out.f_enc), ("F_dec", out.f_dec), ("attention_map", out.attention)):
        first = tensor[:1]
        height, width = first.shape[2:]
        rows, columns = slice(height // 2 - 8, height // 2 + 8), slice(width // 2 - 8, width // 2 + 8)
        assert_equal(first[:, :16, :16, :16], golden[f"{short}_{name}__corner"])
        assert_equal(first[:, :16, rows, columns], golden[f"{short}_{name}__centre"])
        assert_equal(first.mean(dim=(0, 2, 3)), golden[f"{short}_{name}__mean"])
        assert_equal(first.std(dim=(0, 2, 3), correction=0), golden[f"{short}_{name}__std"])


@pytest.mark.parametrize("short", ["render", "real"])
def test_discriminator_and_classifiers_equal_the_official_ones(short, forward, networks, golden):
    out = forward[short]
    assert_equal(networks["D"](out.f_enc), golden[f"D_{short}"])
    assert_equal(networks["SC1"](out.f_enc).exp(), golden[f"SC1_{short}"])
    assert_equal(networks["SC2"](out.f_dec).exp(), golden[f"SC2_{short}"])


def test_the_inference_module_is_the_photographic_branch(networks, golden):
    stored = np.load(HERE / "parity/inputs.npz")
    composite = torch.from_numpy(stored["real_composite"].astype(np.float32) / 255)
    with torch.no_grad():
        harmonized = networks["G"].inference()(composite, torch.from_numpy(stored["real_mask"].astype(np.float32)))
    assert_equal(harmonized[:, :, ::2, ::2], golden["real_image_rgb01_stride2"])


def test_losses_and_gradient_norms_equal_the_official_ones(forward, networks, batches, golden):
    described = json.loads((HERE / "parity/charmnet_256.json").read_text())
    g, d, sc1, sc2 = (networks[n] for n in ("G", "D", "SC1", "SC2"))
    r, t = forward["render"], forward["real"]
    fn = {s: losses.fn_mse(normalize(forward[s].harmonized), b["real"], b["mask"]) for s, b in batches.items()}
    loss_d = losses.hinge_d(d(r.f_enc.detach()), d(t.f_enc.detach()))
    style = losses.style_aggregation(
        sc1(r.f_enc),
        sc2(r.f_dec),
        sc1(t.f_enc),
        sc2(t.f_dec),
        torch.tensor(described["labels"]["src_soft"]),
        torch.tensor(described["labels"]["src_hard_zero_based"]),
    )
    loss_g = losses.charmnet_generator(d(r.f_enc), fn["render"], fn["real"], style)
    found = {
        "loss_D_loss": loss_d,
        "loss_G_GAN": loss_g.adversarial,
        "loss_G_src_L1_unweighted": fn["render"],
        "loss_G_tgt_L1_unweighted": fn["real"],
        "loss_src_before_harm": style.rendered_before,
        "loss_src_after_harm": style.rendered_after,
        "loss_tgt_crossEntropy": style.photographic_agreement,
        "loss_tgt_lowerEntropy": style.photographic_margin,
        "loss_H_tgt_before": losses.entropy(sc1(t.f_enc)),
        "loss_H_tgt_after": losses.entropy(sc2(t.f_dec)),
        "loss_style_loss": style.total,
        "loss_G": loss_g.total,
    }
    for name, value in found.items():
        np.testing.assert_allclose(value.item(), golden[name].item(), rtol=1e-4, err_msg=name)

    for network in networks.values():
        network.zero_grad()
    loss_d.backward()
    loss_g.total.backward()
    groups = {
        "G_render_enc": g.encoders["rendered"],
        "G_real_enc": g.encoders["photographic"],
        "G_encoder_blocks": g.core.down,
        "G_deconv_blocks": g.core.up,
        "G_render_dec": g.decoders["rendered"],
        "G_real_dec": g.decoders["photographic"],
        "SC1": sc1,
        "SC2": sc2,
        "D": d,
    }
    for name, group in groups.items():
        grads = torch.cat([p.grad.flatten().double() for p in group.parameters()])  # float32 sums lose 7e-4 here
        norm = grads.norm().item()
        np.testing.assert_allclose(norm, golden[f"gradnorm_{name}"].item(), rtol=1e-4, err_msg=name)
