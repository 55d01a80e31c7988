"""What can be said at once is said at once: which modules a first message has loaded, not how long it took."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = ("pandas", "numpy", "scipy", "statsmodels", "matplotlib", "mlflow", "pyarrow", "torch", "dvc")
CALL = """
import contextlib, io, json, sys
from repro.cli import main

for given in json.loads(sys.argv[1]):
    before, said, sys.argv = set(sys.modules), io.StringIO(), ["repro", "judge", *given]
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
        try:
            main()
        except SystemExit as ended:
            code = ended.code
    print(json.dumps([code, said.getvalue(), sorted(set(sys.modules) - before)]))
"""
"""Calls commands one after the other, and prints how each has ended, what it has said and what it has loaded."""
TABLES = {
    "t.csv": "lr,seed,loss,note\na,0,1.5,x\nb,0,2.5,y\n",
    "utf16.csv": "lr,seed,loss\na,0,1.5\n".encode("utf-16"),
    "sheet.xlsx": "PK",
    "twice.csv": "loss,loss\n1,2\n",
    "judge.yaml": "table: t.csv\noutcomes: {acc: {direction: higher}}\n",
    "empty.csv": "",
}
FIRST = [
    (["nothing.csv"], "nothing.csv: no such file\n  check the path"),
    (["nothing.csv", "--loop"], "nothing.csv: no such file"),
    (["."], ". is a folder"),
    (["wandb:paper"], "wandb:paper: expected wandb:ENTITY/PROJECT"),
    (["empty.csv"], "empty.csv is empty"),
    (["sheet.xlsx"], "sheet.xlsx is a spreadsheet"),
    (["twice.csv"], "columns 1 and 2 are both called 'loss'"),
    (["t.csv"], "which column is the outcome? --outcome NAME:lower or NAME:higher\n  the table has: loss\n"),
    (["utf16.csv"], "the table has: loss\n"),
    (["t.csv", "--outcome", "acc:higher"], "outcome: there is no column 'acc'\n  the table has: lr, seed, loss, note"),
    (["judge.yaml"], "outcome: there is no column 'acc'"),
    (["t.csv", "--outcome", "loss"], "expected loss:lower or :higher"),
    (["t.csv", "--margin", "1"], "--margin: of which outcome?"),
    (["t.csv", "--loop", "--budget", "3"], "--loop has no batch"),
    (["t.csv", "--emit", "slurm"], "--emit slurm: no such launcher"),
    (["t.csv", "--loop", "--format", "html"], "a loop is not shown as html"),
    (["t.csv", "--format", "pdf"], "Invalid value for '--format'"),
    (["--help"], "Usage:"),
]


Told = tuple[int, str, set[str]]
"""The exit status, what was said, and the modules that were loaded for it."""


def call(folder: Path, commands: list[list[str]]) -> list[Told]:
    for name, content in TABLES.items():
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2]), "TERM": "dumb", "NO_COLOR": "1"}
    program = [sys.executable, "-c", CALL, json.dumps(commands)]
    done = subprocess.run(program, cwd=folder, env=environment, capture_output=True, text=True, check=True)
    told = map(json.loads, done.stdout.splitlines())
    return [(code, said, {name.partition(".")[0] for name in modules}) for code, said, modules in told]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tables")


@pytest.fixture(scope="module")
def told(folder: Path) -> dict[str, Told]:
    commands = [given for given, _ in FIRST]
    return dict(zip(map(" ".join, commands), call(folder, commands), strict=True))


@pytest.mark.parametrize(("given", "said"), FIRST, ids=[" ".join(given) for given, _ in FIRST])
def test_a_first_message_loads_nothing_heavy(told: dict[str, Told], folder: Path, given: list[str], said: str) -> None:
    ended, text, modules = told[" ".join(given)]
    assert said in text
    assert ended == (0 if given == ["--help"] else 2)
    assert not modules.intersection(HEAVY)
    assert {file.name for file in folder.iterdir()} == TABLES.keys()


def test_a_judgement_loads_what_this_test_looks_for(tmp_path: Path) -> None:
    ((_, _, modules),) = call(tmp_path, [["t.csv", "--outcome", "loss:lower"]])
    assert {"pandas", "numpy", "scipy"} <= modules
