# SPDX-License-Identifier: Apache-2.0
"""Inference without torch: the exported network, the colour transform, and its application to pictures."""

from harmonize_core.runtime.follower import Follower as Follower
from harmonize_core.runtime.layers import apply_transform as apply_transform
from harmonize_core.runtime.layers import harmonize as harmonize
from harmonize_core.runtime.layers import harmonize_layers as harmonize_layers
from harmonize_core.runtime.look import Look as Look
from harmonize_core.runtime.look_session import LookHarmonizer as LookHarmonizer
from harmonize_core.runtime.look_session import open_harmonizer as open_harmonizer
from harmonize_core.runtime.session import Harmonizer as Harmonizer
from harmonize_core.runtime.session import ModelInfo as ModelInfo
from harmonize_core.runtime.temporal import lock as lock
from harmonize_core.runtime.temporal import smooth as smooth
from harmonize_core.runtime.temporal import smooth_over_time as smooth_over_time
from harmonize_core.runtime.transform import ColorTransform as ColorTransform
from harmonize_core.runtime.transform import MaskEmpty as MaskEmpty
from harmonize_core.runtime.transform import fit_transform as fit_transform
