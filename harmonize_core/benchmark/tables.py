# SPDX-License-Identifier: Apache-2.0
"""The published comparison tables as data: which network, trained on what, tested on what, and the printed numbers.

Sources: slides "Animation Image Harmonization" (high resolution, from Cong et al., CDTNet, CVPR 2022), the posters of
Hao et al. (BMVC 2020) and of Cao et al. (CharmNet). Where a published number is contested, the row says so.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Plan = Literal[
    "nothing", "all", "base", "novel", "base-part", "rendered-part", "rendered", "fusion", "two-stage", "oracle"
]
"""What a row is trained on. all: every photographic triplet; base, novel: those of the base or novel categories;
base-part, rendered-part: as many triplets as novel has; rendered: all renders; fusion: rendered and base together;
two-stage: rendered, then base; oracle: base and novel."""

TestSet = Literal["all", "novel", "base"]

TableName = Literal["hr", "hr-1024", "hr-2048", "fmm", "cross", "charmnet"]
"""What `CHOICES` holds."""


@dataclass(frozen=True)
class Row:
    """One line of a published table."""

    label: str
    """The source's name for it; in words where the source has symbols, completed where its text is cut off (the table's
    assumptions say what was read into that)."""
    model: str
    """Registered name here."""
    plan: Plan
    published: tuple[float, ...] = ()
    """In the order of the table's columns; empty for a row that the source does not have."""
    note: str = ""


@dataclass(frozen=True)
class Table:
    """One published table."""

    name: str
    title: str
    source: str
    size: int
    """Side in pixels at which images are compared."""
    protocol: str
    """Base protocol whose size is replaced by `size`."""
    columns: tuple[tuple[TestSet, str], ...]
    """(test set, name of the number in `Scores`)."""
    rows: tuple[Row, ...]
    assumptions: tuple[str, ...] = field(default=())
    """What the source does not say and what is assumed here."""

    def all_rows(self) -> tuple[Row, ...]:
        """The published rows, before them the classical baselines that the source does not have."""
        known = {row.model for row in self.rows}
        return (*(row for row in BASELINES if row.model not in known), *self.rows)


BASELINES = (
    Row("composite", "composite", "nothing"),
    Row("Reinhard", "reinhard", "nothing"),
    Row("histogram matching", "histogram_match", "nothing"),
    Row("MKL", "mkl", "nothing"),
)
"""What every table is held against: doing nothing, and three ways to give the foreground the background's colours."""


_HR = (("all", "mse"), ("all", "psnr"), ("all", "fmse"), ("all", "ssim"))
_HR_SOURCE = "Cong et al., High-Resolution Image Harmonization via Collaborative Dual Transformations, CVPR 2022"

_HR_ASSUMED = (
    "published on HAdobe5k; the side that networks were trained at in the source is not known for all of them (CDTNet: "
    "that of the table): ours stands with each run",
    "how each network came to the size of the table stands with its run, too",
)

_HR_1024 = Table(
    "hr-1024",
    "high resolution, 1024x1024",
    _HR_SOURCE,
    1024,
    "cdtnet",
    _HR,
    (
        Row("Composite images", "composite", "nothing", (352.05, 28.10, 2122.37, 0.9642)),
        Row("pix2pixHD", "pix2pixhd", "all", (63.45, 31.64, 332.43, 0.9135)),
        Row("CRN", "crn", "all", (90.11, 29.77, 259.28, 0.8225)),
        Row("HiDT", "hidt", "all", (265.32, 29.95, 1501.93, 0.9628)),
        Row("DoveNet", "dovenet_256", "all", (51.00, 34.81, 312.88, 0.9729)),
        Row("S2AM", "s2am_256", "all", (47.01, 35.68, 262.39, 0.9784)),
        Row("Guo et al.", "intrinsic_256", "all", (56.34, 34.69, 417.33, 0.9471)),
        Row("RainNet", "rainnet_256", "all", (42.56, 36.61, 305.17, 0.9844)),
        Row("iS2AM", "issam_256", "all", (25.03, 38.29, 168.85, 0.9846)),
        Row("CDTNet-256 (sim)", "cdtnet_256_sim", "all", (31.15, 37.65, 195.93, 0.9841)),
        Row("CDTNet-256", "cdtnet_256", "all", (21.24, 38.77, 152.13, 0.9868)),
    ),
    _HR_ASSUMED,
)

_HR_2048 = Table(
    "hr-2048",
    "high resolution, 2048x2048",
    _HR_SOURCE,
    2048,
    "cdtnet",
    _HR,
    (
        Row("Composite images", "composite", "nothing", (353.92, 28.07, 2139.97, 0.9631)),
        Row("iS2AM", "issam_256", "all", (46.37, 36.57, 271.59, 0.9838)),
        Row("CDTNet-256 (sim)", "cdtnet_256_sim", "all", (41.11, 37.28, 234.06, 0.9819)),
        Row("CDTNet-256", "cdtnet_256", "all", (29.02, 37.66, 198.85, 0.9845)),
        Row("CDTNet-512 (sim)", "cdtnet_512_sim", "all", (38.31, 37.05, 233.44, 0.9828)),
        Row(
            "CDTNet-512", "cdtnet_512", "all", (23.35, 38.45, 159.13, 0.9853),
            "the authors' README says 20.82, 38.34, 155.24, 0.9847",
        ),
    ),
    _HR_ASSUMED,
)  # fmt: skip

