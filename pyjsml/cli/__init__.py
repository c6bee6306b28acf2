"""The `pyjsml` command: a module per subcommand, which imports what is heavy only when it runs.

Results go to stdout, everything for people on the way (progress, errors) to stderr.

| exit code | meaning                                             |
|-----------|-----------------------------------------------------|
| 0         | done                                                |
| 1         | a check or a bench found a shortfall                |
| 2         | the user's input is at fault                        |
| 70        | pyjsml failed (`--traceback` shows where)           |
| 130       | interrupted                                         |
"""

from __future__ import annotations

import click

from pyjsml import __version__
from pyjsml.cli.bench import bench
from pyjsml.cli.bundle import bundle
from pyjsml.cli.check import check
from pyjsml.cli.demo import demo
from pyjsml.cli.doctor import doctor
from pyjsml.cli.failures import FailureHandler
from pyjsml.cli.inspect import inspect
from pyjsml.cli.profile import profile
from pyjsml.cli.run import run
from pyjsml.cli.tune import tune


@click.group(
    cls=FailureHandler,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Start with `pyjsml demo`. Each command has a --help of its own.",
)
@click.version_option(__version__, prog_name="pyjsml")
@click.option("--traceback", is_flag=True, help="Show where in pyjsml an unexpected error arose.")
def main(traceback: bool) -> None:
    """Turn a PyTorch or ONNX model into a typed npm package, run it anywhere, and check it."""


for command in (bundle, run, check, bench, profile, inspect, tune, doctor, demo):
    main.add_command(command)
