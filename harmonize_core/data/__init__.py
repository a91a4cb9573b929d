# SPDX-License-Identifier: Apache-2.0
"""Triplets as training batches: finding them on disk, one geometry for three images, an order that can be resumed."""
