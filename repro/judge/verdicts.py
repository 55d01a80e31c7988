"""The judgement on a table: roles, runs, variants, and the analysis of a study; or why there is none."""

from datetime import UTC, datetime

import pandas as pd

from repro.audit.statistics.analysis import analyse
from repro.audit.statistics.outcomes import FULL
from repro.audit.statistics.verdicts import EQUIVALENT, UNDECIDED
from repro.errors import UserError
from repro.judge.columns import Column, of_role
from repro.judge.copies import SAME
from repro.judge.declaration import Declaration, freeze
from repro.judge.design import make_plan
from repro.judge.judgement import Judgement
from repro.judge.noise import NO_NOISE, Noise, pool_noise
from repro.judge.refusing import (
    is_estimable,
    leave_single,
    list_unrepeated,
    refuse_no_chance,
    refuse_one_seed,
    refuse_unrepeated,
)
from repro.judge.replicates import Replicates, find_replicates, is_shared
from repro.judge.roles import infer_roles
from repro.judge.runs import Runs, read_runs
from repro.judge.settling import list_next
from repro.judge.slope_verdicts import judge_slopes, settle_numbers
from repro.judge.variants import Variants, add_copies, find_variants, join_details
from repro.judge.wide import lengthen
from repro.storage import hash_json


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
    columns = settle_numbers(runs, columns)
    details = of_role(columns, "detail")
    main = of_role(columns, "outcome")[0]
    seeds = of_role(columns, "seed")
    named = bool(seeds) and is_shared(seeds[0], declared)
    first = Judgement(freeze(declared, columns, named, {}), columns, runs.said)
    try:
        if not len(runs.table) or runs.table["failed"].all():
            raise UserError(f"no run has a value of {main}")
        if of_role(columns, "numeric detail") and not details:
            return judge_slopes(first, runs, main)
        variants = find_variants(runs.table, details, declared.baseline)
        replicates = find_replicates(runs.table, columns, declared, variants)
        if not is_estimable(variants, replicates):
            variants = join_details(runs.table, variants)
            replicates = find_replicates(runs.table, columns, declared, variants)
        variants = add_copies(
            runs.table, variants, [c.name for c in columns if c.role == "copy" and c.why.startswith(SAME)]
        )
    except UserError as error:
        return first._replace(refused=str(error))
    said = [*runs.said, *variants.said, *replicates.said]
    values = tuple(dict.fromkeys(map(str, runs.table[seeds[0]]))) if seeds else ()
    paired = named if replicates.word == "task" else replicates.paired
    frozen = freeze(declared, columns, paired, variants.baseline)
    noise = NO_NOISE  # in the units of tasks, which are unlike
    if not replicates.scale:
        noise = _find_noise(runs, variants, columns, replicates)
    found = first._replace(declared=frozen, said=said, noise=noise, word=replicates.word, seeds=values)
    if noise.df and not noise.sd:
        return found._replace(refused=refuse_no_chance(main))
    if numeric := of_role(columns, "numeric detail"):
        return judge_slopes(found, runs, main, f"{', '.join(numeric)}: numbers that vary within options")
    if refused := refuse_unrepeated(replicates, variants, declared, main):
        options = list_unrepeated(replicates, variants, declared, main) if len(refused) > 1 else {}
        return found._replace(refused=refused[0], said=[*said, *refused[1:]], options=options)
    if refused_seed := refuse_one_seed(columns, declared):
        return found._replace(refused=refused_seed)
    if variants.design == "one_at_a_time":
        variants, replicates = leave_single(variants, replicates, said)
    return _analyse(found, variants, replicates, declared, now or datetime.now(UTC))


def _find_noise(runs: Runs, variants: Variants, columns: list[Column], replicates: Replicates) -> Noise:
    """Returns the noise of runs of the same variant, task and unit; rows that are nested in a seed are one run."""
    main, nested = of_role(columns, "outcome")[0], of_role(columns, "task", "unit")
    if not nested:
        return pool_noise(replicates.frame, main, ["variant"])
    return pool_noise(runs.table.assign(_variant=variants.place), main, ["_variant", *nested])


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
            f"no margin for {', '.join(unstated)} (--margin): what is equivalent cannot be said, only what matters",
        ]
    return found._replace(
        plan=plan, results=results, analysis=analysis, said=said, next_runs=tuple(list_next(own, replicates.word))
    )


def _in_terms(text: str, word: str) -> str:
    """Returns a sentence of the verdicts with what is repeated called by its name."""
    return text if word == "seed" else text.replace(" seeds", f" {word}s").replace(" seed", f" {word}")
