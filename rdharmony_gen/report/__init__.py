# SPDX-License-Identifier: GPL-3.0-or-later
"""A page and a contact sheet for people."""
