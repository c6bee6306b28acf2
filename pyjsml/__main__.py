"""`python -m pyjsml` is the `pyjsml` command."""

from pyjsml.cli import main

main()
