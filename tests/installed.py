"""Empty environments with the wheel and what some of its extras bring, made without a package index.

The packages are those of the Python that runs the tests, linked into the new environment one by one: all that a
requirement of the wheel leads to, and nothing else. What an extra does not bring is not there to be imported.
"""

import json
import os
import subprocess
import sys
import venv
from collections.abc import Iterable
from functools import cache
from importlib.metadata import Distribution, distribution, packages_distributions
from pathlib import Path
from typing import NamedTuple

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from repro.extras import DISTRIBUTION

ROOT = Path(__file__).parents[1]
KEPT = ("HOME", "LANG", "OMP_NUM_THREADS", "OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "TMPDIR")
CALL = """
import contextlib, io, json, sys
from repro.cli import main

told = []
for command in json.loads(sys.argv[1]):
    sys.argv = ["repro", *command]
    said = io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
        try:
            main()
        except SystemExit as ended:
            told.append([ended.code or 0, said.getvalue()])
print(json.dumps(told))
"""
"""Calls commands one after the other, and prints how each has ended and what it has said."""


class Environment(NamedTuple):
    """One environment: its folder, and the canonical names of the distributions that are in it."""

    folder: Path
    distributions: frozenset[str]

    @property
    def site(self) -> Path:
        return site_of(self.folder)

    def call(self, where: Path, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Runs one of its programs in a folder, with no file of this repository at hand."""
        kept = {name: os.environ[name] for name in KEPT if name in os.environ}
        given = kept | {"PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}"} | variables
        program = [str(self.folder / "bin" / command[0]), *command[1:]]
        return subprocess.run(program, cwd=where, env=given, capture_output=True, text=True, check=False)

    def call_all(self, where: Path, commands: list[list[str]]) -> list[tuple[int, str]]:
        """Runs commands of `repro` in one process; returns exit status and words of each."""
        done = self.call(where, "python", "-c", CALL, json.dumps(commands))
        assert done.returncode == 0, done.stderr
        told = [(code, said) for code, said in json.loads(done.stdout)]
        assert len(told) == len(commands)
        return told


def build_wheel(folder: Path) -> Path:
    subprocess.run(["uv", "build", "--quiet", "--offline", "--wheel", "--out-dir", folder, ROOT], check=True)
    (wheel,) = folder.glob("*.whl")
    return wheel


def make_environment(
    folder: Path, wheel: Path, extras: Iterable[str] = (), more: Iterable[str] = (), but: Iterable[str] = ()
) -> Environment:
    """Makes an environment.

    Args:
        folder: a new one.
        wheel: of this project.
        extras: that are asked for with it.
        more: other distributions that are to be there, e.g. pytest.
        but: distributions that are left out although they are asked for.
    """
    venv.create(folder, symlinks=True, with_pip=False)
    python = ["--python", str(folder / "bin" / "python")]
    subprocess.run(["uv", "pip", "install", "--quiet", "--offline", "--no-deps", *python, wheel], check=True)
    (ours,) = Distribution.discover(name=DISTRIBUTION, path=[str(site_of(folder))])
    asked = [Requirement(text) for text in ours.requires or []]
    asked = [item for item in asked if item.marker is None or any(item.marker.evaluate({"extra": e}) for e in extras)]
    found = find_needed([*asked, *map(Requirement, more)]) - set(but)
    for name in found:
        link(distribution(name), site_of(folder))
    return Environment(folder, frozenset(found))


@cache
def names_in_base() -> frozenset[str]:
    """Returns the modules that the base requires or that come with what it requires."""
    base = find_needed([Requirement(DISTRIBUTION)])
    owners = {name: {canonicalize_name(owner) for owner in owns} for name, owns in packages_distributions().items()}
    return frozenset(name for name, owns in owners.items() if owns & base)


def find_needed(requirements: Iterable[Requirement]) -> set[str]:
    """Returns the canonical names of all distributions that requirements lead to, also by way of others."""
    waiting, seen, names = list(requirements), set(), set()
    while waiting:
        requirement = waiting.pop()
        names.add(canonicalize_name(requirement.name))
        for extra in ("", *requirement.extras):
            if (key := (canonicalize_name(requirement.name), extra)) not in seen:
                seen.add(key)
                asked = map(Requirement, distribution(requirement.name).requires or [])
                waiting += [item for item in asked if item.marker is None or item.marker.evaluate({"extra": extra})]
    return names


def link(found: Distribution, site: Path) -> None:
    """Links what a distribution has installed: packages whole, namespaces that others share and data file by file."""
    for file in found.files or []:
        first = file.parts[0]
        if first == "__pycache__" or file.parts[:4] == ("..", "..", "..", "bin"):
            continue  # scripts start the Python that they name
        top = Path(str(found.locate_file(first)))
        name = first if (top / "__init__.py").is_file() or top.is_file() else str(file)
        target = Path(os.path.normpath(site / name))
        if not target.is_symlink():
            target.parent.mkdir(parents=True, exist_ok=True)
            target.symlink_to(os.path.normpath(str(found.locate_file(name))))


def site_of(folder: Path) -> Path:
    return folder / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
