# SPDX-License-Identifier: GPL-3.0-or-later
"""Sky and sun as numpy arrays: no Blender here."""
