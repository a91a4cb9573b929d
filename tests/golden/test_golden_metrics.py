# SPDX-License-Identifier: Apache-2.0
"""Metrics and losses reproduce the numbers the evaluation code of published repositories gives for one pair."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from harmonize_core import losses, metrics
from harmonize_core.models import normalize

PARITY = Path(__file__).parent / "parity"
EXPECTED = json.loads((PARITY / "metrics_and_losses.json").read_text())
VALUES = EXPECTED["values"]


@pytest.fixture(scope="module")
def pair() -> dict[str, np.ndarray]:
    stored = np.load(PARITY / "metrics_inputs.npz")
    images = {name: stored[name][0].transpose(1, 2, 0).astype(np.float64) for name in stored}
    return {
        "prediction": images["pred"],
        "target": images["target"],
        "binary": images["mask"][..., 0],
        "soft": images["soft_mask"][..., 0] / 255,
        "tiny": images["tiny_mask"][..., 0],
    }


@pytest.mark.parametrize(
    ("protocol", "repository", "mask", "names"),
    [
        (metrics.PROTOCOL_A, "HarmonyTransformer/ih_evaluation.py", "binary", {"mse", "fmse", "psnr", "fpsnr"}),
        (metrics.PROTOCOL_IDIH, "idih/binary", "binary", {"mse", "fmse", "psnr"}),
        (metrics.PROTOCOL_IDIH, "idih/soft", "soft", {"mse", "fmse", "psnr"}),
        (metrics.PROTOCOL_IDIH, "cdtnet/binary", "binary", {"fpsnr"}),
        (metrics.PROTOCOL_IDIH, "cdtnet/soft", "soft", {"fpsnr"}),
        (metrics.PROTOCOL_B, "pctnet/binary", "binary", {"mse", "fmse", "psnr", "ssim"}),
        (metrics.PROTOCOL_B, "pctnet/soft", "soft", {"mse", "fmse", "psnr", "ssim"}),
        (metrics.PROTOCOL_CHARMNET, "charmnet_test.py", "binary", {"mse", "fmse", "psnr"}),
        (metrics.PROTOCOL_CHARMNET, "dovenet_test.py", "binary", {"mse", "psnr"}),
    ],
)
def test_protocols_reproduce_published_evaluation_code(pair, protocol, repository, mask, names):
    prediction, target = pair["prediction"] / 255, pair["target"] / 255
    scores = metrics.score(prediction, prediction, target, pair[mask], protocol)
    official = {key.lower(): v for key, v in VALUES[repository].items() if not isinstance(v, str)}
    for name in names:
        # the official code adds 1e-6 to areas and runs in float32
        assert getattr(scores, name) == pytest.approx(official[name], rel=2e-6), name


def test_ssim_variants_of_other_repositories(pair):
    prediction, target, mask = pair["prediction"], pair["target"], pair["binary"]
    official = VALUES["HarmonyTransformer/ih_evaluation.py"]
    assert metrics.ssim_map(prediction, target, data_range=1).mean() == pytest.approx(official["ssim"], rel=1e-5)
    assert metrics.fssim(prediction, target, mask, data_range=1) == pytest.approx(official["fssim"], rel=1e-5)
    spread = float(prediction.max() - prediction.min())
    found = metrics.ssim_map(prediction, target, data_range=spread, window=7)
    assert found.mean() == pytest.approx(VALUES["cdtnet/binary"]["SSIM"], rel=1e-5)
    assert (found.mean(axis=2) * mask).sum() / mask.sum() == pytest.approx(VALUES["cdtnet/binary"]["fSSIM"], rel=1e-5)


def test_ssim_equals_scikit_image(pair):
    from skimage.metrics import structural_similarity

    oracle = structural_similarity(
        pair["prediction"],
        pair["target"],
        data_range=255,
        channel_axis=2,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
    )
    assert metrics.ssim(pair["prediction"], pair["target"], data_range=255) == pytest.approx(oracle, abs=1e-9)


@pytest.mark.parametrize("space", ["normalised", "unnormalised"])
@pytest.mark.parametrize("a_min", [100, 1000])
def test_fn_mse_equals_the_official_weighted_mse(pair, space, a_min):
    def tensor(image: np.ndarray) -> torch.Tensor:
        unit = torch.from_numpy((image / 255).astype(np.float32).transpose(2, 0, 1).copy())[None].repeat(3, 1, 1, 1)
        return normalize(unit) if space == "normalised" else unit

    masks = np.stack([pair["binary"], pair["tiny"], np.zeros_like(pair["tiny"])])
    masks = torch.from_numpy(masks.astype(np.float32))[:, None]
    expected = EXPECTED["fn_mse"][f"{space}/A_min={a_min}"]
    prediction, target = tensor(pair["prediction"]), tensor(pair["target"])
    assert losses.fn_mse(prediction, target, masks, a_min=a_min).item() == pytest.approx(expected["mean"], rel=1e-5)
    for i, item in enumerate(expected["per_item"]):
        one = losses.fn_mse(prediction[i : i + 1], target[i : i + 1], masks[i : i + 1], a_min=a_min)
        assert one.item() == pytest.approx(item, rel=1e-5)


def test_style_losses_equal_the_official_ones():
    expected = EXPECTED["charmnet_style_losses"]
    pa = torch.linspace(-2, 2, 20).reshape(2, 10).log_softmax(1)
    pb = torch.sin(torch.linspace(1.5, -1, 20).reshape(2, 10)).log_softmax(1)
    found = {
        "SoftCrossEntropy(pa,pb)": losses.soft_cross_entropy(pa, pb.exp()),
        "SoftCrossEntropy(pb,pa)": losses.soft_cross_entropy(pb, pa.exp()),
        "H(pa)": losses.entropy(pa),
        "H(pb)": losses.entropy(pb),
        "CrossEntropy(pa,[3,9])": torch.nn.functional.nll_loss(pa, torch.tensor([3, 9])),
        "lowerEntropy m=1 (before=pa, after=pb)": losses.entropy_margin(pa, pb),
    }
    for name, value in found.items():
        assert value.item() == pytest.approx(expected[name], rel=1e-5), name
