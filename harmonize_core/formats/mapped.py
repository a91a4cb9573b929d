# SPDX-License-Identifier: Apache-2.0
"""Arrays by name in one file that is mapped into memory, not read: a training sample touches only what it needs.

The files are safetensors (github.com/huggingface/safetensors: eight bytes of header length, a JSON header, the data),
so other programs read them, and no code in them is run.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from harmonize_core.errors import InputError
from harmonize_core.formats.images import write_bytes

DTYPES = {"F16": np.float16, "F32": np.float32, "U8": np.uint8, "U16": np.uint16, "I32": np.int32}


def write_arrays(path: Path, arrays: Mapping[str, NDArray], about: Mapping[str, str]) -> None:
    """Write arrays and short texts about them, atomically.

    Raises:
        OutputError: the file cannot be written.
    """
    whole = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    write_bytes(path, save(whole, metadata=dict(about)))


def map_arrays(path: Path) -> tuple[dict[str, NDArray], dict[str, str]]:
    """The arrays of a file, mapped, and the texts about them; the file never changes.

    Raises:
        InputError: missing, damaged, or with arrays of another type than `DTYPES`.
    """
    if not path.is_file():
        raise InputError(f"{path} does not exist; check the path")
    try:
        with safe_open(path, framework="numpy") as file:  # checks that the header is sound and the file is whole
            about = file.metadata() or {}
        with open(path, "rb") as stream:
            length = int.from_bytes(stream.read(8), "little")
            header = json.loads(stream.read(length))
        data = np.memmap(path, np.uint8, "c")  # changes would stay in memory; torch wants arrays that may change
        arrays: dict[str, NDArray] = {}
        for name, entry in header.items():
            if name != "__metadata__":
                begin, end = entry["data_offsets"]
                part = data[8 + length + begin : 8 + length + end]
                arrays[name] = part.view(DTYPES[entry["dtype"]]).reshape(entry["shape"])
        return arrays, about
    except (SafetensorError, OSError, ValueError, KeyError) as error:
        raise InputError(f"{path} is damaged or of another kind ({error}); delete it and make it again") from error


def read_about(path: Path) -> dict[str, str]:
    """The texts about the arrays of a file, without opening its data.

    Raises:
        InputError: as `map_arrays`.
    """
    try:
        with safe_open(path, framework="numpy") as file:
            return file.metadata() or {}
    except (SafetensorError, OSError) as error:
        raise InputError(f"{path} is damaged or of another kind ({error}); delete it and make it again") from error
