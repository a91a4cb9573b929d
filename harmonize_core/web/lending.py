# SPDX-License-Identifier: Apache-2.0
"""The networks that the page lends: one file or name, and its branch for each kind of foreground it knows."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import get_args

from harmonize_core.errors import CheckpointError, ConfigError, EnvironmentFault, InputError
from harmonize_core.formats.triplet import Domain
from harmonize_core.infer.predictor import Predictor
from harmonize_core.infer.shipped import shipped

Load = Callable[[Domain], Predictor]


class Lending:
    """Networks by domain, each opened when it is first asked for."""

    def __init__(self, load: Load, domains: tuple[Domain, ...]) -> None:
        """Args:
        load: opens the branch of a domain.
        domains: those there are; the first is used where none is asked for.
        """
        self.domains = domains
        self._load, self._opened, self._lock = load, {}, threading.Lock()

    @classmethod
    def of_file(cls, path: Path) -> Lending:
        """From a weights file or the name of a network whose weights come with the package; opens its first branch.

        Raises:
            CheckpointError, ConfigError, EnvironmentFault: as `Predictor.load`.
        """
        first = Predictor.load(path)
        known: tuple[Domain, ...] = get_args(Domain)
        held = next((d for d in known if d == first.info.metadata.get("domain")), "photographic")
        others = [domain for domain in known if domain != held and _also(path, first, domain)]
        lending = cls(lambda domain: Predictor.load(path, domain=domain), (held, *others))
        lending._opened[held] = first
        return lending

    def __getitem__(self, domain: Domain | None) -> Predictor:
        """Raises: InputError where the network has no branch for that domain."""
        wanted = domain or self.domains[0]
        if wanted not in self.domains:
            raise InputError(f"this network has no branch for {wanted} foregrounds, only for {', '.join(self.domains)}")
        with self._lock:
            if wanted not in self._opened:
                self._opened[wanted] = self._load(wanted)
            return self._opened[wanted]


def _also(path: Path, first: Predictor, domain: Domain) -> bool:
    """Whether a file or name holds the branch of another domain than the one that was opened."""
    if path.suffix == ".onnx":
        return False  # holds the branch that it was exported with
    if shipped(path):
        try:
            Predictor.load(path, domain=domain)
        except (CheckpointError, ConfigError, EnvironmentFault):
            return False
        return True
    from harmonize_core.models import registered

    entry = registered().get(first.info.name)
    return entry is not None and "domains" in entry.features
