"""The judgement on a table: roles, runs, variants, and the analysis of a study; or why there is none."""

from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import pandas as pd

from repro.audit.statistics.analysis import Analysis, analyse
from repro.audit.statistics.linear_model import fit_effects
from repro.audit.statistics.outcomes import FULL
from repro.audit.statistics.results import Results
from repro.audit.statistics.verdicts import EQUIVALENT, UNDECIDED
from repro.audit.study.designs import code_options
from repro.audit.study.plan import Plan
from repro.errors import UserError
from repro.judge.column_names import SHARED
from repro.judge.columns import Column, of_role
from repro.judge.declaration import Declaration, freeze
from repro.judge.design import Replicates, find_replicates, is_shared, make_plan
from repro.judge.roles import infer_roles
from repro.judge.runs import Runs, read_runs
from repro.judge.settling import NextBatch, list_next, tell_unrepeated
from repro.judge.slopes import SLOPE_COLUMNS, fit_slopes
from repro.judge.variants import Variants, find_variants, join_details, keep_variants
from repro.judge.wide import lengthen
from repro.storage import hash_json


class Noise(NamedTuple):
    """How far runs of one variant differ.

    Attributes:
        sd: pooled within variants; of the last outcome's replicates.
        df: runs less variants.
        groups: variants.
    """

    sd: float
    df: int
    groups: int


class Judgement(NamedTuple):
    """What a table says.

    Attributes:
        declared: how it was read, everything inferred said.
        columns: with their roles.
        said: sentences on what was found and done.
        refused: why there is no verdict; empty if there is one.
        plan: of the variants; None where there is no verdict.
        results: likewise.
        analysis: likewise.
        slopes: of numeric details.
        noise: of the main outcome.
        next_runs: what would settle open verdicts.
        word: what is repeated: seed, run or task.
        options: of each variant of the plan, by its id, the option of each column.
        seeds: values of the column of seeds, in the order of the plan's numbers where they pair.
        batch: of runs to make next, where it was asked for.
    """

    declared: Declaration
    columns: list[Column]
    said: list[str]
    refused: str = ""
    plan: Plan | None = None
    results: Results | None = None
    analysis: Analysis | None = None
    slopes: pd.DataFrame = pd.DataFrame(columns=list(SLOPE_COLUMNS))
    noise: Noise = Noise(np.nan, 0, 0)
    next_runs: tuple[str, ...] = ()
    word: str = "seed"
    options: Mapping[str, Mapping[str, str]] = MappingProxyType({})
    seeds: tuple[str, ...] = ()
    batch: NextBatch | None = None


def judge_table(table: pd.DataFrame, declared: Declaration, now: datetime | None = None) -> Judgement:
    """Judges a table of runs.

    Args:
        table: as `read_table` gives it.
        declared: what is said of it.
        now: the time that it is dated with.

    Raises:
        UserError: it cannot be read as declared.
    """
    table, lengthened = lengthen(table, declared.outcomes)
    columns = infer_roles(table, declared.asked())
    runs = read_runs(table, columns, declared)
    runs = runs._replace(said=[*lengthened, *runs.said])
    columns = _settle_numbers(runs, columns)
    details = of_role(columns, "detail")
    main = of_role(columns, "outcome")[0]
    seeds = of_role(columns, "seed")
    named = bool(seeds) and is_shared(seeds[0], declared)
    first = Judgement(freeze(declared, columns, named, {}), columns, runs.said)
    try:
        if not len(runs.table) or runs.table["failed"].all():
            raise UserError(f"no run has a value of {main}")
        if of_role(columns, "numeric detail") and not details:
            return _judge_slopes(first, runs, main)
        variants = find_variants(runs.table, details, declared.baseline)
        replicates = find_replicates(runs.table, columns, declared, variants)
        if not is_estimable(variants, replicates):
            variants = join_details(runs.table, variants)
            replicates = find_replicates(runs.table, columns, declared, variants)
    except UserError as error:
        return first._replace(refused=str(error))
    said = [*runs.said, *variants.said, *replicates.said]
    values = tuple(dict.fromkeys(map(str, runs.table[seeds[0]]))) if seeds else ()
    paired = named if replicates.word == "task" else replicates.paired
    frozen = freeze(declared, columns, paired, variants.baseline)
    found = first._replace(
        declared=frozen,
        said=said,
        noise=pool_noise(runs, variants, columns, replicates),
        word=replicates.word,
        seeds=values,
    )
    if replicates.scale:
        found = found._replace(noise=Noise(np.nan, 0, 0))  # in the units of tasks, which are unlike
    if found.noise.df and not found.noise.sd:
        return found._replace(
            refused=f"runs of the same options have the same {main} to the last digit: nothing says what chance does\n"
            "  was the seed used? without chance, differences are what they are, and need no verdict"
        )
    if numeric := of_role(columns, "numeric detail"):
        return _judge_slopes(found, runs, main, f"{', '.join(numeric)}: numbers that vary within options")
    if refused := _refuse(replicates, variants, declared, main):
        return found._replace(refused=refused[0], said=[*said, *refused[1:]])
    if refused_seed := _refuse_one_seed(columns, declared):
        return found._replace(refused=refused_seed)
    if variants.design == "one_at_a_time":
        variants, replicates = _leave_single(variants, replicates, said)
    return _analyse(found, variants, replicates, declared, now or datetime.now(UTC))


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


