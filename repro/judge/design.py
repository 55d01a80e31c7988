"""From runs that were found to a plan and its results, as if they had been planned, and marked as found."""

from datetime import UTC, datetime

import numpy as np
import pandas as pd

from repro.audit.statistics.outcomes import FULL
from repro.audit.statistics.results import FAILED, OK, Results
from repro.audit.study.declaration import Found, Outcome, Study
from repro.audit.study.plan import Plan, Run, Variant
from repro.errors import UserError
from repro.judge.declaration import Declaration
from repro.judge.noise import pool_within
from repro.judge.replicates import Replicates
from repro.judge.variants import Variants
from repro.storage import hash_json

MOST_REPLICATES = 1000


def make_plan(variants: Variants, replicates: Replicates, declared: Declaration, now: datetime) -> tuple[Plan, Results]:
    """Returns plan and results of what was found.

    Raises:
        UserError: there are more replicates than a study can have.
    """
    frame = replicates.frame
    most = int(frame["replicate"].max()) + 1
    if most > MOST_REPLICATES:
        raise UserError(f"{most} {replicates.word}s of one variant, more than {MOST_REPLICATES}\n  split the table")
    outcomes = {
        name: Outcome(
            direction=declared.outcomes[name].direction,
            margin=find_margin(frame, name, declared),
            why=declared.outcomes[name].why or "the author of judge.yaml gives no reason",
            unit=replicates.scale or declared.outcomes[name].unit,
        )
        for name in declared.outcomes
    }
    study = Study(
        title=f"What {declared.table.rpartition('/')[2]} says",
        reading="baseline",
        scale="as found",
        details={name: list(known[1:]) for name, known in variants.levels.items()},
        design=variants.design,
        found=Found(table=declared.table, paired=replicates.paired, replicate=replicates.word),
        correction=declared.correction,
        seeds=most,
        metrics=outcomes,
    )
    ids = [hash_json(settings)[:12] for settings in variants.settings]
    cells = frame.drop_duplicates(["variant", "replicate"])
    runs = pd.DataFrame(
        {
            "variant": [ids[number] for number in cells["variant"]],
            "seed": cells["replicate"].astype(int).to_numpy(),
            "status": np.where(
                frame.groupby(["variant", "replicate"])["failed"].transform("any")[cells.index], FAILED, OK
            ),
            "reason": np.where(cells["failed"], "no finite value", ""),
            "seconds": np.nan,
            "joules": np.nan,
            "link": "",
            "path": [
                _tell_place(replicates, row, number)
                for row, number in zip(cells["row"], cells["replicate"], strict=True)
            ],
        },
        index=pd.Index(
            [f"{ids[v]}-s{r}" for v, r in zip(cells["variant"], cells["replicate"], strict=True)], name="run"
        ),
    )
    present = sorted(set(cells["variant"]))
    planned = [
        Variant(id=ids[number], role="baseline" if not number else "arm", settings=variants.settings[number])
        for number in range(len(ids))
        if number in present or not number
    ]
    declaration = study.model_dump(mode="json")
    plan = Plan(
        study="found",
        fingerprint=hash_json([declaration, sorted(ids)]),
        frozen=now.astimezone(UTC).isoformat(timespec="seconds"),
        declaration=declaration,
        levels=variants.levels,
        variants=planned,
        runs=[
            Run(id=str(run), variant=v, seed=int(s))
            for run, v, s in zip(runs.index, runs["variant"], runs["seed"], strict=True)
        ],
        left_out=[],
        deviations=[],
    )
    return plan, Results(_tell_variants(variants, ids), runs, _list_rows(frame, ids, list(outcomes)), _no_protocols())


def find_margin(frame: pd.DataFrame, name: str, declared: Declaration) -> float:
    """Returns the declared margin; else, only so that numbers have their decimals, the SD within variants."""
    margin = declared.outcomes[name].margin
    if margin is not None:
        return margin
    finite = frame[np.isfinite(frame[name])]
    sd = pool_within(finite.groupby("variant")[name]).sd
    return sd if sd > 0 else max(float(finite[name].abs().max()), 1.0) * 1e-6


def _tell_place(replicates: Replicates, row: int, number: int) -> str:
    if replicates.paired:
        name = f"{replicates.word} {replicates.names[int(number)]}"
        return f"{name}, row {row}" if row else name
    return f"row {row}"


def _tell_variants(variants: Variants, ids: list[str]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "role": ["baseline", *["arm"] * (len(ids) - 1)],
            **{
                name: [settings.get(name, known[0]) for settings in variants.settings]
                for name, known in variants.levels.items()
            },
        },
        index=pd.Index(ids, name="variant"),
    )


def _list_rows(frame: pd.DataFrame, ids: list[str], outcomes: list[str]) -> pd.DataFrame:
    ok = frame[~frame["failed"]]
    runs = [f"{ids[v]}-s{r}" for v, r in zip(ok["variant"], ok["replicate"], strict=True)]
    parts = [
        pd.DataFrame(
            {
                "run": runs,
                "train_fraction": FULL,
                "unit": ok.get("unit", "run"),
                "metric": name,
                "value": ok[name].to_numpy(),
            }
        )
        for name in outcomes
    ]
    return pd.concat(parts, ignore_index=True)


def _no_protocols() -> pd.DataFrame:
    return pd.DataFrame({"run": [], "metric": [], "value": pd.Series([], dtype=np.float64)})
