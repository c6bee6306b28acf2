"""What a model computes in its own framework: the truth that a bundle is compared with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from pyjsml.errors import InputError
from pyjsml.frontend.extras import require
from pyjsml.frontend.options import Dims, Inputs
from pyjsml.frontend.quiet import quiet, sentence
from pyjsml.frontend.sources import OnnxSource, TorchSource, open_source

if TYPE_CHECKING:
    from pyjsml.program import Array


class Reference(Protocol):
    """A model that runs in the framework that it comes from."""

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Return the model's outputs by name; raise InputError for inputs that don't fit."""
        ...

    def intermediates(self, inputs: Mapping[str, Array], names: Sequence[str]) -> dict[str, Array]:
        """Return the values of the tensors `names` (`Origin.output`), without those it hasn't."""
        ...


def open_reference(
    source: Any,
    *,
    args: Sequence[Any] | None = None,
    kwargs: Mapping[str, Any] | None = None,
    inputs: Inputs | None = None,
    dims: Dims | None = None,
) -> Reference:
    """Open a model for evaluation; the arguments and errors are those of `pyjsml.frontend.load`."""
    opened = open_source(source, args=args, kwargs=kwargs, inputs=inputs, dims=dims)
    return OnnxReference(opened) if isinstance(opened, OnnxSource) else TorchReference(opened)


class OnnxReference:
    """An ONNX model in ONNX Runtime on the CPU."""

    def __init__(self, source: OnnxSource) -> None:
        self._runtime = require("onnxruntime")
        self._source = source

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Run the model as the user gave it."""
        return self._evaluate(self._source.model, inputs)

    def intermediates(self, inputs: Mapping[str, Array], names: Sequence[str]) -> dict[str, Array]:
        """Run the folded model, with `names` as its outputs."""
        onnx = require("onnx")
        model = onnx.ModelProto()
        model.CopyFrom(self._source.folded)
        produced = {name for node in model.graph.node for name in node.output}
        del model.graph.output[:]
        for name in dict.fromkeys(names):
            if name in produced:
                model.graph.output.append(onnx.ValueInfoProto(name=name))
        return self._evaluate(model, inputs) if model.graph.output else {}

    def _evaluate(self, model: Any, inputs: Mapping[str, Array]) -> dict[str, Array]:
        options = self._runtime.SessionOptions()
        options.log_severity_level = 4
        # Fused operators have no intermediate values of their own, and round differently.
        options.graph_optimization_level = self._runtime.GraphOptimizationLevel.ORT_DISABLE_ALL
        session = self._runtime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        names = [output.name for output in session.get_outputs()]
        _check(inputs, [value.name for value in session.get_inputs()])
        try:
            return dict(zip(names, session.run(names, dict(inputs)), strict=True))
        except Exception as error:
            raise InputError("ONNX Runtime refuses the inputs:", [sentence(error)]) from error


class TorchReference:
    """A torch model: the eager module for outputs, its exported graph for intermediate values."""

    def __init__(self, source: TorchSource) -> None:
        self._torch = require("torch")
        self._source = source

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Call the eager module in evaluation mode."""
        from torch.utils import _pytree as pytree

        leaves = self._leaves(inputs)
        with self._torch.no_grad(), quiet():
            args, kwargs = pytree.tree_unflatten(leaves, self._source.exported.call_spec.in_spec)
            try:
                returned = self._source.eager(*args, **kwargs)
            except Exception as error:
                raise InputError("The model refuses the inputs:", [sentence(error)]) from error
        tensors = [
            leaf.detach().cpu().numpy()
            for leaf in pytree.tree_leaves(returned)
            if isinstance(leaf, self._torch.Tensor)
        ]
        return dict(zip(self._source.outputs, tensors, strict=True))

    def intermediates(self, inputs: Mapping[str, Array], names: Sequence[str]) -> dict[str, Array]:
        """Interpret the graph that was imported, node by node."""
        torch, wanted, kept = self._torch, set(names), {}

        class Interpreter(torch.fx.Interpreter):  # type: ignore[name-defined, misc]
            def run_node(self, node: Any) -> Any:
                value = super().run_node(node)
                if node.name in wanted and isinstance(value, torch.Tensor):
                    # A copy, since a later node may write into the same memory.
                    kept[node.name] = value.detach().cpu().clone().numpy()
                return value

        with torch.no_grad(), quiet():
            Interpreter(self._source.exported.graph_module).run(*self._arguments(inputs))
        return kept

    def _arguments(self, inputs: Mapping[str, Array]) -> list[Any]:
        from torch.export.graph_signature import ConstantArgument, InputKind

        exported = self._source.exported
        leaves = iter(self._leaves(inputs))
        arguments = []
        for spec in exported.graph_signature.input_specs:
            if spec.kind is InputKind.USER_INPUT:
                arguments.append(next(leaves))
            elif isinstance(spec.arg, ConstantArgument):
                arguments.append(spec.arg.value)
            elif spec.target in exported.state_dict:
                arguments.append(exported.state_dict[spec.target])
            else:
                arguments.append(exported.constants[spec.target])
        return arguments

    def _leaves(self, inputs: Mapping[str, Array]) -> list[Any]:
        from torch.export.graph_signature import ConstantArgument, InputKind

        specs = [
            spec.arg
            for spec in self._source.exported.graph_signature.input_specs
            if spec.kind is InputKind.USER_INPUT
        ]
        _check(inputs, [arg.name for arg in specs if not isinstance(arg, ConstantArgument)])
        return [
            arg.value
            if isinstance(arg, ConstantArgument)
            else self._torch.from_numpy(inputs[arg.name].copy())
            for arg in specs
        ]


def _check(inputs: Mapping[str, Array], names: Sequence[str]) -> None:
    problems = [f"{name!r} is missing" for name in names if name not in inputs]
    problems += [
        f"{name!r} is no input of the model: they are {', '.join(names)}"
        for name in inputs
        if name not in names
    ]
    if problems:
        raise InputError("The inputs don't fit the model:", problems)
