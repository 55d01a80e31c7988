"""The command that lays out a project for another paper: `new`."""

from pathlib import Path
from typing import Annotated

import typer

from repro.extras import require


def new(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new or an empty folder.")],
) -> None:
    """Lay out a project for another paper, which plans, sweeps and reports from the first minute."""
    require("study")
    from repro.new_project import lay_out

    lay_out(folder)
    print(
        f"{folder} is laid out: three details, a scikit-learn model, one study; README.md says where your paper goes\n"
        f"next: cd {folder}\n"
        "      repro plan ablations/first.yaml && repro sweep ablations/first.yaml -j 2\n"
        "      repro report ablations/first.yaml"
    )


COMMANDS = (new,)
