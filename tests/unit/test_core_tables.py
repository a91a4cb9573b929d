# SPDX-License-Identifier: Apache-2.0
"""The published tables: the numbers as printed, what each row learns from and is tested on, and what is refused."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from harmonize_core import cli
from harmonize_core.benchmark.data import open_data
from harmonize_core.benchmark.folder import given_weights
from harmonize_core.benchmark.run import scored
from harmonize_core.benchmark.tables import CHOICES, GROUPS
from harmonize_core.checkpoint import save_model
from harmonize_core.data import toy
from harmonize_core.data.sources import list_triplets
from harmonize_core.errors import CheckpointError, ConfigError, DatasetError, InputError
from harmonize_core.formats.images import write_text
from harmonize_core.infer.predictor import Predictor
from harmonize_core.metrics import PROTOCOLS
from harmonize_core.models import build
from harmonize_core.runtime.session import Harmonizer, ModelInfo

NOVEL = ("toy1", "toy3")
PRINTED = {
    # Slides "Animation Image Harmonization", Experimental Results: MSE, PSNR, fMSE, SSIM
    "hr-1024": """
        352.05 28.10 2122.37 0.9642
        63.45 31.64 332.43 0.9135
        90.11 29.77 259.28 0.8225
        265.32 29.95 1501.93 0.9628
        51.00 34.81 312.88 0.9729
        47.01 35.68 262.39 0.9784
        56.34 34.69 417.33 0.9471
        42.56 36.61 305.17 0.9844
        25.03 38.29 168.85 0.9846
        31.15 37.65 195.93 0.9841
        21.24 38.77 152.13 0.9868""",
    "hr-2048": """
        353.92 28.07 2139.97 0.9631
        46.37 36.57 271.59 0.9838
        41.11 37.28 234.06 0.9819
        29.02 37.66 198.85 0.9845
        38.31 37.05 233.44 0.9828
        23.35 38.45 159.13 0.9853""",
    # Poster of Hao et al., "Comparisons between our method against existing methods": PSNR, MSE
    "fmm": """
        34.35 59.67
        34.76 52.33
        35.86 30.37""",
    # The same, "Ablation results of our proposed module": PSNR
    "fmm-ablation": """
        32.98
        35.06
        35.17
        35.86""",
    # Poster of Cao et al., "Results of models trained on various training data", transposed: fMSE, PSNR
    "cross": """
        931.74 33.29
        386.36 35.71
        486.54 34.64
        1100.86 31.25""",
    # The same, "Quantitative Comparison": MSE, fMSE, PSNR on novel, then on base categories
    "charmnet": """
        155.74 931.74 33.29 177.34 1505.92 31.15
        69.06 458.15 35.01 65.87 674.57 33.94
        52.42 407.26 35.43 58.21 582.79 34.54
        46.67 417.71 35.21 53.03 566.96 34.77
        58.40 525.36 34.97 59.54 701.07 34.44
        49.92 416.21 35.58 52.31 577.16 35.01
        43.06 383.39 35.67 49.56 533.10 34.98
        38.31 368.50 35.64 44.15 485.94 35.27
        55.09 458.72 34.74 56.21 607.14 34.38
        51.82 474.78 34.64 56.30 592.33 34.52
        48.59 427.25 35.14 52.81 572.53 34.72
        30.83 296.40 36.60 39.41 432.19 35.83
        27.71 259.17 37.12 36.17 422.98 36.04""",
}


@pytest.fixture
def root(tmp_path) -> Path:
    toy.write_photographic(tmp_path / "sets/photographic", photos=8)
    toy.write_rendered(tmp_path / "sets/rendered", views=4)
    return tmp_path / "sets"


def run(root: Path, *options: str) -> int:
    out = str(root.parent / "benchmark")
    return cli.main(["benchmark", "seeds-table", "--data", str(root), "--out", out, "--budget", "tiny", *options])


def test_the_published_numbers_are_those_that_were_printed():
    columns = {"hr": "mse psnr fmse ssim", "fmm": "psnr mse", "fmm-ablation": "psnr", "cross": "fmse psnr"}
    tables = {table.name: table for group in GROUPS.values() for table in group}
    assert tables.keys() == PRINTED.keys()
    for name, table in tables.items():
        printed = [tuple(map(float, line.split())) for line in PRINTED[name].strip().splitlines()]
        assert [row.published for row in table.rows] == printed
        wanted = columns.get(name, columns.get(name.split("-")[0], "mse fmse psnr mse fmse psnr"))
        assert " ".join(number for _, number in table.columns) == wanted


def test_tables_are_of_the_published_sizes():
    sizes = {name: [table.size for table in tables] for name, tables in CHOICES.items()}
    assert sizes == {"hr": [1024, 2048], "hr-1024": [1024], "hr-2048": [2048]} | {
        "fmm": [256, 256],
        "cross": [256],
        "charmnet": [256],
    }


def test_tables_are_scored_as_their_authors_code_scores():
    names = {"hr-1024": "CDTNet", "hr-2048": "CDTNet", "fmm": "DoveNet", "fmm-ablation": "DoveNet"}
    for table in (table for group in GROUPS.values() for table in group):
        assert PROTOCOLS[table.protocol].name == names.get(table.name, "CharmNet")


def test_every_table_holds_the_baselines_once():
    for table in (table for group in GROUPS.values() for table in group):
        models = [row.model for row in table.all_rows() if row.plan == "nothing"]
        assert sorted(models) == ["composite", "histogram_match", "mkl", "reinhard"]


def test_rows_learn_from_the_triplets_that_they_name(root):
    data = open_data(root, NOVEL, CHOICES["cross"])
    lists = {name: {t.composite.name for t in triplets} for name, triplets in data.train.items()}
    assert all(any(word in name for word in NOVEL) for name in lists["novel"])
    assert {t.group for t in data.train["rendered"]}.isdisjoint({t.group for t in data.test["all"]})

    def learnt(plan, stage=0) -> dict[str, set[str]]:
        return {domain: {t.composite.name for t in found} for domain, found in data.training(plan, stage).items()}

    assert learnt("base") == {"rendered": set(), "photographic": lists["base"]}
    assert learnt("novel") == {"rendered": set(), "photographic": lists["novel"]}
    assert learnt("all") == learnt("oracle") == {"rendered": set(), "photographic": lists["base"] | lists["novel"]}
    assert learnt("fusion") == {"rendered": lists["rendered"], "photographic": lists["base"]}
    assert learnt("two-stage") == {"rendered": lists["rendered"], "photographic": set()}
    assert learnt("two-stage", 1) == {"rendered": set(), "photographic": lists["base"]}
    for plan, domain, whole in (
        ("base-part", "photographic", "base"),
        ("rendered-part", "rendered", "rendered"),
    ):
        found = learnt(plan)
        assert found[domain] < lists[whole]
        assert len(found[domain]) == len(lists["novel"]) == sum(map(len, found.values()))


def test_the_novel_category_may_be_given_as_lists(root):
    names = [f"HToy/composite_images/toy{i}_1_{k}.jpg" for i in (1, 3) for k in (1, 2)]
    for file, part in (("human_train.txt", names[:2]), ("human_test.txt", names[2:])):
        write_text(root / file, "".join(f"{name}\n" for name in part))
    listed = open_data(root, [str(root / "human_train.txt"), str(root / "human_test.txt")], CHOICES["cross"])
    assert listed == open_data(root, NOVEL, CHOICES["cross"])


def test_a_photograph_on_both_sides_of_a_split_is_refused(root):
    folder = root / "photographic"
    lines = (folder / "IHD_train.txt").read_text()
    write_text(folder / "IHD_train.txt", lines + (folder / "IHD_test.txt").read_text())
    with pytest.raises(DatasetError, match=r"lists 'HToy/real_images/toy3' for training and for testing"):
        open_data(root, NOVEL, CHOICES["cross"])


def test_a_large_test_picture_must_not_be_one_of_the_training_photographs(root):
    large = toy.write_photographic(root / "photographic_hr", size=32)
    write_text(large / "IHD_test.txt", "HToy/composite_images/toy0_1_1.jpg\n")
    with pytest.raises(DatasetError, match=r"photographic_hr lists 'HToy/real_images/toy0' for training"):
        open_data(root, NOVEL, CHOICES["hr-1024"])


def test_no_picture_is_enlarged_for_a_table_of_high_resolution(root):
    toy.write_photographic(root / "photographic_hr", size=96)
    with pytest.raises(ConfigError, match=r"photographic_hr holds 2 test pictures, all smaller; render some"):
        open_data(root, NOVEL, CHOICES["hr-1024"])
    toy.write_rendered(root / "rendered_hr", views=2, conditions=2, size=1024)
    data = open_data(root, NOVEL, CHOICES["hr-1024"])
    assert {t.domain for t in data.tested(CHOICES["hr-1024"][0], "all")} == {"rendered"}
    large = toy.write_photographic(root.parent / "large", size=1024)
    for part in ("composite_images/toy3_1_1.jpg", "masks/toy3_1.png", "real_images/toy3.jpg"):
        (large / "HToy" / part).rename(root / "photographic_hr/HToy" / part.replace("toy3", "big"))
    write_text(
        root / "photographic_hr/IHD_test.txt",
        "HToy/composite_images/toy3_1_1.jpg\nHToy/composite_images/big_1_1.jpg\n",
    )
    data = open_data(root, NOVEL, CHOICES["hr-1024"])
    assert [t.composite.name for t in data.tested(CHOICES["hr-1024"][0], "all")] == ["big_1_1.jpg"]
    assert data.large[1024].describe() == "pictures of photographic_hr of at least that size, 1 smaller ones left out"


def test_a_row_takes_only_weights_that_name_its_training_data(tmp_path):
    rows = [row for name in ("hr", "charmnet") for table in CHOICES[name] for row in table.rows]
    for name in ("issam_256", "rainnet_256", "idih_256", "idih_256-two-stage", "dovenet_256-base", "other"):
        (tmp_path / f"{name}.safetensors").touch()
    told: list[str] = []
    found = given_weights(tmp_path, rows, told.append)
    assert {pair: path.stem for pair, path in found.items()} == {
        ("issam_256", "all"): "issam_256",
        ("rainnet_256", "all"): "rainnet_256",
        ("idih_256", "two-stage"): "idih_256-two-stage",
        ("dovenet_256", "base"): "dovenet_256-base",
    }
    assert told[0].endswith("idih_256.safetensors, other.safetensors")
    with pytest.raises(InputError, match="missing is none"):
        given_weights(tmp_path / "missing", rows, told.append)
    with pytest.raises(CheckpointError, match="no chosen row takes a file of"):
        given_weights(tmp_path, list(CHOICES["cross"][0].rows), told.append)


def test_weights_that_are_scored_belong_to_the_result(root, tmp_path, capsys):
    weights = tmp_path / "weights/fmm_256_a.safetensors"
    model = build("fmm_256_a")
    save_model(weights, model, "fmm_256_a")
    chosen = ("--tables", "fmm", "--models", "fmm_256_a", "--checkpoints", str(weights.parent))
    assert run(root, *chosen) == 0
    assert re.search(r"`fmm_256_a`\): not trained here: \S+ \(sha256 [0-9a-f]{12}\)", capsys.readouterr().out)
    with torch.no_grad():
        next(model.parameters()).add_(1)
    save_model(weights, model, "fmm_256_a")
    assert run(root, *chosen) == 2
    assert "other settings (checkpoints: " in capsys.readouterr().err
    assert run(root, *chosen[:-2]) == 2
    assert not (root.parent / "benchmark/runs").exists()
    save_model(weights, build("fmm_256"), "fmm_256")
    assert run(root, *chosen, "--out", str(tmp_path / "second")) == 1
    assert "should hold fmm_256_a but holds fmm_256" in capsys.readouterr().err


def test_a_row_says_how_sure_its_mean_is_and_who_published_it(root, capsys):
    assert run(root, "--tables", "fmm", "cross", "--models", "composite", "reinhard", "--novel", *NOVEL) == 0
    page = capsys.readouterr().out
    row = next(line for line in page.splitlines() if line.startswith("| Reinhard | `reinhard`"))
    numbers = re.findall(r"\| ([\d.]+) ([\d.]+)–([\d.]+)(?= \|)", row)
    assert len(numbers) == 2
    for mean, low, high in numbers:
        assert float(low) < float(mean) < float(high)
    assert re.search(r"1: no training \| `composite` \| [\d.]+ \(931.74\)", page)
    scores = (root.parent / "benchmark/results/fmm/reinhard-nothing-all.csv").read_text().splitlines()
    assert len(scores) == 3


def test_a_choice_without_rows_is_refused(root, capsys):
    assert run(root, "--tables", "fmm", "--models", "charmnet_256", "reinhard") == 2
    assert (
        "charmnet_256 has no row in the tables fmm; their networks are composite, dovenet_256"
        in capsys.readouterr().err
    )


def test_results_of_other_lists_are_not_taken_for_these(root, capsys):
    chosen = ("--tables", "fmm", "--models", "composite")
    assert run(root, *chosen) == 0
    lines = (root / "photographic/IHD_test.txt").read_text().splitlines()
    write_text(root / "photographic/IHD_test.txt", "".join(f"{line}\n" for line in lines[1:]))
    assert run(root, *chosen) == 2
    assert "the list test of the data has changed" in capsys.readouterr().err


def test_benchmarks_and_training_runs_keep_out_of_each_other(root, tmp_path, capsys):
    chosen = ("--tables", "fmm", "--models", "composite")
    assert run(root, *chosen) == 0
    command = ["train", "idih", "--photographic", str(root / "photographic"), "--steps", "1"]
    assert cli.main([*command, "--run", str(root.parent / "benchmark")]) == 2
    assert "is the folder of a benchmark" in capsys.readouterr().err
    (tmp_path / "run").mkdir()
    write_text(tmp_path / "run/config.json", json.dumps({}))
    assert run(root, *chosen, "--out", str(tmp_path / "run")) == 2
    assert "is the folder of a training run" in capsys.readouterr().err


def test_a_device_that_is_not_there_is_refused_even_with_nothing_to_train(root):
    code = run(root, "--tables", "fmm", "--models", "composite", "--device", "cuda")
    assert (code == 0) == torch.cuda.is_available()


def predictor(largest: int, divisor: int) -> Predictor:
    """A method for 32 px that darkens, and has memory for pictures of `largest` pixels a side."""

    def network(composite, _):
        if composite.shape[0] > largest:
            raise MemoryError
        return (composite * np.float32(0.9)).astype(np.float32)

    return Predictor(Harmonizer(network, ModelInfo("darken", "", "", 32)), divisor=divisor)


@pytest.mark.parametrize(
    ("largest", "divisor", "at", "how"),
    [
        (999, 8, None, "network at 64x64"),
        (999, 8, "network", "network at 32x32, its colour transform applied at 64x64"),
        (40, 8, None, "network at 32x32, its colour transform applied at 64x64"),
        (999, 32, None, "network at 32x32, its colour transform applied at 64x64"),
        (999, 32, "protocol", "network at 64x64"),
        (999, 24, "protocol", "network at 32x32, its colour transform applied at 64x64"),
    ],
)
def test_networks_run_at_the_size_of_the_table_where_they_can(root, largest, divisor, at, how):
    triplets = list_triplets(root / "photographic", "test")[:1]
    found = scored(predictor(largest, divisor), triplets, root, PROTOCOLS["cdtnet"].at(64), at, lambda _: None)
    assert found.how.startswith(how)
