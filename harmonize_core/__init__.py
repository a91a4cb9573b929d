# SPDX-License-Identifier: Apache-2.0
"""Models, losses, metrics, training and inference for image harmonization."""
