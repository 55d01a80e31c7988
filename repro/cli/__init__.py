"""What people type. Nothing heavy is imported before a command needs it."""

import sys
from pathlib import Path

import typer

from repro import paths
from repro.cli import judge, ledger, medfe, new, plan, report, sweep, variants, verify
from repro.errors import UserError
from repro.extras import explain_missing
from repro.refusals import check_braces, one_message

app = typer.Typer(
    help="Audits how far a machine-learning paper can be reproduced when it leaves details out.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
PANELS = {
    "A paper under audit": (ledger, variants, new),
    "Studies and reports": (plan, sweep, report, verify),
    "Runs that exist": (judge,),
    "MEDFE's own": (medfe,),
}
for panel, modules in PANELS.items():
    for module in modules:
        for command in module.COMMANDS:
            app.command(rich_help_panel=panel)(command)


def main() -> None:
    """Runs a command; what a user can put right ends it with exit status 2 and one message."""
    with one_message("repro"):
        try:
            _check_folder(Path.cwd())
            app()
        except ModuleNotFoundError as error:
            raise explain_missing(error) from None


def _check_folder(here: Path) -> None:
    """Refuses a folder below the project, where nothing else reads what is written, and one that DVC cannot name."""
    if "--help" in sys.argv:
        return
    if paths.PROJECT in here.parents and not (here / paths.PARAMS).is_file():
        raise UserError(f"this folder lies below the project's root, where commands work\n  cd {paths.PROJECT}")
    if (here / ".dvc").is_dir():
        check_braces(here)
