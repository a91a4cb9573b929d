# SPDX-License-Identifier: Apache-2.0
"""`NumpyNetwork`: an exported network run by NumPy alone, where ONNX Runtime cannot be loaded.

At load, everything that depends on nothing is computed, weights are laid out for the products that they are needed in,
and what follows a convolution point by point joins it. When it runs, a value is gone as soon as nothing needs it, or
the next one is written into its place. Products run in NumPy's BLAS, which takes the cores it is configured for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harmonize_core.errors import CheckpointError, EnvironmentFault
from harmonize_core.runtime.numpy_convolution import Finish
from harmonize_core.runtime.numpy_makers import Array, Compute, Unsupported
from harmonize_core.runtime.numpy_operators import MAKERS
from harmonize_core.runtime.numpy_pictures import conv, conv_transpose
from harmonize_core.runtime.numpy_pointwise import ELEMENTWISE
from harmonize_core.runtime.onnx_file import Node, Shape, read_onnx

OPSETS = range(13, 24)
"""Versions of the operators that are known here."""

CONVOLUTIONS = {"Conv": conv, "ConvTranspose": conv_transpose}

OWN = ELEMENTWISE | CONVOLUTIONS.keys()
"""Operators whose result shares its memory with no other value."""


@dataclass(frozen=True)
class Step:
    """One call."""

    node: Node
    compute: Compute
    inputs: tuple[str, ...]
    """Those that are computed."""
    outputs: tuple[str, ...]
    last: tuple[str, ...]
    """Values that nothing needs afterwards."""
    spare: str
    """One of them that the result may be written to; empty for none."""


class NumpyNetwork:
    """An opened file; `runtime/engines.py` says what it stands for."""

    def __init__(self, path: Path) -> None:
        """Read a file and get ready.

        Raises:
            CheckpointError: missing, damaged, or inconsistent.
            EnvironmentFault: it holds an operator that is missing here.
        """
        model = read_onnx(path)
        self.label = f"NumPy {np.__version__} on the CPU"
        self.inputs: Mapping[str, Shape] = model.inputs
        self.outputs: Mapping[str, Shape] = model.outputs
        self.metadata: Mapping[str, str] = model.metadata
        self._path = path
        if model.opset not in OPSETS:
            raise EnvironmentFault(
                f"{path} uses ONNX operators of version {model.opset}, but the NumPy executor knows "
                f"{OPSETS.start} to {OPSETS.stop - 1}; install onnxruntime"
            )
        self._constants = model.constants
        with np.errstate(all="ignore"):
            self._steps = self._plan(model.nodes)
        needed = {*self.outputs, *(name for step in self._steps for name in step.inputs)}
        self._constants = {name: value for name, value in self._constants.items() if name in needed}

    def run(self, names: Sequence[str], feed: Mapping[str, NDArray[np.float32]]) -> list[Array]:
        """Outputs by name, from all inputs by name.

        Raises:
            CheckpointError: the network does not fit together.
        """
        values: dict[str, Array] = {**self._constants, **feed}
        with np.errstate(all="ignore"):
            for step in self._steps:
                arrays = [values[name] for name in step.inputs]
                spare = values[step.spare] if step.spare else None
                for name in step.last:
                    del values[name]
                values.update(self._called(step, arrays, spare))
        return [values[name] for name in names]

    def _called(self, step: Step, arrays: list[Array], spare: Array | None = None) -> dict[str, Array]:
        """What a step gives, by name."""
        more = {} if spare is None else {"spare": spare}
        try:
            result = step.compute(*arrays, **more)
        except Unsupported as error:
            raise self._lacking(step.node, error) from error
        except Exception as error:  # NumPy has many ways to say that a damaged file's arrays do not fit
            raise self._broken(step.node, error) from error
        results = result if isinstance(result, list) else [result]
        if len(results) < len(step.outputs):
            raise self._broken(step.node, ValueError(f"{len(results)} results"))
        return {name: np.asarray(value) for name, value in zip(step.outputs, results, strict=False) if name}

    def _lacking(self, node: Node, what: object) -> EnvironmentFault:
        return EnvironmentFault(
            f"{self._path} needs {node.operator}, but the NumPy executor lacks {what}; install onnxruntime"
        )

    def _broken(self, node: Node, why: BaseException) -> CheckpointError:
        text = (str(why).splitlines() or [""])[0] or type(why).__name__
        return CheckpointError(
            f"{self._path} should hold a network that fits together, but its {node.operator} giving "
            f"{', '.join(node.outputs)} fails ({text}); export it anew"
        )

    def _plan(self, nodes: Sequence[Node]) -> list[Step]:
        """The steps that are left when everything constant is computed, in the file's order."""
        made = Counter([*self.inputs, *self._constants, *(name for node in nodes for name in node.outputs if name)])
        for node in nodes:
            if not node.outputs or any(made[name] > 1 for name in node.outputs):
                raise self._broken(node, ValueError("a value of that name is there already, or it has none"))
        nodes = [node for node in nodes if not self._folded(node)]
        uses = Counter(name for node in nodes for name in node.inputs)
        uses.update(list(self.outputs))
        makers = {node.outputs[0]: node for node in nodes}
        shared = {name for node in nodes if node.operator not in OWN for name in (*node.inputs, *node.outputs)}
        shared.update(self.inputs, self.outputs, self._constants)
        joined: dict[str, list[Node]] = {}
        """By the first output of a convolution: what runs with it."""
        into: dict[str, str] = {}
        kept = []
        for node in nodes:
            source = into.get(node.inputs[0], node.inputs[0]) if node.inputs else ""
            if self._joins(node, makers.get(source), uses):
                joined.setdefault(source, []).append(node)
                into[node.outputs[0]] = source
            else:
                kept.append(node)
        return self._ordered(kept, joined, shared)

    def _folded(self, node: Node) -> bool:
        """Whether a node depends on constants alone; its results are constants then."""
        if any(name and name not in self._constants for name in node.inputs):
            return False
        step = Step(node, self._made(node, ()), (), node.outputs, (), "")
        self._constants.update(self._called(step, []))
        return True

    def _joins(self, node: Node, source: Node | None, uses: Counter[str]) -> bool:
        """Whether a node works point by point on a convolution's result, which nothing else needs."""
        return (
            source is not None
            and source.operator in CONVOLUTIONS
            and node.operator in ELEMENTWISE
            and uses[node.inputs[0]] == 1
            and all(not name or self._is_number(name) for name in node.inputs[1:])
        )

    def _is_number(self, name: str) -> bool:
        constant = self._constants.get(name)
        return constant is not None and constant.size == 1 and constant.ndim <= 1 and constant.dtype == np.float32

    def _made(self, node: Node, after: Sequence[Compute]) -> Compute:
        """The function of a node."""
        fixed = [(self._constants.get(name, ...) if name else None) for name in node.inputs]
        try:
            if after:
                return CONVOLUTIONS[node.operator](node.attributes, fixed, 1, _finish(after))
            if node.operator not in MAKERS:
                raise self._lacking(node, "this operator")
            return MAKERS[node.operator](node.attributes, fixed, len(node.outputs))
        except Unsupported as error:
            raise self._lacking(node, error) from error
        except EnvironmentFault:
            raise
        except Exception as error:  # as above: attributes of any type and size
            raise self._broken(node, error) from error

    def _ordered(self, nodes: Sequence[Node], joined: Mapping[str, list[Node]], shared: set[str]) -> list[Step]:
        """Steps that know which values end with them."""
        known = {*self.inputs, *self._constants}
        read = [tuple(n for n in node.inputs if n and n not in self._constants) for node in nodes]
        ends = {name: i for i, names in enumerate(read) for name in names}
        steps = []
        for i, (node, inputs) in enumerate(zip(nodes, read, strict=True)):
            missing = [name for name in inputs if name not in known]
            if missing:
                raise self._broken(node, ValueError(f"nothing gives its input {missing[0]}"))
            after = joined.get(node.outputs[0], [])
            compute = self._made(node, [self._made(one, ()) for one in after])
            outputs = after[-1].outputs if after else node.outputs
            last = tuple(dict.fromkeys(n for n in inputs if ends[n] == i and n not in self.outputs))
            spares = [n for n in last if n not in shared] if node.operator in ELEMENTWISE else []
            steps.append(Step(node, compute, inputs, outputs, last, spares[0] if spares else ""))
            known.update(outputs)
        missing = [name for name in self.outputs if name not in known]
        if missing:
            raise CheckpointError(f"{self._path} should give {missing[0]} but nothing in it does; export it anew")
        return steps


def _finish(after: Sequence[Compute]) -> Finish:
    def finish(values: Array) -> None:
        for compute in after:
            compute(values, spare=values)

    return finish
