# SPDX-License-Identifier: Apache-2.0
"""The parts of an ONNX file that running it needs, read without the packages `onnx` and `protobuf`.

The file is a protocol buffer: fields of (number << 3 | wire type) and a value (protobuf.dev, "Encoding"); the numbers
of the fields are those of onnx/onnx.proto in onnx/onnx@v1.17. Nothing in a file is run or followed: every length is
checked against what is left, arrays are as large as the bytes that hold them, files next to it are not opened.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harmonize_core.errors import CheckpointError

Attribute = float | int | str | NDArray[Any] | list[float] | list[int] | list[str]

Shape = tuple[int | str | None, ...]
"""Of an input or output: numbers, names of free sizes, None where nothing is said."""

LARGEST_FILE = 2**31
"""Bytes; a protocol buffer cannot be larger."""

MOST_AXES = 8
"""Of an array; networks of ours have 5."""

TYPES = {
    1: np.dtype("<f4"),
    2: np.dtype("u1"),
    3: np.dtype("i1"),
    4: np.dtype("<u2"),
    5: np.dtype("<i2"),
    6: np.dtype("<i4"),
    7: np.dtype("<i8"),
    9: np.dtype("?"),
    10: np.dtype("<f2"),
    11: np.dtype("<f8"),
    12: np.dtype("<u4"),
    13: np.dtype("<u8"),
}
"""`TensorProto.DataType` to NumPy."""

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


@dataclass(frozen=True)
class Node:
    """One operation: names of values in, names of values out; an empty name is an argument that is left out."""

    operator: str
    """With its domain in front where that is not ONNX's own: "com.microsoft.Gelu"."""
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Attribute]


@dataclass(frozen=True)
class OnnxModel:
    """What a file holds."""

    opset: int
    nodes: tuple[Node, ...]
    constants: dict[str, NDArray[Any]]
    inputs: dict[str, Shape]
    """Without those that are constants."""
    outputs: dict[str, Shape]
    metadata: dict[str, str]


class _Damaged(Exception):
    """The file breaks the format; the text says how."""


def read_onnx(path: Path) -> OnnxModel:
    """Read an ONNX file whose weights are inside.

    Raises:
        CheckpointError: missing, damaged, too large, or with parts that are not read here (weights in other files,
            sparse weights, functions).
    """
    try:
        size = path.stat().st_size
        if size > LARGEST_FILE:
            raise CheckpointError(f"{path} should be an ONNX model of at most 2 GiB but has {size} bytes")
        return _model(memoryview(path.read_bytes()))
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read ({error.strerror}); check the path") from error
    except (_Damaged, UnicodeDecodeError) as error:
        why = "text that is not UTF-8" if isinstance(error, UnicodeDecodeError) else error
        raise CheckpointError(
            f"{path} is not a readable ONNX model ({why}); copy it again or export it anew"
        ) from error


def _model(data: memoryview) -> OnnxModel:
    opset, metadata = 0, {}
    graph = None
    for number, value in _fields(data):
        if number == 7:
            graph = _bytes(value)
        elif number == 8:
            domain, version = _texts(value, 1)[0] or "", _numbers(value, 2)
            opset = version[-1] if not domain and version else opset
        elif number == 14:
            key, text = _texts(value, 1, 2)
            metadata[key or ""] = text or ""
        elif number == 25:
            raise _Damaged("it holds functions, which are not read here")
    if graph is None or not opset:
        raise _Damaged("it holds no network")
    nodes: list[Node] = []
    constants: dict[str, NDArray[Any]] = {}
    inputs: dict[str, Shape] = {}
    outputs: dict[str, Shape] = {}
    for number, value in _fields(graph):
        if number == 1:
            nodes.append(_node(_bytes(value)))
        elif number == 5:
            name, array = _tensor(_bytes(value))
            constants[name] = array
        elif number in (11, 12):
            name, shape = _value_info(_bytes(value))
            (inputs if number == 11 else outputs)[name] = shape
        elif number == 15:
            raise _Damaged("it holds sparse weights, which are not read here")
    inputs = {name: shape for name, shape in inputs.items() if name not in constants}
    return OnnxModel(opset, tuple(nodes), constants, inputs, outputs, metadata)


def _node(data: memoryview) -> Node:
    inputs, outputs, attributes = [], [], {}
    operator = domain = ""
    for number, value in _fields(data):
        if number == 1:
            inputs.append(_text(value))
        elif number == 2:
            outputs.append(_text(value))
        elif number == 4:
            operator = _text(value)
        elif number == 5:
            name, attribute = _attribute(_bytes(value))
            attributes[name] = attribute
        elif number == 7:
            domain = _text(value)
    if domain not in ("", "ai.onnx"):
        operator = f"{domain}.{operator}"
    return Node(operator, tuple(inputs), tuple(outputs), attributes)


