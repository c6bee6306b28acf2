"""`pyjsml inspect`: a model at a stage of its compilation, or a bundle's ops and memory plan."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pyjsml.cli.arrays import describe
from pyjsml.cli.devices import Homes, homes
from pyjsml.cli.options import parse_list
from pyjsml.cli.output import console, format_bytes, json_flag, table, write_json
from pyjsml.cli.progress import progress_bars
from pyjsml.errors import OptionError
from pyjsml.program import DEVICES

if TYPE_CHECKING:
    from pyjsml.build import BuildOptions
    from pyjsml.bundle import Bundle
    from pyjsml.plan import Plan, Slot

STAGES = ("load", "optimize", "lower", "compile", "schedule")


@click.command(short_help="Show a bundle's ops and memory, or a stage of compilation.")
@click.argument("source", metavar="MODEL|DIR")
@click.option(
    "--stage",
    type=click.Choice(STAGES),
    help="Dump the program as this stage leaves it (of a MODEL).",
)
@click.option(
    "--input", "inputs", multiple=True, metavar="NAME=DTYPE[SHAPE]", help="As for bundle."
)
@click.option("--dim", "dims", multiple=True, metavar="NAME=MIN:MAX", help="As for bundle.")
@click.option("--device", metavar="D,…", help="As for bundle.")
@json_flag
def inspect(
    source: str,
    stage: str | None,
    inputs: tuple[str, ...],
    dims: tuple[str, ...],
    device: str | None,
    as_json: bool,
) -> None:
    """Show a bundle's ops and memory plan, or a model at one of the stages of its compilation."""
    from pyjsml import Bundle, api
    from pyjsml.frontend.options import parse_dims, parse_inputs

    if Path(source).is_dir():
        if stage or inputs or dims or device:
            raise OptionError(
                "--stage, --input, --dim and --device are for a MODEL; a bundle is compiled"
            )
        bundle = Bundle.open(source)
    else:
        options: BuildOptions = {
            "inputs": parse_inputs(inputs),
            "dims": parse_dims(dims),
            "devices": parse_list("--device", device or "wasm", DEVICES),
        }
        if stage:
            _show_stage(source, stage, options, as_json)
            return
        with progress_bars() as progress:
            bundle = api.bundle(source, progress=progress, **options)
    if as_json:
        write_json(_bundle_json(bundle))
    else:
        _show_bundle(bundle)


def _show_stage(source: str, stage: str, options: BuildOptions, as_json: bool) -> None:
    from pyjsml import api
    from pyjsml.dump import dump

    with progress_bars() as progress:
        # Stages after the wanted one are never run.
        programs = api.compile_stages(source, progress=progress, **options)
        program = next(made for name, made in zip(STAGES, programs, strict=False) if name == stage)
    text = dump(program)
    if as_json:
        write_json({"name": program.name, "stage": stage, "program": text})
    else:
        click.echo(text)


def _bundle_json(bundle: Bundle) -> dict[str, Any]:
    from pyjsml.plan import lay_out, typical_dims

    model = bundle.model
    plan = lay_out(model, typical_dims(model))
    manifest = {key: bundle.manifest[key] for key in ("name", "version", "generator", "provenance")}
    parts = {key: model[key] for key in ("dims", "inputs", "outputs", "ops")}
    if "unshaded" in bundle.manifest:
        parts["unshaded"] = bundle.manifest["unshaded"]
    return manifest | parts | {"memory": bundle.manifest["limits"]["memory"], "plan": asdict(plan)}


def _show_bundle(bundle: Bundle) -> None:
    from rich.markup import escape

    from pyjsml.plan import lay_out, typical_dims

    model, manifest = bundle.model, bundle.manifest
    plan = lay_out(model, typical_dims(model))
    screen = console()
    screen.print(f"{manifest['name']} {manifest['version']}, by {manifest['generator']}")
    for role in ("inputs", "outputs"):
        for port in model[role]:
            screen.print(f"  {role[:-1]:<7} {port['name']}: {describe(port)}", markup=False)
    for dim in model["dims"]:
        top = "any" if dim["max"] is None else dim["max"]
        screen.print(f"  dim     {dim['name']}: {dim['min']} to {top}", markup=False)
    placed = homes(model)
    on = ["on"] if placed else []
    ops = table("step", "op", "kind", *on, "output", "from", right=("step",))
    calls = [model["ops"][target] for kind, target in model["main"] if kind == "call"]
    slots = plan.slots
    for step, op in enumerate(calls):
        output = ", ".join(_type(slots[index]) for index in op["outputs"])
        origin = op["origins"][-1] if op["origins"] else {"node": ""}
        where = origin.get("module") or origin["node"]
        device = [placed.ops[step]] if placed else []
        ops.add_row(str(step), op["name"], op["kind"], *device, escape(output), escape(where))
    screen.print(ops)
    if placed:
        _show_homes(placed, manifest["unshaded"])
    _show_plan(plan)


def _show_homes(placed: Homes, reasons: dict[str, str]) -> None:
    screen = console()
    screen.print("Where webgl2 goes before wasm", style="bold")
    for name, reason in reasons.items():
        screen.print(f"  {name} stays on wasm: {reason}", markup=False)
    copies = len(placed.copied)
    screen.print(f"  copied in a run, with inputs and outputs: {copies} tensors", markup=False)


def _show_plan(plan: Plan) -> None:
    from rich.markup import escape

    screen = console()
    at = ", ".join(f"{name} = {size}" for name, size in plan.dims.items())
    screen.print(f"Memory plan{f' for {at}' if at else ''}", style="bold")
    rows = table("value", "type", "offset", "bytes", "steps", right=("offset", "bytes"))
    used = [slot for slot in plan.slots if slot.region == "main"]
    for slot in used:
        steps = f"{max(slot.first, 0)}–{max(slot.last, 0)}"
        size = f"= {slot.alias}" if slot.alias else str(slot.size)
        rows.add_row(escape(slot.name), escape(_type(slot)), str(slot.offset), size, steps)
    screen.print(rows)
    peaks = plan.peaks
    alone = sum(slot.size for slot in used if not slot.alias)
    screen.print(
        f"  peak of a run    {format_bytes(peaks['main'])}  (unshared: {format_bytes(alone)})"
    )
    screen.print(f"  peak of loading  {format_bytes(peaks['load'])}")
    screen.print(f"  weights          {format_bytes(peaks['persistent'])}")


def _type(slot: Slot) -> str:
    return f"{slot.dtype}[{','.join(map(str, slot.shape))}]"
