# SPDX-License-Identifier: Apache-2.0
"""Evaluation under a stated protocol: one row per image, one table with the composite's own row beside the model's."""
