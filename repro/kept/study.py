"""The files of a kept study: its plan, its ledger, what its runs measured and were made from; written and read back.

plan.json         as frozen, with its looks
ledger.json       the details under audit with their sources, and the metrics
made.json         hashes of the code and of the data of each run, its environment, and what the page was computed with
runs.csv          what became of each run
rows.csv.xz       what was measured: a line for each unit and metric, a column for each run
protocols.csv.xz  the same under other evaluation protocols, where there are any
"""

import io
import json
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any, Final, NamedTuple

import pandas as pd
from pydantic import ValidationError

from repro.audit.ledger.choice import Choice
from repro.audit.ledger.source import Source
from repro.audit.page.subject import Subject
from repro.audit.statistics.analysis import analyse
from repro.audit.statistics.results import Results, tabulate_variants
from repro.audit.study.freezing import read_plan
from repro.audit.study.plan import Plan
from repro.errors import UserError
from repro.kept.tables import pack_table, unpack_table

FOLDER: Final = "evidence"
"""Where these files lie, beside the page."""
PLAN, LEDGER, MADE, RUNS = "plan.json", "ledger.json", "made.json", "runs.csv"
ROWS, PROTOCOLS = "rows.csv.xz", "protocols.csv.xz"
KEY_COLUMNS: Final = ("train_fraction", "unit", "group", "task")
"""Of the rows, before the metric, as far as there are such."""
STATES: Final = ["variant", "seed", "status", "reason", "seconds", "joules", "path"]


class Made(NamedTuple):
    """What a run was made from: the key of all of it, hashes of code and inputs, and its environment."""

    key: str
    code: str
    inputs: Mapping[str, str]
    environment: Mapping[str, Any]


class MetricNote(NamedTuple):
    """How a metric is read: its title, unit, the better direction, and how it is computed."""

    title: str
    unit: str
    direction: str
    how: str


class KeptStudy(NamedTuple):
    """One study as it is kept.

    Attributes:
        case: name of the paper under audit.
        plan: as frozen, with its looks.
        results: what came out.
        choices: the ledger, by dotted key.
        metrics: of the case, by name.
        made: of each run that has been made.
        computed_with: versions and instructions with which the page was computed.
    """

    case: str
    plan: Plan
    results: Results
    choices: Mapping[str, Choice]
    metrics: Mapping[str, MetricNote]
    made: Mapping[str, Made]
    computed_with: Mapping[str, str]

    def analyse(self) -> Subject:
        """Returns the study analysed, as its page shows it."""
        titles = {name: metric.title for name, metric in self.metrics.items()}
        return Subject(
            self.plan.tabulated(),
            self.results,
            analyse(self.plan, self.results, self.choices),
            dict(self.choices),
            titles,
        )


def write_study(kept: KeptStudy) -> dict[str, bytes]:
    """Returns the content of each file by its name; the same study gives the same bytes."""
    rows, protocols = kept.results.rows, kept.results.protocols
    keys = [name for name in KEY_COLUMNS if name in rows]
    files = {
        PLAN: kept.plan.model_dump_json(indent=2).encode() + b"\n",
        LEDGER: encode_json(_write_ledger(kept)),
        MADE: encode_json(_write_made(kept)),
        RUNS: kept.results.runs[STATES].to_csv(lineterminator="\n").encode(),
        ROWS: pack_table(rows[["run", *keys, "metric", "value"]]),
    }
    if len(protocols):
        choices = [name for name in protocols if name not in ("run", "metric", "value")]
        files[PROTOCOLS] = pack_table(protocols[["run", *choices, "metric", "value"]])
    return files


