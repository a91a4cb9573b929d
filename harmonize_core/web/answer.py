# SPDX-License-Identifier: Apache-2.0
"""What the page's server sends back: facts, one sentence, a picture, or a file to save."""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import quote

import msgspec


@dataclass(frozen=True)
class Answer:
    """What is sent back."""

    data: bytes | Path
    """The bytes, or a file that is deleted when it has been sent."""
    kind: str
    """Media type."""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def json(cls, facts: Any, status: int = 200) -> Answer:
        """Facts as JSON."""
        return cls(msgspec.json.encode(facts), "application/json", status)

    @classmethod
    def error(cls, status: int, words: str) -> Answer:
        """One sentence for the page."""
        return cls.json({"error": words}, status)

    @classmethod
    def download(cls, data: bytes | Path, name: str) -> Answer:
        """A file to save under a name."""
        plain = re.sub(r"[^A-Za-z0-9._-]", "_", name)
        place = f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
        return cls(data, "application/octet-stream", headers={"Content-Disposition": place})

    @property
    def length(self) -> int:
        """In bytes."""
        return len(self.data) if isinstance(self.data, bytes) else self.data.stat().st_size

    def stream(self) -> BinaryIO:
        """To read and close; a file is gone from its folder as soon as it is open, where the system allows that."""
        if isinstance(self.data, bytes):
            return io.BytesIO(self.data)
        stream = self.data.open("rb")
        self.done()
        return stream

    def done(self) -> None:
        """It has been sent, or cannot be."""
        if isinstance(self.data, Path):
            with contextlib.suppress(PermissionError):  # Windows keeps what is open
                self.data.unlink(missing_ok=True)
