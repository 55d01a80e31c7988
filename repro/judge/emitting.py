"""The next batch in files of the user's own launcher: a script of the shell, Hydra's multirun, or sweeps of W&B.

What stands in a table was written by anyone. In a script every word of it is quoted; for Hydra values are quoted in its
own grammar as well, without interpolation; names that a launcher would take for something else are refused.
"""

import re
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ruamel.yaml import YAML

from repro.errors import UserError
from repro.judge.column_names import BLANK
from repro.storage import written_file

if TYPE_CHECKING:
    from repro.judge.settling import NextBatch, NextRun

KINDS = ("hydra", "wandb", "shell")
SCRIPTS = {"shell": "next_runs.sh", "hydra": "next_runs_hydra.sh"}
SWEEPS = "next_runs_wandb"
"""Folder of the sweeps."""
_HEAD = "#!/usr/bin/env bash\nset -euo pipefail\n"
_HYDRA_NAME = re.compile(r"[A-Za-z_][\w-]*([./][A-Za-z0-9_][\w-]*)*", re.ASCII)
_HYDRA_OWN = re.compile(r"hydra([./]|$)|(^|[./])_\w+_([./]|$)")
_BARE = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[A-Za-z_]\w*", re.ASCII)
_INTEGER = re.compile(r"[+-]?\d+", re.ASCII)
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)


def check_request(kind: str | None, budget: int | None, command: str, loop: bool) -> None:
    """Refuses what cannot be planned or written, before anything is read.

    Raises:
        UserError: no such launcher, no such budget, a command that is none, or a log of a loop.
    """
    if loop:
        raise UserError("--loop has no batch: it says keep, discard or repeat\n  leave --emit and --budget away")
    if kind is not None and kind not in KINDS:
        raise UserError(f"--emit {kind}: no such launcher\n  expected {', '.join(KINDS[:-1])} or {KINDS[-1]}")
    if budget is not None and budget < 1:
        raise UserError(f"--budget {budget}: expected a number of runs, 1 or more")
    _split(command)


def write_batch(batch: "NextBatch", kind: str, folder: Path, command: str) -> list[Path]:
    """Writes the runs within the budget, and nothing if there are none.

    Args:
        batch: of runs.
        kind: one of `KINDS`.
        folder: of the output.
        command: of the user, such as "python train.py"; it goes into the script as it is.

    Returns:
        The files.

    Raises:
        UserError: a run has no seed, or a name cannot be a setting of this launcher.
    """
    check_request(kind, None, command, loop=False)
    runs = batch.runs
    if not runs:
        return []
    if not all(run.seed for run in runs):
        raise UserError(f"--emit {kind}: {batch.said[-1]}\n  make these runs by hand: without --emit they are shown")
    for name in dict.fromkeys(name for run in runs for name in _settings(run, batch.seed)):
        _check_name(name, kind)
    if kind == "wandb":
        return _write_sweeps(runs, batch.seed, folder / SWEEPS, command)
    lines = _hydra_lines(runs, batch.seed, command) if kind == "hydra" else _shell_lines(runs, batch.seed, command)
    file = folder / SCRIPTS[kind]
    with written_file(file) as partial:
        partial.write_text("\n".join([f"{_HEAD}# {len(runs)} runs", *lines, ""]), encoding="utf-8", newline="\n")
    return [file]


def _split(command: str) -> list[str]:
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise UserError(f"--command {command[:80]!r}: {error}\n  expected such as 'python train.py'") from None
    if not words or "\n" in command or "\r" in command:
        raise UserError(f"--command {command[:80]!r} is no command\n  expected one line, such as 'python train.py'")
    return words


def _settings(run: "NextRun", seed: str) -> dict[str, str]:
    """Returns the settings of a run; one without a value is left away."""
    return {**{name: value for name, value in run.options.items() if value != BLANK}, seed: run.seed}


def _check_name(name: str, kind: str) -> None:
    odd = name.startswith("-") or "=" in name or not name.isprintable() or name.startswith("${")
    if kind == "hydra":
        odd = odd or not _HYDRA_NAME.fullmatch(name) or bool(_HYDRA_OWN.search(name))
    if odd:
        raise UserError(
            f"--emit {kind}: a column called {name[:60]!r} cannot be a setting\n  rename it as the program calls it"
        )


