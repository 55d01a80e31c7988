"""The evaluation protocol as a multiverse of its own: whether it changes what a detail does, or the verdict on it.

How far a protocol moves the level of a metric says nothing on any detail: where a choice changes the definition (the
colour space of a signal-to-noise ratio, say) the two are different quantities, and what it adds to every run alike
cancels in each effect. What can be compared is detail x protocol. All of it is the study's own analysis: a protocol is
one more outcome, and so is the difference that it makes to each run.

Any text columns will do as a protocol's choices; what they mean is the case's affair.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from repro.audit.statistics.effects import contrast_effects, paired_effects
from repro.audit.statistics.interactions import interactions as find_interactions
from repro.audit.statistics.linear_model import code_details
from repro.audit.statistics.looks import judge_effects
from repro.audit.statistics.multiplicity import LEVEL, adjust_p, correction_of
from repro.audit.statistics.outcomes import FULL, Outcomes, tabulate_outcomes
from repro.audit.statistics.results import Results
from repro.audit.statistics.verdicts import judge_details
from repro.audit.study.plan import Plan

HEADLINE = "headline"
"""What the protocol is called that the metric itself is measured by."""
PROTOCOL_COLUMNS = (
    *("metric", "train_fraction", "protocol", "same", "mean", "verdicts_changed", "details_changed"),
    *("effects_changed", "effects_same", "largest", "largest_change", "low", "high", "p_adjusted", "runs"),
)
EFFECT_COLUMNS = (
    *("metric", "train_fraction", "protocol", "detail", "option", "baseline", "estimate", "low", "high"),
    *("change", "change_low", "change_high", "p", "p_adjusted", "within_margin", "verdict", "headline_verdict", "runs"),
)
_KEY = ["metric", "protocol", "detail", "option"]


class Multiverse(NamedTuple):
    """One metric under every protocol that gives numbers of its own.

    Attributes:
        metric: its name in the study.
        protocols: the choices by which each departs from the first, which is `HEADLINE`.
        same: how many protocols give each of these numbers.
        values: runs by protocols.
    """

    metric: str
    protocols: list[str]
    same: list[int]
    values: pd.DataFrame


def protocol_multiverse(plan: Plan, results: Results) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Finds what each evaluation protocol makes of the effects of the details and of the verdicts on them.

    The headline protocol is the first combination that occurs for the metric in `results.protocols`. Protocols that
    give the very same numbers are one, named by the one with the fewest departures. With y_rp the value of run r by
    protocol p, the effects by p are those of the outcome y_rp, and what p changes in them those of y_rp - y_r0: the
    interaction detail x protocol, with the error that it has over seeds, as both are measured on the same runs.

    Args:
        plan: names details, margins and variants.
        results: their outcomes by protocol, after the full training; a metric that is none of the study is left out.

    Returns:
        `Analysis.protocols`: per metric and protocol: same (protocols that give these numbers), mean (of the level,
        not to be compared), verdicts_changed, details_changed (their names), effects_changed (options whose effect is
        another at .05), effects_same (those whose change lies within the margin), largest (the option whose effect
        changes most, by p) with largest_change, low, high (95 %) and p_adjusted.
        `Analysis.protocol_effects`: per metric, protocol, detail and option: estimate, low, high; change against the
        headline's estimate, change_low, change_high (95 %), p, p_adjusted (over all options and protocols of the
        metric, by the study's correction), within_margin (the 90 % interval of the change lies inside the margin),
        verdict, headline_verdict. Failed runs enter the estimates as they do
        everywhere, and no change.

    Source: Steegen et al., Increasing transparency through a multiverse analysis (2016), for the idea; Gelman & Stern,
    The difference between "significant" and "not significant" is not itself statistically significant (2006), for why
    the change is tested and not read from two verdicts.
    """
    found = find_multiverses(plan, results)
    trial, tables = tabulate_protocols(plan, results, found)
    if not tables:
        return pd.DataFrame(columns=list(PROTOCOL_COLUMNS)), pd.DataFrame(columns=list(EFFECT_COLUMNS))
    names = {
        table.metric: (each.metric, protocol)
        for each, part in zip(found, _split(tables, found), strict=True)
        for table, protocol in zip(part, each.protocols, strict=True)
    }
    effects, verdicts = judge_protocols(trial, tables)
    changes = [change for part in _split(tables, found) for change in subtract_headline(part)]
    joined = _join(
        _name(effects, names),
        _name(judge_effects(trial, changes, partial(_estimate, trial)), names),
        _name(verdicts, names),
        plan,
    )
    return _sum_up(plan, found, joined, _split(tables, found)), joined


