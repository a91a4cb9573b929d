# SPDX-License-Identifier: GPL-3.0-or-later
"""From linear renders to triplets: development, exchange of foregrounds, masks, labels, manifest."""
