# SPDX-License-Identifier: Apache-2.0
"""Which objective trains which network: its config's type decides, FN-MSE (`Supervised`) where none is listed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from harmonize_core.models import HarmonizationModel, ModelConfig
from harmonize_core.models.cdtnet import CdtNetConfig
from harmonize_core.models.charmnet import CharmNetConfig
from harmonize_core.models.charmnet_hr import CharmNetHrConfig
from harmonize_core.models.crn import CRNConfig
from harmonize_core.models.cut import CUTConfig
from harmonize_core.models.cyclegan import CycleGANConfig
from harmonize_core.models.dht import DHTConfig
from harmonize_core.models.dovenet import DoveNetConfig
from harmonize_core.models.fmm import FmmConfig
from harmonize_core.models.harmonizer import HarmonizerConfig
from harmonize_core.models.hidt import HiDTConfig
from harmonize_core.models.intrinsic import IntrinsicConfig
from harmonize_core.models.issam import S2AMConfig
from harmonize_core.models.pctnet import PctNetConfig
from harmonize_core.models.pix2pixhd import Pix2PixHDConfig
from harmonize_core.models.rainnet import RainNetConfig
from harmonize_core.models.unit import UnitConfig
from harmonize_core.train.config import LossConfig
from harmonize_core.train.objectives._base import Batches as Batches
from harmonize_core.train.objectives._base import Objective as Objective
from harmonize_core.train.objectives._base import Terms as Terms
from harmonize_core.train.objectives._base import fused as fused
from harmonize_core.train.objectives.cdtnet import CdtNetObjective
from harmonize_core.train.objectives.charmnet import CharmNetObjective
from harmonize_core.train.objectives.charmnet_hr import CharmNetHrObjective
from harmonize_core.train.objectives.crn import CRNObjective
from harmonize_core.train.objectives.cut import CUTObjective
from harmonize_core.train.objectives.cyclegan import CycleGANObjective
from harmonize_core.train.objectives.dovenet import DoveNetObjective
from harmonize_core.train.objectives.harmonizer import HarmonizerObjective
from harmonize_core.train.objectives.hidt import HiDTObjective
from harmonize_core.train.objectives.intrinsic import IntrinsicObjective, RetinexObjective
from harmonize_core.train.objectives.mse import FullImageMse
from harmonize_core.train.objectives.pctnet import PctNetObjective
from harmonize_core.train.objectives.pix2pixhd import Pix2PixHDObjective
from harmonize_core.train.objectives.rainnet import RainNetObjective
from harmonize_core.train.objectives.supervised import Supervised
from harmonize_core.train.objectives.unit import UnitObjective

_OBJECTIVES: dict[type[ModelConfig], Callable[[Any, LossConfig], Objective]] = {
    CdtNetConfig: CdtNetObjective,
    CharmNetConfig: CharmNetObjective,
    CharmNetHrConfig: CharmNetHrObjective,
    UnitConfig: UnitObjective,
    Pix2PixHDConfig: Pix2PixHDObjective,
    HiDTConfig: HiDTObjective,
    CycleGANConfig: CycleGANObjective,
    CUTConfig: CUTObjective,
    CRNConfig: CRNObjective,
    DoveNetConfig: DoveNetObjective,
    DHTConfig: RetinexObjective,
    FmmConfig: FullImageMse,
    HarmonizerConfig: HarmonizerObjective,
    IntrinsicConfig: IntrinsicObjective,
    PctNetConfig: PctNetObjective,
    RainNetConfig: RainNetObjective,
    S2AMConfig: FullImageMse,
}


def objective_for(config: ModelConfig, model: HarmonizationModel, loss: LossConfig) -> Objective:
    """The objective of a model that was built from `config`."""
    return _OBJECTIVES.get(type(config), Supervised)(model, loss)
