# SPDX-License-Identifier: GPL-3.0-or-later
"""A finished set looked at again, file by file."""
