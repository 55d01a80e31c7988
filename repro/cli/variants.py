"""Commands that choose and run variants: `use`, `run`."""

import subprocess
import sys
from typing import Annotated

import typer

from repro import paths

Overrides = Annotated[list[str] | None, typer.Argument(metavar="KEY=VALUE ...", help="e.g. loss.adv=hinge")]


def use(
    reading: Annotated[str, typer.Argument(help="paper, release or replication.")],
    overrides: Overrides = None,
    scale: Annotated[str, typer.Option(help="laptop or gpu.")] = "laptop",
) -> None:
    """Write params.yaml for a reading at a scale."""
    from repro.cases.medfe.readings.writing import parse_overrides, use_reading

    params = use_reading(paths.PARAMS, reading, scale, parse_overrides(overrides or []))
    print(
        f"{paths.PARAMS} is now the reading {reading} at scale {scale}: variant {params.variant()}, seed {params.seed}"
    )


def run(
    overrides: Overrides = None,
    queue: Annotated[bool, typer.Option(help="Queue it; `dvc queue start` runs what is queued.")] = False,
    temp: Annotated[bool, typer.Option(help="Run it in a temporary copy; the working tree stays as it is.")] = False,
    dry_run: Annotated[bool, typer.Option(help="Check it and print the command only.")] = False,
) -> None:
    """Check a variant, then run it as a DVC experiment."""
    from repro.audit.ledger.values import override_values
    from repro.cases.medfe.params.reading import load_params, parse_params
    from repro.cases.medfe.readings.writing import parse_overrides

    values = load_params(paths.PARAMS).resolved()
    override_values(values, parse_overrides(overrides or []))
    params = parse_params(values, "this variant")
    print(f"variant {params.variant()}, seed {params.seed}", flush=True)
    command = ["exp", "run", *(["--queue"] if queue else []), *(["--temp"] if temp else [])]
    for override in overrides or []:
        command += ["-S", override]
    if dry_run:
        print(" ".join(["dvc", *command]))
        return
    raise SystemExit(subprocess.run([sys.executable, "-m", "dvc", *command], check=False).returncode)


COMMANDS = (use, run)
