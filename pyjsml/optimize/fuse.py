"""Fuse each op with the element-wise work around it, so that a kernel reads and writes memory once.

A group grows along chains whose links nobody else reads: an element-wise operator joins the group
that computes its operand, and brings in the groups of its other operands if they are as cheap as it
is. Convolutions, products and reductions take what follows them; reductions also take what
precedes them. What runs at load time stays unfused: its kernels are generic, and shared.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

import tvm
from tvm import relax

from pyjsml.kernels.tir.expression import item_bytes
from pyjsml.optimize.parts import are_parts, reads_parts
from pyjsml.optimize.rewrite import (
    bindings,
    constant_vars,
    dtype_of,
    op_name,
    operands,
    rebuild,
    same_shape,
    shape_of,
    tensor_fields,
    use_counts,
)
from pyjsml.program import Fusion

# TVM's kinds of operator (relax.op.OpPatternKind), from the freest to the most rigid.
BROADCAST, INJECTIVE, REDUCTION, OUT_FUSABLE, OPAQUE = 1, 2, 3, 4, 8
APART = ("concatenate",)
"""Operators that are called injective, yet are faster as copies of their own."""
WIDENING = ("cast", "dequantize")
"""Operators that may give elements more bytes: those go with what reads them, so that memory holds
the few."""


@dataclass(frozen=True)
class Group:
    """Bindings that become one op; the last one's value is the op's result.

    `anchor` is the most rigid of them, after which the op is called.
    """

    pattern: int
    members: tuple[relax.VarBinding, ...]
    anchor: relax.VarBinding


def fuse(module: tvm.IRModule, *, parts: bool) -> tuple[tvm.IRModule, dict[str, Fusion]]:
    """Return `module` with one TIR function per op, and what each op was made of, by its result.

    `parts` lets kernels read the parts of a concatenation in its place.
    """
    groups = {group.members[-1].var: group for group in _groups(module, parts)}

    def transform(builder: relax.BlockBuilder, var: relax.Var, value: relax.Expr) -> relax.Expr:
        group = groups.get(var)
        if group is None or len(group.members) == 1:
            return value
        function, arguments = _primitive(group)
        callee = builder.add_func(function, "fused_" + "_".join(map(_callee, group.members)))
        inputs = [
            known.get(argument.name, argument) if isinstance(argument, relax.Var) else argument
            for argument in arguments
        ]
        return relax.Call(callee, inputs)

    known: dict[str, relax.Expr] = {}

    def remember(builder: relax.BlockBuilder, var: relax.Var, value: relax.Expr) -> relax.Expr:
        bound = builder.emit(transform(builder, var, value), name_hint=var.name)
        known[var.name] = bound
        return bound

    fused = relax.transform.DeadCodeElimination(["main"])(rebuild(module, remember))
    fused = relax.transform.FuseTIR()(fused)
    fusions = {
        var.name: Fusion(_kind(group), tuple(member.var.name for member in group.members))
        for var, group in groups.items()
    }
    return relax.transform.DeadCodeElimination(["main"])(fused), fusions


def _groups(module: tvm.IRModule, parts: bool) -> list[Group]:
    uses = use_counts(module)
    constants = constant_vars(module)
    reduced = _reduced(module)
    group_of: dict[relax.Var, Group] = {}
    for binding in bindings(module):
        group = Group(_pattern(module, binding), (binding,), binding)
        apart = binding.var in reduced and uses[binding.var] == 1 and _widens(binding)
        if group.pattern != OPAQUE and binding.var not in constants and not apart:
            run = {var: at for var, at in group_of.items() if var not in constants}
            if parts and (joined := _joined(group, uses, run)) is not None:
                group = replace(group, members=joined.members + group.members)
            while (producer := _producer(group, uses, run)) is not None:
                group = _merged(group, producer)
        for member in group.members:
            group_of.pop(member.var, None)
        group_of[binding.var] = group
    return list(group_of.values())


def _joined(
    group: Group, uses: dict[relax.Var, int], group_of: dict[relax.Var, Group]
) -> Group | None:
    """Return the concatenation whose parts the kernel of `group`, a single binding, can read."""
    for var in operands(group.anchor.value):
        source = group_of.get(var)
        if source is None or uses[var] != 1 or not reads_parts(group.anchor.value, var):
            continue
        value = source.anchor.value
        joins = op_name(value) == "relax.call_tir" and _callee(source.anchor).startswith(APART)
        if joins and are_parts(tensor_fields(value), var):
            return source
    return None


def _producer(
    group: Group, uses: dict[relax.Var, int], group_of: dict[relax.Var, Group]
) -> Group | None:
    """Return a group whose result only `group` reads and that it can join, the most rigid first.

    What two members read, as a product with its own sigmoid does, is found once both are members.
    """
    inside = {member.var for member in group.members}
    reads = [var for member in group.members for var in operands(member.value)]
    read_here = [var for var in dict.fromkeys(reads) if var in group_of and var not in inside]
    own = [group_of[var] for var in read_here if uses[var] == reads.count(var)]
    ranked = sorted(own, key=lambda producer: -producer.pattern)
    return next((producer for producer in ranked if _joins(group, producer)), None)


def _kind(group: Group) -> str:
    """Return what an op is called: its anchor's function without the number that made it unique."""
    if op_name(group.anchor.value) != "relax.call_tir":
        return "view"
    return re.sub(r"(?<=\D)\d+$", "", _callee(group.anchor)).removeprefix("tir_")


