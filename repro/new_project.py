"""A project for another paper, laid out from the template that ships with the toolkit.

It is written beside its place and moved there, under git and DVC, with all generated files up to date.
"""

import os
import shutil
import subprocess
import sys
from contextlib import suppress
from importlib.resources import as_file, files
from pathlib import Path

from repro.errors import UserError
from repro.refusals import check_braces, check_folder
from repro.storage import written_folder

HIDDEN = {name: f".{name}" for name in ("gitignore", "gitattributes")}
"""Files of the template that would have an effect inside this package under their own names."""


def lay_out(folder: Path) -> None:
    """Writes the project.

    Raises:
        UserError: the folder is not empty, cannot be written, or git or DVC cannot work there; nothing is left then.
    """
    _check_empty(folder)
    if not str(folder).isprintable():
        raise UserError(f"{str(folder)!r} holds letters that cannot be shown; name another folder")
    check_folder(folder)
    check_braces(folder)
    if folder.resolve() == Path.cwd():
        raise UserError("this folder would be replaced while you are in it\n  cd .., and name it from there")
    try:
        with written_folder(folder) as partial:
            _copy_template(partial)
            _call(partial, "git", "init", "--quiet")
            _call(partial, sys.executable, "-m", "dvc", "init", "--quiet")
            _call(partial, sys.executable, "-m", "dvc", "config", "core.analytics", "false")
            _call(partial, sys.executable, "-m", "repro", "generate")
            with suppress(FileNotFoundError):
                shutil.rmtree(partial / ".dvc" / "tmp")  # it remembers where it was made
            _check_empty(folder)  # somebody may have put something there meanwhile
    except OSError as error:
        raise UserError(f"{folder} cannot be written ({error.strerror})") from None


def _check_empty(folder: Path) -> None:
    if folder.is_dir() and any(folder.iterdir()):
        raise UserError(f"{folder} is not empty; name a new folder")


def _copy_template(folder: Path) -> None:
    with as_file(files("repro").joinpath("template")) as template:
        for file in sorted(template.rglob("*")):
            if file.is_file() and file.suffix != ".pyc":
                target = folder / file.relative_to(template)
                target = target.with_name(HIDDEN.get(target.name, target.name))
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, target)


def _call(folder: Path, *command: str) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("DVC_", "GIT_"))}
    try:
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise UserError(f"{command[0]} is not installed, and a project needs it") from None
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise UserError(f"{' '.join(command[-2:])}: {said[-1] if said else 'it failed without a word'}")
