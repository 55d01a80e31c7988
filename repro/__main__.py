"""Runs the command line as `python -m repro`."""

from repro.cli import main

main()