def find_multiverses(plan: Plan, results: Results) -> list[Multiverse]:
    """Returns the protocols of each metric of the study that give numbers of their own, the headline first."""
    choices = [column for column in results.protocols.columns if column not in ("run", "metric", "value")]
    found = []
    for metric in plan.declaration["metrics"]:
        part = results.protocols[results.protocols["metric"] == metric]
        if len(part):
            found.append(_distinguish(metric, part, choices))
    return found


def judge_protocols(plan: Plan, tables: Sequence[Outcomes]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Returns the adjusted effects and the verdicts of outcomes, all by the code of the study itself."""
    effects = judge_effects(plan, tables, partial(_estimate, plan))
    return effects, judge_details(plan, tables, effects, find_interactions(plan, tables))


def tabulate_protocols(plan: Plan, results: Results, found: Sequence[Multiverse]) -> tuple[Plan, list[Outcomes]]:
    """Returns a plan in which every metric by every protocol is an outcome, and the table of each, in their order."""
    declared, rows = {}, []
    for each in found:
        for place in range(len(each.protocols)):
            name = f"{each.metric} {place}"
            declared[name] = plan.declaration["metrics"][each.metric]
            column = each.values[place].dropna()
            rows.append(pd.DataFrame({"run": column.index, "metric": name, "value": column.to_numpy()}))
    if not declared:
        return plan, []
    trial = plan.model_copy(update={"declaration": plan.declaration | {"metrics": declared, "claims": []}})
    measured = pd.concat(rows, ignore_index=True).assign(unit=0, train_fraction=FULL)
    return trial, tabulate_outcomes(trial, results._replace(rows=measured))


def subtract_headline(tables: Sequence[Outcomes]) -> list[Outcomes]:
    """Returns what each protocol but the headline's changes in each run; a run that failed has no change."""
    first, nothing = tables[0], np.zeros_like(tables[0].failed)
    return [
        table._replace(
            values=np.where(table.failed | first.failed, np.nan, table.values - first.values), failed=nothing
        )
        for table in tables[1:]
    ]


def _distinguish(metric: str, part: pd.DataFrame, choices: Sequence[str]) -> Multiverse:
    keys: list[tuple[str, ...]] = [tuple(map(str, row)) for row in part[list(choices)].itertuples(index=False)]
    number = {key: place for place, key in enumerate(dict.fromkeys(keys))}
    table = pd.DataFrame(
        {"run": part["run"].to_numpy(), "protocol": [number[key] for key in keys], "value": part["value"].to_numpy()}
    )
    wide = table.groupby(["run", "protocol"], sort=False, observed=True)["value"].mean().unstack("protocol")
    headline, *_ = number
    named = {key: _depart(key, headline, choices) for key in number}
    order = sorted(number, key=lambda key: (len(named[key]), number[key]))
    kept: list[tuple[str, ...]] = []
    same: list[int] = []
    for key in order:
        alike = [place for place, other in enumerate(kept) if _equal(wide[number[key]], wide[number[other]])]
        if alike:
            same[alike[0]] += 1
        else:
            kept.append(key)
            same.append(1)
    values = wide[[number[key] for key in kept]].set_axis(range(len(kept)), axis=1)
    return Multiverse(metric, [", ".join(named[key]) or HEADLINE for key in kept], same, values)


def _depart(key: Sequence[str], headline: Sequence[str], choices: Sequence[str]) -> list[str]:
    return [
        f"{choice}={option}" for choice, option, usual in zip(choices, key, headline, strict=True) if option != usual
    ]


def _equal(one: "pd.Series[float]", other: "pd.Series[float]") -> bool:
    first, second = one.to_numpy(dtype=np.float64), other.to_numpy(dtype=np.float64)
    return bool(np.allclose(first, second, rtol=1e-9, atol=0, equal_nan=True))


def _estimate(plan: Plan, tables: Sequence[Outcomes]) -> pd.DataFrame:
    """Returns the effects of the details, without the controls."""
    alone = plan.declared.design == "one_at_a_time"
    effects = (paired_effects if alone else contrast_effects)(plan, tables)
    return effects[effects["detail"].isin(list(plan.levels))].reset_index(drop=True) if len(effects) else effects


def _split(tables: Sequence[Outcomes], found: Sequence[Multiverse]) -> list[list[Outcomes]]:
    """Returns the tables of each metric."""
    ends = np.cumsum([len(each.protocols) for each in found])
    return [list(tables[end - len(each.protocols) : end]) for end, each in zip(ends, found, strict=True)]


def _name(table: pd.DataFrame, names: dict[str, tuple[str, str]]) -> pd.DataFrame:
    """Returns a table with metric and protocol in place of the outcome that is both."""
    pairs = [names[outcome] for outcome in table["metric"]] if len(table) else []
    return table.assign(metric=[metric for metric, _ in pairs], protocol=[protocol for _, protocol in pairs])


def _join(effects: pd.DataFrame, changes: pd.DataFrame, verdicts: pd.DataFrame, plan: Plan) -> pd.DataFrame:
    if effects.empty:
        return pd.DataFrame(columns=list(EFFECT_COLUMNS))
    joined = effects[[*_KEY, "train_fraction", "baseline", "estimate", "low", "high", "runs", "baseline_runs"]].copy()
    joined["runs"] = joined["runs"] + joined["baseline_runs"]
    names = {"estimate": "change", "low": "change_low", "high": "change_high"}
    if len(changes):
        margins = changes["metric"].map({name: metric.margin for name, metric in plan.declared.metrics.items()})
        within = (changes["low90"] > -margins) & (changes["high90"] < margins)
        changes = changes.assign(within_margin=within, p_adjusted=_adjust(changes, plan))
        kept = changes[[*_KEY, *names, "p", "p_adjusted", "within_margin"]].rename(columns=names)
        joined = joined.merge(kept, on=_KEY, how="left")
    else:
        joined = joined.assign(**dict.fromkeys((*names.values(), "p", "p_adjusted"), np.nan), within_margin=False)
    joined["within_margin"] = joined["within_margin"].astype("boolean").fillna(False).astype(bool)
    judged = verdicts[["metric", "protocol", "detail", "verdict"]]
    usual = (
        judged[judged["protocol"] == HEADLINE].drop(columns="protocol").rename(columns={"verdict": "headline_verdict"})
    )
    joined = joined.merge(judged, on=["metric", "protocol", "detail"]).merge(usual, on=["metric", "detail"])
    return joined[list(EFFECT_COLUMNS)]


def _adjust(changes: pd.DataFrame, plan: Plan) -> NDArray[np.float64]:
    """Adjusts the changes of a metric over all options and protocols."""
    adjusted, p = np.full(len(changes), np.nan), changes["p"].to_numpy(dtype=np.float64)
    for family in changes.groupby("metric", sort=False).indices.values():
        adjusted[family] = adjust_p(p[family], correction_of(plan.declared))
    return adjusted


def _sum_up(
    plan: Plan, found: Sequence[Multiverse], effects: pd.DataFrame, parts: Sequence[Sequence[Outcomes]]
) -> pd.DataFrame:
    design, records = code_details(plan).design[:, None], []
    for each, tables in zip(found, parts, strict=True):
        for protocol, same, table in zip(each.protocols, each.same, tables, strict=True):
            own = effects[(effects["metric"] == each.metric) & (effects["protocol"] == protocol)]
            used = np.isfinite(table.values) & ~table.failed & design
            about = {"metric": each.metric, "train_fraction": FULL, "protocol": protocol, "same": same}
            level = {"mean": _mean(table.values[used]), "runs": tuple(table.runs[used].tolist())}
            records.append(about | level | _sum_changes(own))
    return pd.DataFrame(records, columns=list(PROTOCOL_COLUMNS))


def _mean(values: NDArray[np.float64]) -> float:
    return float(values.mean()) if values.size else np.nan


def _sum_changes(own: pd.DataFrame) -> dict[str, Any]:
    moved = list(dict.fromkeys(own.loc[own["verdict"] != own["headline_verdict"], "detail"]))
    summed: dict[str, Any] = {
        "verdicts_changed": len(moved),
        "details_changed": ", ".join(moved),
        "effects_changed": int((own["p_adjusted"] < LEVEL).sum()),
        "effects_same": int(own["within_margin"].sum()),
        "largest": "",
    }
    tested = own.dropna(subset=["change"])
    if len(tested):
        most = tested.assign(size=-tested["change"].abs()).sort_values(["p", "size"], kind="stable").iloc[0]
        summed["largest"] = f"{most['detail']}: {most['option']}"
        summed |= {"largest_change": most["change"], "low": most["change_low"], "high": most["change_high"]}
        summed["p_adjusted"] = most["p_adjusted"]
    return summed
