"""The runs of a plan on disk, read as the long tables that every analysis reads.

A run that failed, diverged or has not been run is there with its status and has no rows; so is one that was made from
other code or inputs than the rest, or whose tables are damaged, with the reason.
"""

import io
from collections import Counter, defaultdict
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from repro import paths
from repro.audit.statistics.results import MISSING, OK, Results, tabulate_variants
from repro.audit.statistics.units import GROUP
from repro.audit.study.plan import Plan
from repro.case import Case, Row
from repro.errors import UserError
from repro.runs.code import hash_code
from repro.runs.inputs import is_below
from repro.runs.record import Given, RunRecord, find_damage, in_one_line, read_record

STRANGER = "it was made from other code or inputs than the rest; sweep again"
MEND = "remove that run's folder and sweep again"
ROWS = ["run", "train_fraction", "unit", "metric", "value"]
PROTOCOLS = ["run", "metric", "value"]


def read_results(case: Case, plan: Plan, *, links: bool = True) -> Results:
    """Reads the evidence of a plan's runs.

    Args:
        case: under audit.
        plan: frozen.
        links: whether to look the runs up in the tracking store.

    """
    plan = plan.grown()
    records = {run.id: record for run in plan.runs if (record := read_record(run.id)) is not None}
    strangers = _find_strangers(case, plan, records)
    records = {run: record for run, record in records.items() if run not in strangers}
    reasons = {run.id: damage for run in plan.runs if run.id not in records and (damage := find_damage(run.id))}
    reasons |= dict.fromkeys(strangers, STRANGER)
    made = [run for run, record in records.items() if record.status == OK]
    try:
        rows, protocols = _rows(case, made), _protocols(made)
    except UserError:
        reasons |= _find_damaged(made)
        records = {run: record for run, record in records.items() if run not in reasons}
        made = [run for run in made if run not in reasons]
        rows, protocols = _rows(case, made), _protocols(made)
    found = _links(case) if links else {}
    return Results(tabulate_variants(plan), _runs(plan, records, reasons, found), rows, protocols)


def _find_strangers(case: Case, plan: Plan, records: Mapping[str, RunRecord]) -> set[str]:
    """Returns the runs that cannot be compared with the rest, as their code or inputs were others.

    The code is that of the working tree where a run has it, else that of most runs; the inputs are those of most runs
    with that code and the same params of inputs.
    """
    code = _usual_code(case, records)
    shared = {
        variant.id: tuple(sorted(f"{key}={value}" for key, value in variant.settings.items() if _is_shared(case, key)))
        for variant in plan.variants
    }
    alike: defaultdict[tuple[str, ...], Counter[tuple[str, ...]]] = defaultdict(Counter)
    groups = {run.id: shared[run.variant] for run in plan.runs if run.id in records}
    for run, group in groups.items():
        if records[run].given.code == code:
            alike[group][_told(records[run].given)] += 1
    usual = {group: counts.most_common(1)[0][0] for group, counts in alike.items()}
    return {run for run, group in groups.items() if _told(records[run].given) != usual.get(group)}


def _is_shared(case: Case, key: str) -> bool:
    return any(is_below(key, each.params) for each in case.inputs)


def _told(given: Given) -> tuple[str, ...]:
    return given.code, *(f"{name}={value}" for name, value in sorted(given.inputs.items()))


def _usual_code(case: Case, records: Mapping[str, RunRecord]) -> str:
    codes = Counter(record.given.code for record in records.values())
    if len(codes) > 1 and (today := hash_code(case)) in codes:
        return today
    return codes.most_common(1)[0][0] if codes else ""


def _runs(
    plan: Plan, records: Mapping[str, RunRecord], reasons: Mapping[str, str], links: Mapping[tuple[str, int], str]
) -> pd.DataFrame:
    found = []
    for run in plan.runs:
        record = records.get(run.id)
        found.append(
            {
                "run": run.id,
                "variant": run.variant,
                "seed": run.seed,
                "status": record.status if record is not None else MISSING,
                "reason": record.reason if record is not None else reasons.get(run.id, ""),
                "seconds": record.seconds if record is not None else float("nan"),
                "joules": record.joules if record is not None and record.joules is not None else float("nan"),
                "link": links.get((run.variant, run.seed), ""),
                "path": str(paths.RUNS / run.id),
            }
        )
    return pd.DataFrame(found).set_index("run")


