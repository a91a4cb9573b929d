# SPDX-License-Identifier: Apache-2.0
"""Photographs and masks to photographic triplets: foregrounds are recoloured, the untouched photo is the truth."""

from harmonize_core.make_real.run import MakeRealOptions, check_options, make_real
from harmonize_core.make_real.split import SplitOptions

__all__ = ["MakeRealOptions", "SplitOptions", "check_options", "make_real"]
