"""Why runs carry no verdict: no replicates, one seed for all, effects that they cannot tell apart."""

from collections.abc import Mapping

import numpy as np

from repro.audit.counted import count_of
from repro.audit.statistics.linear_model import fit_effects
from repro.audit.study.designs import code_options
from repro.judge.column_names import SHARED
from repro.judge.columns import Column, of_role
from repro.judge.declaration import Declaration
from repro.judge.replicates import Replicates
from repro.judge.settling import tell_unrepeated
from repro.judge.variants import Variants, keep_variants


def is_estimable(variants: Variants, replicates: Replicates) -> bool:
    """Says whether the runs that there are can tell all main effects of a design apart."""
    if variants.design == "one_at_a_time":
        return True
    ok = replicates.frame[~replicates.frame["failed"]].drop_duplicates(["variant", "replicate"])
    values = np.full((len(variants.settings), int(ok["replicate"].max()) + 1), np.nan)
    values[ok["variant"], ok["replicate"]] = 1.0
    if replicates.paired:
        values[:, np.isfinite(values).sum(axis=0) < 2] = np.nan
    columns = (code_options(variants.levels, variants.settings)[1] + 1) / 2
    return bool(np.isfinite(fit_effects(columns, values, blocks=replicates.paired).estimates).all())


def refuse_unrepeated(replicates: Replicates, variants: Variants, declared: Declaration, main: str) -> list[str]:
    """Returns why there is no verdict, and what is known all the same; nothing where there are replicates."""
    frame = replicates.frame[~replicates.frame["failed"]]
    counts = frame.groupby("variant")["replicate"].nunique()
    repeated = int((counts > 1).sum())
    if len(counts) < 2:
        return ["only one variant has a value of the outcome: there is nothing to compare"]
    enough = repeated >= 2 or (repeated and variants.design != "one_at_a_time")
    if enough and (counts.get(0, 0) > 1 or variants.design != "one_at_a_time"):
        return []
    if enough:
        base = ", ".join(f"{name}={value}" for name, value in variants.baseline.items())
        return [
            f"the baseline ({base}) has one {replicates.word}: nothing can be held against it\n"
            "  name one with several: --baseline"
        ]
    values = frame.groupby("variant")[main].mean()
    names = [", ".join(map(str, variants.settings[number].values())) or "baseline" for number in values.index]
    names = [
        ", ".join(variants.baseline.values()) if number == 0 else name
        for number, name in zip(values.index, names, strict=True)
    ]
    outcome = declared.outcomes[main]
    known = tell_unrepeated(values.to_numpy(dtype=np.float64), names, outcome.margin, outcome.direction == "higher")
    what = "no variant was run twice" if not repeated else "one variant alone was run twice"
    return [f"{what}: nothing says how far runs differ by chance, and no difference can be held against it", *known]


def refuse_no_chance(outcome: str) -> str:
    """Refuses runs of which none differs from another of the same options."""
    return (
        f"runs of the same options have the same {outcome} to the last digit: nothing says what chance does\n"
        "  was the seed used? without chance, differences are what they are, and need no verdict"
    )


def refuse_one_seed(columns: list[Column], declared: Declaration) -> str:
    """Refuses runs that all have one seed: what they differ by is not what a seed does."""
    one = [column for column in columns if column.role == "constant" and SHARED.search(column.name)]
    if not one or declared.seed is not None or of_role(columns, "seed"):
        return ""
    return (
        f"all runs have one {one[0].name} ({one[0].why}): nothing says what another would have given\n"
        "  if rows of the same options are repeats all the same: --seed ''"
    )


def leave_single(variants: Variants, replicates: Replicates, said: list[str]) -> tuple[Variants, Replicates]:
    """Leaves out the arms that have fewer than two replicates, or share fewer with the baseline; says which."""
    ok = replicates.frame
    sets = ok.groupby("variant")["replicate"].agg(set)
    base = sets.get(0, set())
    usable = [
        len((sets.get(n, set()) & base) if replicates.paired else sets.get(n, set())) > 1
        for n in range(len(variants.settings))
    ]
    gone = [", ".join(map(str, variants.settings[n].values())) for n, keep in enumerate(usable) if not keep]
    if not gone:
        return variants, replicates
    shared = " in common with the baseline" if replicates.paired else ""
    named = "; ".join(gone[:4]) + ("; ..." if len(gone) > 4 else "")
    said.append(
        f"{count_of(len(gone), 'variant')} with fewer than two {replicates.word}s{shared} carry no verdict: {named}"
    )
    numbers = np.cumsum(usable) - 1
    rows = ok["variant"].map(lambda number: usable[number])
    frame = ok[rows].assign(variant=numbers[ok.loc[rows, "variant"]])
    return keep_variants(variants, usable), replicates._replace(frame=frame)


def list_unrepeated(
    replicates: Replicates, variants: Variants, declared: Declaration, main: str
) -> dict[str, Mapping[str, str]]:
    """Returns the options of the baseline and of the best of the other variants, whose repeats would tell the noise."""
    values = replicates.frame[~replicates.frame["failed"]].groupby("variant")[main].mean()
    others = values.drop(index=0, errors="ignore")
    if not len(others) or not variants.rows:
        return {}
    numbers = others.to_numpy(dtype=np.float64)
    best = int(np.argmax(numbers) if declared.outcomes[main].direction == "higher" else np.argmin(numbers))
    return {"baseline": variants.rows[0], "best": variants.rows[int(others.index.to_numpy()[best])]}
