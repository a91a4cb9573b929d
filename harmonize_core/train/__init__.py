# SPDX-License-Identifier: Apache-2.0
"""Training: presets, the loop, its state on disk and its logs."""