def _joins(group: Group, producer: Group) -> bool:
    """Say whether the kernel of `producer` can go on to compute `group`, which reads it."""
    if not _defines_its_dims(producer.members + group.members):
        return False
    result, source = group.members[-1].var, producer.members[-1].var
    alike = same_shape(shape_of(result), shape_of(source))
    if producer.pattern == OPAQUE:
        return False
    if group.pattern == OUT_FUSABLE and _widens(producer.members[-1]):
        # Not where the rigid part itself reads it, time and again.
        return alike and len(producer.members) == 1 and source not in operands(group.anchor.value)
    if producer.pattern >= REDUCTION:
        # One rigid part per kernel, and nothing but element-wise work behind it.
        return group.pattern <= BROADCAST and alike
    if group.pattern == REDUCTION and len(group.members) == 1:
        return producer.pattern <= INJECTIVE
    # An element must not be computed twice, as it would be if it were broadcast.
    return group.pattern <= INJECTIVE and alike


def _reduced(module: tvm.IRModule) -> set[relax.Var]:
    """Return what reductions read, each of which takes its operand's element-wise work with it."""
    found = (each for each in bindings(module) if _pattern(module, each) == REDUCTION)
    return {var for binding in found for var in operands(binding.value)}


def _widens(binding: relax.VarBinding) -> bool:
    """Say whether a binding converts its operand to a dtype of more bytes."""
    if op_name(binding.value) != "relax.call_tir" or not _callee(binding).startswith(WIDENING):
        return False
    kinds = (dtype_of(binding.value.args[1].fields[0]), dtype_of(binding.var))
    before, after = (item_bytes(kind) for kind in kinds)
    return before < after


def _merged(group: Group, producer: Group) -> Group:
    rigid = producer if producer.pattern > group.pattern else group
    return Group(rigid.pattern, producer.members + group.members, rigid.anchor)


def _pattern(module: tvm.IRModule, binding: relax.VarBinding) -> int:
    if op_name(binding.value) != "relax.call_tir":
        return OPAQUE
    if len(tensor_fields(binding.value)) != len(binding.value.args[1].fields):
        # It takes a dim that none of its operands spells out.
        return OPAQUE
    if not isinstance(binding.var.ty, relax.TensorType):
        return OPAQUE
    function = module[binding.value.args[0]]
    if _callee(binding).startswith(APART):
        return OPAQUE
    return int(function.attrs["op_pattern"])


def _defines_its_dims(members: tuple[relax.VarBinding, ...]) -> bool:
    """Say whether the tensors that are read from outside name every dim of the members' results."""
    inside = {member.var for member in members}
    named: set[relax.Var] = set()
    for member in members:
        for var in operands(member.value):
            if var not in inside:
                named.update(relax.analysis.definable_tir_vars_in_type(var.ty))
    return all(named.issuperset(relax.analysis.tir_vars_in_type(m.var.ty)) for m in members)


def _callee(binding: relax.VarBinding) -> str:
    return str(binding.value.args[0].name_hint)


def _primitive(group: Group) -> tuple[relax.Function, list[relax.Expr]]:
    """Return a function of the group's members over the values from outside, and those values.

    Constants come from outside too: a fused function can't hold any.
    """
    inside = {member.var for member in group.members}
    reads = [read for member in group.members for read in member.value.args[1].fields]
    outside = [read for read in dict.fromkeys(reads) if read not in inside]
    builder = relax.BlockBuilder()
    known: dict[relax.Expr, relax.Expr] = {
        read: relax.Var(read.name if isinstance(read, relax.Var) else "constant", read.ty)
        for read in outside
    }
    params = list(known.values())
    attrs = {"Primitive": 1}
    with builder.function("primitive", params=params, attrs=attrs, private=True):
        with builder.dataflow():
            for member in group.members:
                call = member.value
                arguments = relax.Tuple([known[read] for read in call.args[1].fields])
                call = relax.Call(call.op, [call.args[0], arguments], call.attrs, call.ty_args)
                known[member.var] = builder.emit(call)
            output = builder.emit_output(known[group.members[-1].var])
        builder.emit_func_output(output)
    function = builder.finalize()["primitive"]
    return relax.utils.copy_with_new_vars(function), outside