_FMM_SOURCE = "Hao, Iizuka, Fukui, Attention-based Deep Feature Modulation, BMVC 2020"

_FMM = Table(
    "fmm",
    "feature modulation against existing methods",
    _FMM_SOURCE,
    256,
    "dovenet",
    (("all", "psnr"), ("all", "mse")),
    (
        Row("S2AM", "s2am_256", "all", (34.35, 59.67)),
        Row("DoveNet", "dovenet_256", "all", (34.76, 52.33)),
        Row("Ours (FMM)", "fmm_256", "all", (35.86, 30.37), "re-tested by the iHarmony4 authors: MSE 38.46"),
    ),
    ("published on iHarmony4",),
)

_ABLATION = Table(
    "fmm-ablation",
    "feature modulation, ablation",
    _FMM_SOURCE,
    256,
    "dovenet",
    (("all", "psnr"),),
    (
        Row("Baseline", "fmm_256_baseline", "all", (32.98,)),
        Row("Baseline + Self-attention", "fmm_256_self_attention", "all", (35.06,)),
        Row("Baseline + A", "fmm_256_a", "all", (35.17,)),
        Row("Baseline + proposed module", "fmm_256", "all", (35.86,)),
    ),
    ("published on iHarmony4",),
)

_CHARMNET_SOURCE = "Cao et al., Deep Image Harmonization by Bridging the Reality Gap, BMVC 2022"

_CROSS = Table(
    "cross",
    "cross-category and cross-domain training",
    _CHARMNET_SOURCE,
    256,
    "charmnet",
    (("novel", "fmse"), ("novel", "psnr")),
    (
        Row("1: no training", "composite", "nothing", (931.74, 33.29)),
        Row("2: real, novel", "idih_256", "novel", (386.36, 35.71)),
        Row("3: real, base (part)", "idih_256", "base-part", (486.54, 34.64)),
        Row("4: rendered, novel (part)", "idih_256", "rendered-part", (1100.86, 31.25)),
    ),
    (
        "the source does not name the network; iDIH is assumed",
        "published with humans as the novel category",
        "the source prints symbols for the training data (-, D_tr,n^rl, D_tr,b^rl (sub), D_tr,n^rd (sub)); (sub) is "
        "taken for as many triplets as there are photographic ones of the novel category",
    ),
)

_BOTH = tuple((where, number) for where in ("novel", "base") for number in ("mse", "fmse", "psnr"))

_CHARMNET = Table(
    "charmnet",
    "CharmNet, quantitative comparison",
    _CHARMNET_SOURCE,
    256,
    "charmnet",
    _BOTH,
    (
        Row("Input composite", "composite", "nothing", (155.74, 931.74, 33.29, 177.34, 1505.92, 31.15)),
        Row("DoveNet", "dovenet_256", "base", (69.06, 458.15, 35.01, 65.87, 674.57, 33.94)),
        Row("Hao et al.", "fmm_256", "base", (52.42, 407.26, 35.43, 58.21, 582.79, 34.54)),
        Row("iDIH", "idih_256", "base", (46.67, 417.71, 35.21, 53.03, 566.96, 34.77)),
        Row("RainNet", "rainnet_256", "base", (58.40, 525.36, 34.97, 59.54, 701.07, 34.44)),
        Row("Guo et al.", "intrinsic_256", "base", (49.92, 416.21, 35.58, 52.31, 577.16, 35.01)),
        Row("two-stage training", "idih_256", "two-stage", (43.06, 383.39, 35.67, 49.56, 533.10, 34.98)),
        Row("dataset fusion", "idih_256", "fusion", (38.31, 368.50, 35.64, 44.15, 485.94, 35.27)),
        Row("UNIT", "unit", "fusion", (55.09, 458.72, 34.74, 56.21, 607.14, 34.38)),
        Row("CycleGAN", "cyclegan", "fusion", (51.82, 474.78, 34.64, 56.30, 592.33, 34.52)),
        Row("CUT", "cut", "fusion", (48.59, 427.25, 35.14, 52.81, 572.53, 34.72)),
        Row("CharmNet", "charmnet_256", "fusion", (30.83, 296.40, 36.60, 39.41, 432.19, 35.83)),
        Row("iDIH (last row)", "idih_256", "oracle", (27.71, 259.17, 37.12, 36.17, 422.98, 36.04)),
    ),
    (
        "rows without a remark are assumed to be trained on base categories alone",
        "two-stage is assumed to mean rendered first, then base",
        "the last row is assumed to see photographs of the novel category, too",
        'the first letters of the rows are cut off in the text of the source: "o et al. [17]" is read as Hao et al. '
        'and taken for FMM (it could be Guo et al. as well), "10 et al. [15]" as Guo et al. and taken for the '
        "intrinsic network of 2021",
    ),
)

GROUPS: dict[TableName, tuple[Table, ...]] = {
    "hr": (_HR_1024, _HR_2048),
    "fmm": (_FMM, _ABLATION),
    "cross": (_CROSS,),
    "charmnet": (_CHARMNET,),
}
"""The four tables of the sources by the name that the command line takes."""

CHOICES: dict[TableName, tuple[Table, ...]] = {**GROUPS, "hr-1024": (_HR_1024,), "hr-2048": (_HR_2048,)}
"""What the command line takes: the four, and the two sizes of the first on their own."""


def is_high_resolution(table: Table) -> bool:
    """Whether a table compares larger pictures than the ordinary test sets need to hold."""
    return table.size > 256
