# SPDX-License-Identifier: Apache-2.0
"""What tests of several folders share."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:  # tests without networks need not wait for torch
    from harmonize_core.models import ModelConfig

WIDTHS = {"width", "critic_width", "harmonizer_width", "widths", "hrnet_width", "ocr_channels", "pyramid_channels"}


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """Draw the same numbers in every test, whatever ran before it in this process and how many processes there are.

    NumPy's and Python's own generators are never used without a seed; torch's global one fills new networks.
    """
    if torch := sys.modules.get("torch"):
        torch.manual_seed(0)


@pytest.fixture(scope="session")
def narrow() -> Callable[[ModelConfig], ModelConfig]:
    """Makes the config of the same layers with an eighth of the channels, where a config says how many there are."""

    def with_an_eighth(config: ModelConfig) -> ModelConfig:
        widths = {f.name for f in dataclasses.fields(config) if getattr(config, f.name) is not None} & WIDTHS
        return dataclasses.replace(config, **{name: _eighth(getattr(config, name)) for name in widths})

    return with_an_eighth


def _eighth(width: int | tuple[int, ...]) -> int | tuple[int, ...]:
    return width // 8 if isinstance(width, int) else tuple(one // 8 for one in width)
