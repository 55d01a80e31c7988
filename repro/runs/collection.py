"""The runs of a plan on disk, read as the long tables that every analysis reads.

Evidence flows in, `Results` flows out. A run that failed, diverged or has not been run is there with its status and
has no rows; so is one that was made from other code or data than the rest. Knows nothing of statistics.
"""

import io
from collections import Counter, defaultdict
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from repro import paths
from repro.audit.ledger.choice import show_value
from repro.audit.statistics.results import MISSING, OK, Results
from repro.audit.study.plan import Plan
from repro.errors import UserError
from repro.runs.code import hash_code
from repro.runs.record import Given, Outcome, read_outcome
from repro.runs.run import TRAIN_FRACTIONS

PROTOCOL_CHOICES = ["output", "rounding", "ssim_window", "colour"]
STRANGER = "it was made from other code or data than the rest; sweep again"
SHARED = ("data.", "masks.")
"""Params by which runs share photographs and holes."""
MEND = "remove that run's folder and sweep again"
NAMES = ["run", "train_fraction", "image"]
ROWS = [*NAMES, "metric", "value"]
PROTOCOLS = ["run", *PROTOCOL_CHOICES, "metric", "value"]
MEASURES = ["psnr_hole_db", "psnr_db", "ssim", "l1_hole", "l1"]


def read_results(plan: Plan, *, links: bool = True) -> Results:
    """Reads the evidence of a plan's runs.

    An `image` of the rows is a test image; its value is the mean over its holes, one of each hole ratio.

    Args:
        plan: frozen.
        links: whether to look the runs' runs up in the tracking store.

    Raises:
        UserError: evidence is broken.
    """
    outcomes = {run.id: outcome for run in plan.runs if (outcome := read_outcome(run.id)) is not None}
    strangers = _find_strangers(plan, outcomes)
    outcomes = {run: outcome for run, outcome in outcomes.items() if run not in strangers}
    made = {run: outcome for run, outcome in outcomes.items() if outcome.status == OK}
    found = _links() if links else {}
    return Results(_variants(plan), _runs(plan, outcomes, strangers, found), _rows(made), _protocols(list(made)))


def _find_strangers(plan: Plan, outcomes: Mapping[str, Outcome]) -> set[str]:
    """Returns the runs that cannot be compared with the rest, as their code, photographs or holes were others.

    The code is that of the working tree where a run has it, else that of most runs; the photographs and holes are
    those of most runs with that code and the same params of data and masks.
    """
    code = _usual_code(outcomes)
    shared = {
        variant.id: tuple(sorted(f"{key}={value}" for key, value in variant.settings.items() if key.startswith(SHARED)))
        for variant in plan.variants
    }
    alike: defaultdict[tuple[str, ...], Counter[Given]] = defaultdict(Counter)
    groups = {run.id: shared[run.variant] for run in plan.runs if run.id in outcomes}
    for run, group in groups.items():
        if outcomes[run].given.code == code:
            alike[group][outcomes[run].given] += 1
    usual = {group: counts.most_common(1)[0][0] for group, counts in alike.items()}
    return {run for run, group in groups.items() if outcomes[run].given != usual.get(group)}


def _usual_code(outcomes: Mapping[str, Outcome]) -> str:
    codes = Counter(outcome.given.code for outcome in outcomes.values())
    if len(codes) > 1 and (today := hash_code()) in codes:
        return today
    return codes.most_common(1)[0][0] if codes else ""


def _variants(plan: Plan) -> pd.DataFrame:
    records = []
    for variant in plan.variants:
        settings = variant.settings if variant.role in ("baseline", "arm") else {}  # a control is no option of a detail
        options = {key: settings.get(key, levels[0]) for key, levels in plan.levels.items()}
        shown = {key: show_value(option) for key, option in options.items()}
        records.append({"variant": variant.id, "role": variant.role, **shown})
    return pd.DataFrame(records, columns=["variant", "role", *plan.levels]).set_index("variant")


def _runs(
    plan: Plan, outcomes: Mapping[str, Outcome], strangers: set[str], links: Mapping[tuple[str, int], str]
) -> pd.DataFrame:
    records = []
    for run in plan.runs:
        outcome = outcomes.get(run.id)
        reason = STRANGER if run.id in strangers else ""
        records.append(
            {
                "run": run.id,
                "variant": run.variant,
                "seed": run.seed,
                "status": outcome.status if outcome is not None else MISSING,
                "reason": outcome.reason if outcome is not None else reason,
                "seconds": outcome.seconds if outcome is not None else float("nan"),
                "joules": outcome.joules if outcome is not None and outcome.joules is not None else float("nan"),
                "link": links.get((run.variant, run.seed), ""),
                "path": str(paths.RUNS / run.id),
            }
        )
    return pd.DataFrame(records).set_index("run")


def _rows(made: Mapping[str, Outcome]) -> pd.DataFrame:
    """Returns the rows of the headline output at every train_fraction, one for each image and metric."""
    if not made:
        return pd.DataFrame({name: [] for name in ROWS})
    folders = [(run, folder) for folder in TRAIN_FRACTIONS for run in made]
    files = [paths.RUNS / run / folder / paths.IMAGES for run, folder in folders]
    table, places = _read(files, ["image", "output", *MEASURES])
    shown = table["output"].to_numpy() == np.array([made[run].output for run, _ in folders])[places]
    table, places = table[shown], places[shown]
    table["run"] = pd.Categorical.from_codes(places % len(made), pd.Index(list(made)))
    table["train_fraction"] = np.repeat(list(TRAIN_FRACTIONS.values()), len(made))[places]
    means = table.groupby(NAMES, sort=False, observed=True)[MEASURES].mean(skipna=False).reset_index()
    return means.melt(NAMES, MEASURES, var_name="metric", value_name="value").astype({"run": str})


def _protocols(runs: list[str]) -> pd.DataFrame:
    """Returns the means under every protocol, the headline of each run first."""
    if not runs:
        return pd.DataFrame({name: [] for name in PROTOCOLS})
    files = [paths.RUNS / run / paths.EVALUATE.name / paths.PROTOCOLS for run in runs]
    table, places = _read(files, [*PROTOCOL_CHOICES, *MEASURES])
    table["run"] = np.array(runs)[places]
    return table.melt(["run", *PROTOCOL_CHOICES], MEASURES, var_name="metric", value_name="value")


def _read(files: list[Path], columns: list[str]) -> tuple[pd.DataFrame, NDArray[np.intp]]:
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
        table = pd.read_csv(io.BytesIO(b"\n".join([header, b"".join(bodies)])), usecols=columns)
    except ValueError as error:
        raise UserError(f"{files[0]} or one like it is no table of a run ({error})\n  {MEND}") from None
    return table, places


def _links() -> dict[tuple[str, int], str]:
    """Returns the links of published runs; none where the tracking store does not answer: a link is no result."""
    from repro.tracking import link_runs

    try:
        return link_runs()
    except UserError:
        return {}
