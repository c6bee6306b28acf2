"""What the command line does with an exception: one message on stderr and an exit code."""

from __future__ import annotations

from typing import Any

import click

from pyjsml.errors import UserError

USER_ERROR = 2
INTERNAL_ERROR = 70  # EX_SOFTWARE of sysexits.h
INTERRUPTED = 130  # as a shell reports a program that SIGINT has ended


class UserErrorMessage(click.ClickException):
    """A UserError on its way to stderr."""

    exit_code = USER_ERROR

    def show(self, file: Any = None) -> None:
        """Write the message to stderr."""
        report(self.format_message())


class FailureHandler(click.Group):
    """A group whose commands may raise any exception."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; turn what it raises into a message and an exit code."""
        try:
            return super().invoke(ctx)
        except UserError as error:
            raise UserErrorMessage(str(error)) from error
        except (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError):
            raise
        except KeyboardInterrupt:
            click.echo("interrupted", err=True)
            ctx.exit(INTERRUPTED)
        except Exception as error:
            if ctx.params["traceback"]:
                raise
            report(
                f"{type(error).__name__}: {error}\n"
                "This is not your model's fault but pyjsml's. To see where it arose, run\n"
                f"  pyjsml --traceback {ctx.invoked_subcommand} …"
            )
            ctx.exit(INTERNAL_ERROR)


def report(message: str) -> None:
    """Write an error for people to stderr."""
    click.echo(click.style("error: ", fg="red", bold=True) + message, err=True)
