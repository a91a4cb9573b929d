# SPDX-License-Identifier: GPL-3.0-or-later
"""The places: each module has one `build(stage)` that dresses a `Stage` and returns its `Place`."""