def _leave_single(variants: Variants, replicates: Replicates, said: list[str]) -> tuple[Variants, Replicates]:
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
    said.append(f"{len(gone)} variants have fewer than two {replicates.word}s{shared} and carry no verdict: {named}")
    numbers = np.cumsum(usable) - 1
    rows = ok["variant"].map(lambda number: usable[number])
    frame = ok[rows].assign(variant=numbers[ok.loc[rows, "variant"]])
    return keep_variants(variants, usable), replicates._replace(frame=frame)


def _refuse_one_seed(columns: list[Column], declared: Declaration) -> str:
    """Refuses runs that all have one seed: what they differ by is not what a seed does."""
    one = [column for column in columns if column.role == "constant" and SHARED.search(column.name)]
    if not one or declared.seed is not None or of_role(columns, "seed"):
        return ""
    return (
        f"all runs have one {one[0].name} ({one[0].why}): nothing says what another would have given\n"
        "  if rows of the same options are repeats all the same: --seed ''"
    )


def _analyse(
    found: Judgement, variants: Variants, replicates: Replicates, declared: Declaration, now: datetime
) -> Judgement:
    plan, results = make_plan(variants, replicates, declared, now)
    options = {hash_json(row)[:12]: named for row, named in zip(variants.settings, variants.rows, strict=True)}
    found = found._replace(options=options, seeds=tuple(replicates.names) or found.seeds)
    analysis = analyse(plan, results)
    unstated = [name for name, outcome in declared.outcomes.items() if outcome.margin is None]
    verdicts = analysis.verdicts.assign(
        reason=[_in_terms(text, replicates.word) for text in analysis.verdicts["reason"]],
        refused=[_in_terms(text, replicates.word) for text in analysis.verdicts["refused"]],
    )
    if unstated:
        hidden = verdicts["metric"].isin(unstated) & (verdicts["verdict"] == EQUIVALENT)
        reason = verdicts["reason"].where(~hidden, "no margin was declared (--margin), so nothing is called equivalent")
        verdicts = verdicts.assign(verdict=verdicts["verdict"].where(~hidden, UNDECIDED), reason=reason)
    analysis = analysis._replace(verdicts=verdicts)
    main = next(iter(declared.outcomes))
    own = verdicts[(verdicts["metric"] == main) & (verdicts["train_fraction"] == FULL)]
    said = found.said
    if unstated:
        said = [
            *said,
            f"no margin for {', '.join(unstated)} (--margin): what is equivalent cannot be said, only what differs",
        ]
    return found._replace(
        plan=plan, results=results, analysis=analysis, said=said, next_runs=tuple(list_next(own, replicates.word))
    )


