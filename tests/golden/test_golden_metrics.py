# SPDX-License-Identifier: Apache-2.0
"""Metrics and losses reproduce the numbers the evaluation code of published repositories gives for one pair."""

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

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


REPRODUCED = {
    "idih/binary": (metrics.PROTOCOLS["idih"], "binary"),
    "idih/soft": (metrics.PROTOCOLS["idih"], "soft"),
    "idih/float_pred_plus_0.37": (metrics.PROTOCOLS["idih"], "binary"),
    "cdtnet/binary": (metrics.PROTOCOLS["cdtnet"], "binary"),
    "cdtnet/soft": (metrics.PROTOCOLS["cdtnet"], "soft"),
    "pctnet/binary": (metrics.PROTOCOLS["pctnet"], "binary"),
    "pctnet/soft": (metrics.PROTOCOLS["pctnet"], "soft"),
    "dovenet_test.py": (metrics.PROTOCOLS["dovenet"], "binary"),
    "charmnet_test.py": (metrics.PROTOCOLS["charmnet"], "binary"),
    "harmonizer/old_float_default_range_2": (metrics.PROTOCOLS["harmonizer"], "binary"),
    "harmonizer/range_255": (dataclasses.replace(metrics.PROTOCOLS["harmonizer"], ssim_range="255"), "binary"),
    "HarmonyTransformer/ih_evaluation.py": (metrics.PROTOCOLS["harmony-transformer"], "binary"),
    "IntrinsicHarmony/ih_evaluation.py": (metrics.PROTOCOLS["harmony-transformer"], "binary"),
}


@pytest.mark.parametrize("repository", VALUES)
def test_every_published_evaluation_code_is_reproduced_under_its_name(pair, repository):
    protocol, mask = REPRODUCED[repository]
    prediction, target = pair["prediction"] / 255, pair["target"] / 255
    if "plus_0.37" in repository:
        prediction = prediction + 0.37 / 255
    scores = metrics.score(prediction, prediction, target, pair[mask], protocol)
    official = {key.lower(): v for key, v in VALUES[repository].items() if not isinstance(v, str)}
    assert official
    for name, value in official.items():
        # PCT-Net's SE is its MSE as a sum, in millions
        found = scores.mse * target.size / 1e6 if name == "se" else getattr(scores, name)
        # the official code adds 1e-6 to areas and errors and runs in float32, SSIM there loses more digits
        assert found == pytest.approx(value, rel=1e-5 if "ssim" in name else 2e-6), name


def test_the_documented_golden_table_is_that_of_the_file():
    text = (Path(__file__).parents[2] / "docs/metrics.md").read_text()
    rows = [
        [cell.strip(" `") for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("| `")
    ]
    documented = {row[0]: row[3:9] for row in rows if row[0] in VALUES}
    assert set(documented) == set(VALUES)
    for repository, cells in documented.items():
        official = {key.lower(): v for key, v in VALUES[repository].items()}
        for name, cell in zip(("mse", "fmse", "psnr", "fpsnr", "ssim", "fssim"), cells, strict=True):
            assert cell == (f"{official[name]:.{5 if 'ssim' in name else 4}f}" if name in official else "")
    for name in metrics.PROTOCOLS:
        assert f"`{name}`" in text


SAID: dict[str, Any] = {
    "as they are": None,
    "the network's": {"background": "raw"},
    "the composite's": {"background": "composite"},
    "the real one": {"background": "real"},
    "the real one, **in the input, too**": {"background": "real", "input_background": "real"},
    "no": "none",
    "cut": "truncate",
    "rounded": "round",
    "max(real)": "target_max",
    "range of the prediction": "prediction_range",
}
"""What cells of the documented table of protocols mean."""


def documented_protocols() -> dict[str, metrics.Protocol]:
    """Every row of that table, field by field, as the protocol it describes (its printed name left out)."""
    text = (Path(__file__).parents[2] / "docs/metrics.md").read_text(encoding="utf-8")
    rows = text.split("| `--protocol` |")[1].split("\n\n")[0].splitlines()[2:]
    found = {}
    for names, sizes, filters, mask, background, rounding, peak, ssim, _ in (
        [cell.strip() for cell in row.split("|")[1:-1]] for row in rows
    ):
        library, kind, masks = re.findall(r"^(cv2|PIL) (\w+)(?: \((\w+)\))?$", filters)[0]
        first, *rest = "gaussian 11".split(", ") if ssim == "(ours)" else ssim.split(", ")
        window: dict[str, Any] = {"kind": first.split()[0], "side": int(first.split()[1])}
        window |= {"borders": "zero"} if "zeros around" in rest else {}
        window |= {"covariance": "sample"} if "sample covariance" in rest else {}
        spread = [part.removeprefix("range ") for part in rest if part.startswith("range ")]
        common: dict[str, Any] = {
            "resize": ("pil-" if library == "PIL" else "") + kind,
            "mask_resize": f"pil-{masks}" if masks else None,
            "mask": mask,
            **SAID[background],
            "quantize": SAID[rounding],
            "peak": SAID.get(peak, peak),
            "ssim_window": metrics.SsimWindow(**window),
            "ssim_range": "prediction_range" if "range of the prediction" in rest else (spread or ["255"])[0],
        }
        named, each = re.findall(r"`([^`]+)`", names), sizes.split(", ")
        for name, size in zip(named, each * (len(named) // len(each)), strict=True):
            found[name] = metrics.Protocol("", size=SAID[size] if size in SAID else int(size), **common)
    return found


def test_every_field_of_every_named_protocol_is_the_documented_one():
    documented = documented_protocols()
    assert set(documented) == set(metrics.PROTOCOLS)
    for name, protocol in metrics.PROTOCOLS.items():
        assert dataclasses.replace(protocol, name="") == documented[name], name


@pytest.mark.parametrize(
    ("window", "options"),
    [
        (metrics.GAUSSIAN_11, {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}),
        (metrics.SsimWindow(kind="uniform", side=7, covariance="sample"), {"win_size": 7}),
    ],
    ids=["gaussian", "uniform"],
)
def test_ssim_equals_scikit_image(pair, window, options):
    from skimage.metrics import structural_similarity

    a, b = pair["prediction"], pair["target"]
    oracle = structural_similarity(a, b, data_range=255, channel_axis=2, **options)
    assert metrics.ssim(a, b, data_range=255, window=window) == pytest.approx(oracle, abs=1e-9)


def test_errors_and_decibels_equal_scikit_image(pair):
    from skimage.metrics import mean_squared_error, peak_signal_noise_ratio

    a, b, mask = pair["prediction"], pair["target"], pair["binary"] > 0
    assert metrics.mse(a, b) == pytest.approx(mean_squared_error(a, b))
    assert metrics.psnr(a, b, data_range=255) == pytest.approx(peak_signal_noise_ratio(b, a, data_range=255))
    assert metrics.fmse(a, b, pair["binary"]) == pytest.approx(mean_squared_error(a[mask], b[mask]))


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
