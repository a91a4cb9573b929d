# SPDX-License-Identifier: GPL-3.0-or-later
"""Something a run needs and does not find: the sentence for the artist, and the button that gives it."""

from __future__ import annotations

from harmonize_core.errors import InputError


class Lack(InputError):
    """A refusal that a button can mend: `mend` is a name in `mending.MENDS`, or empty where only the artist can."""

    def __init__(self, text: str, mend: str = "") -> None:
        super().__init__(text)
        self.mend = mend