def pool_noise(runs: Runs, variants: Variants, columns: list[Column], replicates: Replicates) -> Noise:
    """Pools the SD of runs within variants (and tasks), as they were found.

    Example:
        `Noise(sd=0.00117, df=470, groups=49)`: 519 runs of 49 variants would have 470 degrees of freedom.
    """
    main, tasks, units = (of_role(columns, role) for role in ("outcome", "task", "unit"))
    ok, by = runs.table.assign(_variant=variants.place)[~runs.table["failed"]], ["_variant", *tasks, *units]
    if not tasks and not units:  # rows that are nested in a seed are one run
        ok, by = replicates.frame[~replicates.frame["failed"]], ["variant"]
    groups = ok.groupby(by, observed=True)[main[0]]
    square, count = groups.var(ddof=1).fillna(0) * (groups.size() - 1), groups.size()
    df = int((count - 1).sum())
    return Noise(float(np.sqrt(square.sum() / df)) if df else np.nan, df, len(count))


def _settle_numbers(runs: Runs, columns: list[Column]) -> list[Column]:
    """Takes a number with many levels for options where it hardly varies beside the other details."""
    options = of_role(columns, "detail")
    found = []
    for column in columns:
        if column.role == "numeric detail" and options:
            alone = len(runs.table[options].drop_duplicates())
            both = len(runs.table[[*options, column.name]].drop_duplicates())
            if both <= 1.5 * alone or runs.table[column.name].isna().any():
                why = f"{column.levels} levels, but it goes with {' and '.join(options[:3])}: options, no slope"
                column = column._replace(role="detail", why=why)
        found.append(column)
    return found


def _refuse(replicates: Replicates, variants: Variants, declared: Declaration, main: str) -> list[str]:
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


def _judge_slopes(found: Judgement, runs: Runs, main: str, why: str = "") -> Judgement:
    """Judges numeric details where there are repeats; without, their slopes are shown and not judged."""
    columns = found.columns
    numeric, options = of_role(columns, "numeric detail"), of_role(columns, "detail", "task")
    ok = runs.table[~runs.table["failed"]]
    slopes = fit_slopes(ok, main, numeric, options, found.declared.outcomes[main].margin, of_role(columns, "task"))
    groups = ok.groupby([*numeric, *options], dropna=False, observed=True)[main]
    df = int((groups.size() - 1).sum())
    square = float((groups.var(ddof=1).fillna(0) * (groups.size() - 1)).sum())
    noise = Noise(float(np.sqrt(square / df)) if df else np.nan, df, groups.ngroups)
    said = [*found.said, f"{why or 'numeric details'}: a slope each, over the means of {groups.ngroups} configurations"]
    if df and of_role(columns, "seed"):
        return found._replace(slopes=slopes, said=said, noise=noise)
    refused = (
        "no configuration was run twice: nothing says how far runs differ by chance, and slopes are shown, not judged"
    )
    if df:
        refused = "no column says that runs of the same options are repeats (--seed): slopes are shown, not judged"
    hidden = slopes.assign(verdict="undecided", reason="no replicates")
    order = ok.sort_values(main)[main]
    more = [
        f"outcomes go from {order.iloc[0]:.6g} to {order.iloc[-1]:.6g} over {len(ok)} runs: noise is in it, how much "
        "is not known"
    ]
    values = np.array([float(order.median()), float(order.iloc[0]), float(order.iloc[-1])])
    higher = found.declared.outcomes[main].direction == "higher"
    more += tell_unrepeated(
        values, ["the median run", "the lowest", "the highest"], found.declared.outcomes[main].margin, higher
    )[1:]
    return found._replace(slopes=hidden, said=[*said, *more], noise=noise, refused=refused)


def _in_terms(text: str, word: str) -> str:
    """Returns a sentence of the verdicts with what is repeated called by its name."""
    return text if word == "seed" else text.replace(" seeds", f" {word}s").replace(" seed", f" {word}")
