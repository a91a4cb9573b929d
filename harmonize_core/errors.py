# SPDX-License-Identifier: Apache-2.0
"""Every error this project raises on purpose: one sentence with what was expected, what was found, where, what to do.

* HarmonizeError
  + UnknownName      a model, preset, style, scene or category that is not registered
  + ConfigError      an option, config or job file that does not decode or is inconsistent
  + InputError       a file or array of the user's that cannot be used (missing, damaged, of the wrong size)
  + OutputError      a place that cannot be written to (no permission, disk full, occupied)
  + CheckpointError  a weights file that does not fit the model it is loaded into
  + DatasetError     a data set on disk that breaks its layout
  + EnvironmentFault something missing on this machine (a system library, an optional package)
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class HarmonizeError(Exception):
    """Base class: `except HarmonizeError` catches exactly our own refusals."""


class UnknownName(HarmonizeError):
    """A name that is not registered; the message lists what is."""

    @classmethod
    def of(cls, kind: str, name: str, known: Iterable[str]) -> UnknownName:
        """The error for `name` of a `kind` ("style", "model"), with a suggestion and the known names."""
        names = [str(k) for k in known]
        close = difflib.get_close_matches(name, names, n=1)
        hint = f" did you mean {close[0]!r}?" if close else ""
        return cls(f"no {kind} is named {name!r};{hint} known: {', '.join(names)}")


class ConfigError(HarmonizeError): ...


class InputError(HarmonizeError): ...


class OutputError(HarmonizeError): ...


class CheckpointError(HarmonizeError): ...


class DatasetError(HarmonizeError): ...


class EnvironmentFault(HarmonizeError): ...
