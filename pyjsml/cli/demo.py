"""`pyjsml demo`: train a digit classifier, bundle it, run it, check it, and draw digits for it."""

from __future__ import annotations

import shlex
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pyjsml.cli.output import console, format_bytes, table
from pyjsml.cli.progress import progress_bars, spinner
from pyjsml.errors import EngineUnavailableError, OptionError

if TYPE_CHECKING:
    from pyjsml.demo.digits import Trained
    from pyjsml.demo.tour import Result


@click.command(short_help="Train a digit classifier and take it the whole way.")
@click.option(
    "-o",
    "--output",
    metavar="DIR",
    default="digits",
    show_default=True,
    type=click.Path(path_type=Path),
    help="Where to write the bundle.",
)
@click.option("--serve", is_flag=True, help="Then serve a page on which one draws digits.")
@click.option(
    "--port", default=8000, show_default=True, help="The page's port; 0 picks a free one."
)
def demo(output: Path, serve: bool, port: int) -> None:
    """Train a small digit classifier, bundle it, run it in every engine, and compare with torch.

    Takes about a minute and no network. The digits are those that come with scikit-learn.
    """
    _require("torch", "sklearn")

    from pyjsml.bundle import check_output_directory
    from pyjsml.demo.digits import train
    from pyjsml.demo.tour import make_bundle, run_everywhere, write_vectors

    check_output_directory(output)
    with progress_bars() as progress:
        trained = train(lambda done, total: progress("train", done, total))
    click.echo(f"Trained on scikit-learn's digits in {trained.seconds:.1f} s.", err=True)
    with progress_bars() as progress:
        bundle = make_bundle(trained, progress)
        bundle.write(output)
    vectors = output.with_name(f"{output.name}.npz")
    write_vectors(vectors, trained)
    size = format_bytes(sum(map(len, bundle.files.values())))
    click.echo(f"Bundled as an npm package: {output} ({size}).", err=True)
    with spinner() as say:
        results = []
        say("running the held-out digits in each engine")
        for result in run_everywhere(bundle, trained):
            results.append(result)
            say(f"ran {result.engine}" if not result.missing else f"{result.engine} is not here")
    _show(trained, results)
    _next(output, vectors)
    if serve:
        _serve(output, port)
    elif any(result.agree < len(trained.labels) for result in results if not result.missing):
        click.get_current_context().exit(1)


def _require(*packages: str) -> None:
    missing = [package for package in packages if find_spec(package) is None]
    if missing:
        raise EngineUnavailableError(
            f"the demo needs {' and '.join(missing)}: pip install 'pyjsml[demo]'"
        )


def _show(trained: Trained, results: list[Result]) -> None:
    from pyjsml.demo.digits import predict

    count = len(trained.labels)
    correct = int((predict(trained.module, trained.images).argmax(1) == trained.labels).sum())
    columns = ("where", "accuracy", "same answers as torch", "max abs error", "ms per digit")
    rows = table(*columns, right=columns[1:])
    rows.add_row("torch", f"{correct / count:.2%}", "", "", "")
    for result in results:
        if not (result.missing or result.failed):
            rows.add_row(
                result.engine,
                f"{result.correct / count:.2%}",
                f"{result.agree} of {count}",
                f"{result.max_error:.1e}",
                f"{result.milliseconds:.2f}",
            )
    screen = console()
    screen.print(f"\n{count} digits that training has not seen:", style="bold")
    screen.print(rows)
    for result in results:
        if result.missing:
            screen.print(f"left out {result.engine}: {result.missing}", markup=False)
        if result.failed:
            screen.print(f"failed {result.engine}: {result.failed}", markup=False)


def _next(output: Path, vectors: Path) -> None:
    folder, file = shlex.quote(str(output)), shlex.quote(str(vectors))
    package = folder if output.is_absolute() else f"./{folder}"
    pyjsml = _program()
    click.echo("What to type next:")
    lines = (
        (f"{pyjsml} demo -o {folder} --serve", "draw digits in the browser"),
        (f"{pyjsml} inspect {folder}", "its ops and its memory plan"),
        (f"{pyjsml} run {folder} --input image={file}", "run it once"),
        (f"{pyjsml} check {folder} --vectors {file}", "compare every engine with torch"),
        (f"npm install {package}", "use it in a JavaScript project"),
    )
    width = max(len(command) for command, _ in lines)
    for command, meaning in lines:
        click.echo(f"  {command:<{width}}  {meaning}")


def _program() -> str:
    """Return what to type for `pyjsml`: in a checkout it need not be on the PATH."""
    if shutil.which("pyjsml"):
        return "pyjsml"
    typed = Path(sys.argv[0])
    return str(typed) if typed.name == "pyjsml" else "python -m pyjsml"


def _serve(bundle: Path, port: int) -> None:
    from pyjsml.demo.server import serve
    from pyjsml.resources import resource_directory

    try:
        server = serve(resource_directory("demo"), bundle, port)
    except (OSError, OverflowError) as error:
        raise OptionError(f"port {port} can't be used ({error}); give another --port") from error
    with server:
        click.echo(f"\nDraw digits at http://127.0.0.1:{server.server_port}/  (Ctrl-C ends it)")
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            click.echo("")
