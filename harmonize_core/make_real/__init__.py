# SPDX-License-Identifier: Apache-2.0
"""Photographs and masks to photographic triplets: the foreground is recoloured, the untouched photograph is the truth."""

from harmonize_core.make_real.run import MakeRealOptions, make_real

__all__ = ["MakeRealOptions", "make_real"]