def _attribute(data: memoryview) -> tuple[str, Attribute]:
    """Name and value; which of its fields counts is said by its type (field 20)."""
    (name,) = _texts(data, 1)
    kind = _numbers(data, 20)
    if name is None or not kind:
        raise _Damaged("an attribute without name or type")
    found = {number: value for number, value in _fields(data) if number in (2, 4, 5)}
    try:
        match kind[-1]:
            case 1:
                return name, float(np.frombuffer(_bytes(found[2]), "<f4")[0])
            case 2:
                return name, _numbers(data, 3)[-1]
            case 3:
                return name, _text(found[4])
            case 4:
                return name, _tensor(_bytes(found[5]))[1]
            case 6:
                return name, [float(x) for v in _repeated(data, 7) for x in np.frombuffer(_whole(v, 4), "<f4")]
            case 7:
                return name, _numbers(data, 8)
            case 8:
                return name, [_text(value) for value in _repeated(data, 9)]
    except (KeyError, IndexError) as error:
        raise _Damaged(f"the attribute {name} has no value") from error
    raise _Damaged(f"the attribute {name} is of kind {kind[-1]}, which is not read here")


def _tensor(data: memoryview) -> tuple[str, NDArray[Any]]:
    """Name and array, copied so that it is aligned and the file's bytes can go."""
    name = _texts(data, 8)[0] or ""
    (kind,) = _numbers(data, 2)[-1:] or (0,)
    if kind not in TYPES:
        raise _Damaged(f"the weights {name!r} are of type {kind}, which is not read here")
    if _repeated(data, 13) or 1 in _numbers(data, 14):
        raise _Damaged(f"the weights {name!r} lie in another file")
    dtype, dims = TYPES[kind], _numbers(data, 1)
    if len(dims) > MOST_AXES or any(dim < 0 for dim in dims):
        raise _Damaged(f"the weights {name!r} have {len(dims)} axes or a negative size")
    raw = _repeated(data, 9)
    array = np.frombuffer(_whole(raw[-1], dtype.itemsize), dtype) if raw else _spelled_out(data, kind)
    if array.size != math.prod(dims):
        raise _Damaged(f"the weights {name!r} should hold {math.prod(dims)} numbers but hold {array.size}")
    return name, array.reshape(dims).astype(dtype.newbyteorder("="), copy=True)


def _spelled_out(data: memoryview, kind: int) -> NDArray[Any]:
    """The numbers of a tensor that has no raw bytes: each kind has its field."""
    if kind in (1, 11):
        number, dtype = (4, "<f4") if kind == 1 else (10, "<f8")
        parts = [np.frombuffer(_whole(value, TYPES[kind].itemsize), dtype) for value in _repeated(data, number)]
        return np.concatenate(parts) if parts else np.zeros(0, dtype)
    numbers = np.array(_numbers(data, {7: 7, 12: 11, 13: 11}.get(kind, 5)), np.int64)
    if kind == 10:
        return numbers.astype(np.uint16).view(np.float16)  # the bits of half floats
    return numbers.astype(TYPES[kind])


def _value_info(data: memoryview) -> tuple[str, Shape]:
    (name,) = _texts(data, 1)
    shape: list[int | str | None] = []
    for kind in _repeated(data, 2):
        for tensor in _repeated(_bytes(kind), 1):
            for dims in _repeated(_bytes(tensor), 2):
                for dim in _repeated(_bytes(dims), 1):
                    size = _numbers(dim, 1)
                    shape.append(size[-1] if size else _texts(dim, 2)[0])
    return name or "", tuple(shape)


def _fields(data: memoryview | int) -> Iterator[tuple[int, memoryview | int]]:
    """Numbers and values of a message's fields: an int, or the bytes of a string, message or fixed number."""
    data = _bytes(data)
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        kind = key & 7
        if kind == _VARINT:
            value, at = _varint(data, at)
            yield key >> 3, value
            continue
        if kind == _BYTES:
            length, at = _varint(data, at)
        elif kind in (_FIXED32, _FIXED64):
            length = 4 if kind == _FIXED32 else 8
        else:
            raise _Damaged(f"a field of unknown wire type {kind}")
        if length > len(data) - at:
            raise _Damaged("it ends too early")
        yield key >> 3, data[at : at + length]
        at += length


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    """The number at a place, and the place behind it."""
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            raise _Damaged("it ends too early")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & (2**64 - 1), at
    raise _Damaged("a number of more than 64 bits")


def _repeated(data: memoryview | int, number: int) -> list[memoryview | int]:
    return [value for found, value in _fields(data) if found == number]


def _numbers(data: memoryview | int, number: int) -> list[int]:
    """The signed whole numbers of a field, one by one or packed."""
    found = []
    for value in _repeated(data, number):
        if isinstance(value, int):
            found.append(value)
            continue
        at = 0
        while at < len(value):
            one, at = _varint(value, at)
            found.append(one)
    return [value - 2**64 if value >= 2**63 else value for value in found]


def _texts(data: memoryview | int, *numbers: int) -> list[str | None]:
    """The last text of each of these fields, None for one that is not there."""
    found: dict[int, str] = {n: _text(value) for n, value in _fields(data) if n in numbers}
    return [found.get(number) for number in numbers]


def _text(value: memoryview | int) -> str:
    return bytes(_bytes(value)).decode("utf-8")


def _bytes(value: memoryview | int) -> memoryview:
    if isinstance(value, int):
        raise _Damaged("a number where bytes should be")
    return value


def _whole(value: memoryview | int, size: int) -> memoryview:
    """Bytes that hold whole numbers of `size` bytes."""
    data = _bytes(value)
    if len(data) % size:
        raise _Damaged("bytes that are no whole number of values")
    return data
