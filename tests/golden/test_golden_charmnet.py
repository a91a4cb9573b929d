# SPDX-License-Identifier: Apache-2.0
"""CharmNet equals the authors' released code: features, images, discriminator, classifiers, losses and gradients."""

import compare
import numpy as np
import parity_fill
import pytest
import torch

from harmonize_core import losses
from harmonize_core.models import build, normalize
from harmonize_core.models.charmnet import DomainDiscriminator, StyleClassifier, remap_official

DOMAINS = {"render": "rendered", "real": "photographic"}


@pytest.fixture(scope="module")
def golden() -> compare.Golden:
    return compare.golden("charmnet_256")


@pytest.fixture(scope="module")
def networks():
    """Generator, discriminator and both classifiers, filled by the rule, in eval mode."""
    described = compare.described("charmnet_256")["networks"]
    built = {"G": build("charmnet_256"), "D": DomainDiscriminator(), "SC1": StyleClassifier(), "SC2": StyleClassifier()}
    for name, network in built.items():
        weights = parity_fill.filled(described[name]["entries"], f"{name}.")
        assert parity_fill.digest(weights) == described[name]["filled_sha256"]
        state = {key: torch.from_numpy(v) for key, v in weights.items()}
        result = network.load_state_dict(remap_official(state) if name == "G" else state, strict=False)
        assert result.unexpected_keys == []
        assert all(key.endswith("num_batches_tracked") for key in result.missing_keys)
        compare.counted(network, "charmnet_256", name)
        network.eval()
    return built


@pytest.fixture(scope="module")
def batches() -> dict[str, dict[str, torch.Tensor]]:
    """Per domain a batch of two: the stored item and its mirror image."""
    stored = np.load(compare.PARITY / "inputs.npz")

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


@pytest.mark.parametrize("short", ["render", "real"])
def test_images_and_features_equal_the_official_ones(short, forward, golden):
    out = forward[short]
    features = {
        "image": normalize(out.harmonized),
        "F_enc": out.f_enc,
        "F_dec": out.f_dec,
        "attention_map": out.attention,
    }
    for name, tensor in features.items():
        compare.assert_matches(f"{short}_{name}", tensor[:1], golden)


@pytest.mark.parametrize("short", ["render", "real"])
def test_discriminator_and_classifiers_equal_the_official_ones(short, forward, networks, golden):
    out = forward[short]
    compare.assert_matches(f"D_{short}", networks["D"](out.f_enc), golden)
    compare.assert_matches(f"SC1_{short}", networks["SC1"](out.f_enc).exp(), golden)
    compare.assert_matches(f"SC2_{short}", networks["SC2"](out.f_dec).exp(), golden)


def test_the_inference_module_is_the_photographic_branch(networks, golden):
    stored = np.load(compare.PARITY / "inputs.npz")
    composite = torch.from_numpy(stored["real_composite"].astype(np.float32) / 255)
    with torch.no_grad():
        harmonized = networks["G"].inference()(composite, torch.from_numpy(stored["real_mask"].astype(np.float32)))
    compare.assert_matches("real_image_rgb01", harmonized, golden)


def test_losses_and_gradient_norms_equal_the_official_ones(forward, networks, batches, golden):
    described = compare.described("charmnet_256")
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
