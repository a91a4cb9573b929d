# SPDX-License-Identifier: Apache-2.0
"""What the calls of the page share: the networks, what was sent, what is worked on."""

from __future__ import annotations

import re
import threading
from pathlib import Path

import msgspec

from harmonize_core.formats.triplet import Domain
from harmonize_core.infer.controls import Controlled, Controls, Transform
from harmonize_core.web import steering
from harmonize_core.web.lending import Lending
from harmonize_core.web.shots import Floats, Shot, Shots
from harmonize_core.web.uploads import Uploads


class Steer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is chosen in the form."""

    domain: Domain | None = None
    controls: dict[str, bool | float | str | None] = {}


class Desk:
    """All that the calls need; its methods are called by several threads, one at a time under `work`."""

    def __init__(self, lending: Lending, folder: Path) -> None:
        """Args:
        lending: the networks.
        folder: an empty one that goes away with the server.
        """
        self.lending = lending
        self.folder = folder
        self.uploads = Uploads(folder)
        self.shots = Shots(self.uploads)
        self.work = threading.Lock()
        """One heavy piece of work at a time: a second would only take the first one's cores and memory."""

    def words(self, error: Exception) -> str:
        """What an error says to somebody in front of the page: with their file names, without options of a command."""
        options = re.compile(r"--([a-z][a-z-]+)")
        return options.sub(lambda m: f"“{steering.label(m[1].replace('-', '_'))}”", self.uploads.words(error))

    def controls(self, steer: Steer) -> Controls:
        """Raises: Refused, ConfigError: as `steering.controls`."""
        return steering.controls(steer.controls, lambda key: self.uploads[key].path)

    def transform(
        self, shot: Shot, steer: Steer, controls: Controls, seen: tuple[Floats, Floats] | None = None
    ) -> Transform:
        """What the network says of a shot; it is asked once for each domain, reference and direction of the fit.

        Args:
            shot: the picture.
            steer: what is chosen.
            controls: the same, decoded.
            seen: what the network is to see, if it is at hand; else it is read again.

        Raises:
            InputError: the network has no branch for that domain, or as `Controlled.estimate`.
        """
        known = self.lending.domains
        domain = controls.domain(steer.domain or known[0])
        if controls.invert and domain not in known:  # a background of which this network has no branch
            domain = known[0]
        key = (domain, controls.invert, controls.reference)
        if key not in shot.looks:
            if seen is None:
                seen = (shot.composite, shot.mask) if shot.place else self.shots.whole(shot.ask)[1:]
            fit = Controls(invert=controls.invert, reference=controls.reference)
            shot.looks[key] = Controlled(self.lending[domain], fit).estimate(*seen)
        return shot.looks[key]