def _shell_lines(runs: "tuple[NextRun, ...]", seed: str, command: str) -> Iterator[str]:
    for run in runs:
        words = [shlex.quote(f"{name}={value}") for name, value in _settings(run, seed).items()]
        yield " ".join([command, *words])


def _by_variant(runs: "tuple[NextRun, ...]") -> "dict[tuple[tuple[str, str], ...], list[NextRun]]":
    groups: dict[tuple[tuple[str, str], ...], list[NextRun]] = {}
    for run in runs:
        groups.setdefault(tuple(run.options.items()), []).append(run)
    return groups


def _hydra_lines(runs: "tuple[NextRun, ...]", seed: str, command: str) -> Iterator[str]:
    """Yields a multirun a variant, over its own seeds: a product over variants would make other runs."""
    for own in _by_variant(runs).values():
        fixed = {name: value for name, value in _settings(own[0], seed).items() if name != seed}
        words = [f"{name}={_quote_hydra(value)}" for name, value in fixed.items()]
        words.append(f"{seed}={','.join(_quote_hydra(run.seed) for run in own)}")
        yield " ".join([command, "--multirun", *map(shlex.quote, words)])


def _quote_hydra(value: str) -> str:
    """Returns a value in the grammar of Hydra's overrides: no sweep, no function, no interpolation.

    Source: Hydra 1.3, "Override grammar, basic": quoted values, a quote inside escaped by a backslash.

    Raises:
        UserError: it holds what Hydra or OmegaConf would resolve or unescape even in quotes.

    Example:
        >>> _quote_hydra("adam"), _quote_hydra("a,b")
        ('adam', "'a,b'")
    """
    if _BARE.fullmatch(value):
        return value
    if "${" in value or "\\" in value or not value.isprintable():
        raise UserError(
            f"--emit hydra: {value[:60]!r} cannot be a value: Hydra resolves interpolations and backslashes in quotes\n"
            "  make these runs by hand, or --emit shell"
        )
    return "'" + value.replace("'", "\\'") + "'"


def _typed(value: str) -> str | int | float | bool:
    """Returns an option as YAML holds it."""
    if value in ("True", "False", "true", "false"):
        return value in ("True", "true")
    if _INTEGER.fullmatch(value):
        return int(value)
    return float(value) if _NUMBER.fullmatch(value) else value


def _write_sweeps(runs: "tuple[NextRun, ...]", seed: str, folder: Path, command: str) -> list[Path]:
    """Writes one sweep where its grid is the batch, else one for each variant."""
    words = _split(command)
    program = next((word for word in words if word.endswith(".py")), words[-1])
    start = ["${env}", *("${program}" if word == program else word for word in words), "${args}"]
    whole = _grid([_settings(run, seed) for run in runs])
    grids = [whole] if whole else [_grid([_settings(r, seed) for r in own]) for own in _by_variant(runs).values()]
    written = []
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    for place, grid in enumerate(grids, start=1):
        assert grid is not None  # the runs of a variant differ by their seeds only
        parameters = {name: {"values": [_typed(value) for value in values]} for name, values in grid.items()}
        file = folder / f"sweep-{place:02}.yaml"
        content = {"program": program, "method": "grid", "parameters": parameters, "command": start}
        with written_file(file) as partial, partial.open("w", encoding="utf-8") as stream:
            yaml.dump(content, stream)
        written.append(file)
    for file in folder.glob("sweep-*.yaml"):  # of an earlier batch with more of them
        if file not in written:
            file.unlink()
    return written


def _grid(rows: list[dict[str, str]]) -> Mapping[str, list[str]] | None:
    """Returns the values of each setting if their product is these rows, each once; else None."""
    if any(set(row) != set(rows[0]) for row in rows):
        return None
    grid = {name: list(dict.fromkeys(row[name] for row in rows)) for name in rows[0]}
    size = 1
    for values in grid.values():
        size *= len(values)
    return grid if size == len(rows) == len({tuple(row.items()) for row in rows}) else None