def _rows(case: Case, made: list[str]) -> pd.DataFrame:
    """Returns the rows of all runs that ended well, with the groups of their units where the case has such."""
    if not made:
        return pd.DataFrame({name: [] for name in ROWS})
    table, places = _read([paths.RUNS / run / paths.ROWS for run in made], Row._fields)
    table["run"] = np.array(made)[places]
    where = case.unit_groups
    # runs are comparable on the same units only, so that one of them tells the groups of all
    told = [] if where is None else [paths.RUNS / run / where.file for run in made]
    told = [file for file in told if file.is_file()]
    if where is None or not told:
        return table[ROWS]
    sound = next((file for file in told if not _tell_damage(file, (where.unit, where.group))), told[0])
    named, _ = _read([sound], (where.unit, where.group))
    groups = dict(zip(named[where.unit].astype(str), named[where.group].astype(str), strict=True))
    table[GROUP] = table["unit"].astype(str).map(groups)
    return table[[*ROWS, GROUP]]


def _protocols(made: list[str]) -> pd.DataFrame:
    """Returns the means under every evaluation protocol, the case's own of each run first."""
    runs = [run for run in made if (paths.RUNS / run / paths.PROTOCOL_ROWS).is_file()]
    if not runs:
        return pd.DataFrame({name: [] for name in PROTOCOLS})
    table, places = _read([paths.RUNS / run / paths.PROTOCOL_ROWS for run in runs], ("metric", "value"))
    table.insert(0, "run", np.array(runs)[places])
    return table


def _find_damaged(made: list[str]) -> dict[str, str]:
    """Returns the runs whose tables cannot be read, each tried by itself, with the reason."""
    found: dict[str, str] = {}
    for name, needed in ((paths.ROWS, Row._fields), (paths.PROTOCOL_ROWS, ("metric", "value"))):
        files = {run: paths.RUNS / run / name for run in made if run not in found}
        if name != paths.ROWS:
            files = {run: file for run, file in files.items() if file.is_file()}
        found |= {run: reason for run, file in files.items() if (reason := _tell_damage(file, needed))}
        found |= _find_odd({run: file for run, file in files.items() if run not in found})
    return found


def _tell_damage(file: Path, needed: tuple[str, ...]) -> str:
    try:
        _read([file], needed)
    except UserError as error:
        return in_one_line(error)
    return ""


def _find_odd(files: Mapping[str, Path]) -> dict[str, str]:
    """Returns the runs whose table has other columns than that of most."""
    heads = {run: file.read_bytes().partition(b"\n")[0] for run, file in files.items()}
    usual = Counter(heads.values()).most_common(1)
    return {
        run: f"{files[run]} has other columns than the tables of the other runs; {MEND}"
        for run, head in heads.items()
        if head != usual[0][0]
    }


def _read(files: list[Path], needed: tuple[str, ...]) -> tuple[pd.DataFrame, NDArray[np.intp]]:
    """Returns the rows of many CSV files with the same columns, and the place of the file that each comes from.

    They are joined as text and parsed once, which for hundreds of small files is several times as fast.
    """
    header, bodies = b"", []
    for file in files:
        try:
            first, _, body = file.read_bytes().partition(b"\n")
        except OSError as error:
            raise UserError(f"{file} cannot be read ({error.strerror})\n  {MEND}") from None
        if header not in (b"", first) or not body.endswith(b"\n"):
            raise UserError(f"{file} is no table like those of the other runs\n  {MEND}")
        header = first
        bodies.append(body)
    places = np.repeat(np.arange(len(files)), [body.count(b"\n") for body in bodies])
    try:
        joined = io.BytesIO(b"\n".join([header, b"".join(bodies)]))
        kinds = {"value": float, "train_fraction": float}
        table = pd.read_csv(joined, keep_default_na=False, na_values={"value": [""]}, dtype=kinds)
        if len(table) != len(places):
            raise ValueError("a quote is left open in it")
        if missing := [name for name in needed if name not in table]:
            raise ValueError(f"it has no column {missing[0]}")
    except ValueError as error:
        raise UserError(f"{files[0]} or one like it is no table of a run ({error})\n  {MEND}") from None
    return table, places


def _links(case: Case) -> dict[tuple[str, int], str]:
    """Returns the links of published runs; none where the tracking store does not answer: a link is no result."""
    from repro.tracking import link_runs

    try:
        return link_runs(case)
    except UserError:
        return {}
