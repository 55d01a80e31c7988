"""Commands that choose and run variants: `use`, `run`."""

import os
import shlex
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from repro import paths
from repro.errors import UserError
from repro.extras import require
from repro.own_folder import keep_dvc_apart

if TYPE_CHECKING:
    from repro.case import Case

Overrides = Annotated[list[str] | None, typer.Argument(metavar="KEY=VALUE ...", help="e.g. loss.adv=hinge")]


def use(
    reading: Annotated[str, typer.Argument(help="A reading of the paper: a file of ablations/readings.")],
    overrides: Overrides = None,
    scale: Annotated[str, typer.Option(help="A scale: a file of ablations/scales.")] = "laptop",
) -> None:
    """Write params.yaml for a reading at a scale."""
    from repro.audit.ledger.writing import parse_overrides, use_reading
    from repro.case import load_case

    case = load_case()
    params = use_reading(case.params, case.folder, paths.PARAMS, reading, scale, parse_overrides(overrides or []))
    print(f"{paths.PARAMS} is now the reading {reading} at scale {scale}: {_name(case, params)}")


def run(
    overrides: Overrides = None,
    queue: Annotated[bool, typer.Option(help="Queue it; `dvc queue start` runs what is queued.")] = False,
    temp: Annotated[bool, typer.Option(help="Run it in a temporary copy; the working tree stays as it is.")] = False,
    dry_run: Annotated[bool, typer.Option(help="Check it and print the command only.")] = False,
) -> None:
    """Check a variant, then run it as a DVC experiment."""
    require("study")
    from repro.audit.ledger.parsing import parse_tree, read_values
    from repro.audit.ledger.values import override_values
    from repro.audit.ledger.writing import parse_overrides
    from repro.case import load_case
    from repro.cli.experiments import write_overrides

    case = load_case()
    values = parse_tree(case.params, read_values(paths.PARAMS), str(paths.PARAMS)).model_dump(mode="json")
    named = parse_overrides(overrides or [])
    override_values(values, named)
    checked = parse_tree(case.params, values, "this variant")
    command = ["exp", "run", *(["--queue"] if queue else []), *(["--temp"] if temp else [])]
    for override in write_overrides(checked, named, paths.PARAMS):
        command += ["-S", override]
    print(_name(case, checked), flush=True)
    if dry_run:
        print(shlex.join(["dvc", *command]))
        return
    _check_commit()
    keep_dvc_apart()
    # in the place of this process, so that whatever ends it ends DVC
    os.execv(sys.executable, [sys.executable, "-m", "dvc", *command])  # noqa: S606


COMMANDS = (use, run)


def _check_commit() -> None:
    """Checks that git has a commit here, which every experiment of DVC begins from.

    Raises:
        UserError: it has none, is not there, or refuses the repository.
    """
    from repro.revisions import find_head

    if find_head() is None:
        raise UserError("git has no commit here, and an experiment begins from one\n  git init; git add -A; git commit")


def _name(case: "Case", params: Any) -> str:
    from repro.audit.ledger.values import flatten

    values = params.model_dump(mode="json")
    return f"variant {case.identify(flatten(values))}, seed {values['seed']}"