def read_study(files: Mapping[str, bytes], where: str) -> KeptStudy:
    """Reads a kept study.

    Args:
        files: content by name, of `write_study`.
        where: they lie, for the message.

    Raises:
        UserError: one is missing, or is not what it should be.
    """
    missing = [name for name in (PLAN, LEDGER, MADE, RUNS, ROWS) if name not in files]
    if missing:
        raise UserError(f"{where} lacks {missing[0]}, without which no number can be rebuilt")
    try:
        plan = read_plan(files[PLAN], f"{where}: {PLAN}", "ask whoever keeps it for the one that was frozen")
        ledger, made = json.loads(files[LEDGER]), json.loads(files[MADE])
        grown = plan.grown()
        results = Results(
            tabulate_variants(grown),
            _read_runs(files[RUNS], grown),
            unpack_table(files[ROWS], ROWS),
            unpack_table(files[PROTOCOLS], PROTOCOLS) if PROTOCOLS in files else _no_protocols(),
        )
        return KeptStudy(
            str(ledger["case"]),
            plan,
            results,
            {str(key): _read_choice(told) for key, told in ledger["details"].items()},
            {str(name): MetricNote(**told) for name, told in ledger["metrics"].items()},
            {str(run): _read_made(told, made) for run, told in made["runs"].items()},
            {str(name): str(value) for name, value in made["computed_with"].items()},
        )
    except (ValidationError, ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
        said = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UserError(f"{where} holds no study as `repro report` keeps it ({said})") from None


def _read_runs(text: bytes, plan: Plan) -> pd.DataFrame:
    kinds = dict.fromkeys(("run", "variant", "status", "reason", "path"), str)
    table = pd.read_csv(
        io.BytesIO(text), dtype=kinds, keep_default_na=False, na_values={"seconds": [""], "joules": [""]}
    ).set_index("run")
    if table.index.tolist() != [run.id for run in plan.runs]:
        raise ValueError(f"{RUNS} lists other runs than {PLAN}")
    return table.assign(link="")[["variant", "seed", "status", "reason", "seconds", "joules", "link", "path"]]


def _no_protocols() -> pd.DataFrame:
    return pd.DataFrame({name: [] for name in ("run", "metric", "value")})


def _write_ledger(kept: KeptStudy) -> dict[str, Any]:
    details = {
        key: {
            "question": choice.question,
            "gap": choice.gap,
            "paper": choice.paper,
            "defensible": choice.defensible,
            "options": [
                [
                    list(value) if isinstance(value, tuple) else value,
                    [list(vars(source).values()) for source in sources],
                ]
                for value, sources in choice.options.items()
            ],
        }
        for key, choice in kept.choices.items()
    }
    return {
        "case": kept.case,
        "details": details,
        "metrics": {name: note._asdict() for name, note in kept.metrics.items()},
    }


def _read_choice(told: Mapping[str, Any]) -> Choice:
    options = {
        tuple(value) if isinstance(value, list) else value: tuple(Source(*source) for source in sources)
        for value, sources in told["options"]
    }
    return Choice(told["question"], told["gap"], told["paper"], options, told["defensible"])


def _write_made(kept: KeptStudy) -> dict[str, Any]:
    """Returns what runs were made from, what several of them share once."""
    shared: dict[str, list[Any]] = {"given": [], "environments": []}

    def place(kind: str, value: Any) -> int:
        if value not in shared[kind]:
            shared[kind].append(value)
        return shared[kind].index(value)

    runs = {
        run: [
            made.key,
            place("given", {"code": made.code, "inputs": dict(made.inputs)}),
            place("environments", dict(made.environment)),
        ]
        for run, made in kept.made.items()
    }
    return {**shared, "runs": runs, "computed_with": dict(kept.computed_with)}


def _read_made(told: list[Any], made: Mapping[str, Any]) -> Made:
    key, given, environment = told
    return Made(str(key), **made["given"][given], environment=made["environments"][environment])


def encode_json(content: Any, *, sort_keys: bool = False) -> bytes:
    """Returns JSON as what is kept and a bundle hold it: a line a value, and all letters as they are."""
    return (json.dumps(content, indent=1, ensure_ascii=False, sort_keys=sort_keys) + "\n").encode()


def is_evidence(name: str) -> bool:
    """Tells whether a file of a report or a bundle is one of these."""
    return PurePosixPath(name).parent.name == FOLDER
