"""The evaluation protocol as a multiverse of its own: how far the same trained runs move by how they are measured.

Any text columns will do as a protocol's choices; what they mean is the case's affair.
"""

from typing import Any

import numpy as np
import pandas as pd

from repro.audit.statistics.linear_model import DESIGN_ROLES
from repro.audit.statistics.outcomes import FULL
from repro.audit.statistics.results import OK, Results
from repro.audit.study.plan import Plan

PROTOCOL_COLUMNS = ("metric", "train_fraction", "choice", "option", "mean", "change", "runs")
ALL_PROTOCOLS, ALL_VARIANTS, LARGEST_DETAIL = "all protocols", "all variants", "largest detail"
"""What stands under `choice` in the three rows that sum a metric up."""


def protocol_multiverse(plan: Plan, results: Results, effects: pd.DataFrame) -> pd.DataFrame:
    """Finds how each choice of the evaluation protocol changes a metric, beside how much the details change it.

    The headline protocol is the first combination that occurs for the metric in `results.protocols`. Each choice is
    changed alone, on the same runs: every baseline and arm that is ok, after the full training. A choice that never
    varies for a metric has no row.

    Args:
        plan: names the variants.
        results: their outcomes by protocol.
        effects: the main effects of the details, as `contrast_effects` gives them.

    Returns:
        `Analysis.protocols`: per metric a row for each option (the headline's has change 0; NaN for an option that
        occurs only together with others), then, with the change alone: "all protocols", the range of the means over
        every combination; "all variants", the range of the variants' means under the headline protocol, noise of seeds
        included; "largest detail", the main effect of largest size, for a metric of the study.

    Source: Steegen et al., Increasing transparency through a multiverse analysis (2016), for the idea.
    """
    choices = [column for column in results.protocols.columns if column not in ("run", "metric", "value")]
    roles = {variant.id: variant.role for variant in plan.variants}
    used = [
        str(run)
        for run, variant, status in zip(
            results.runs.index, results.runs["variant"], results.runs["status"], strict=True
        )
        if status == OK and roles.get(variant) in DESIGN_ROLES
    ]
    rows = results.protocols[results.protocols["run"].isin(used)]
    records: list[dict[str, Any]] = []
    for metric, part in rows.groupby("metric", sort=False, observed=True):
        varied = [choice for choice in choices if part[choice].nunique(dropna=False) > 1]
        table = _tabulate(part, varied)
        moved = [*_change_choices(table, varied), _sum_protocols(table), _sum_variants(results, table)]
        moved += _find_largest_detail(effects[(effects["metric"] == metric) & (effects["train_fraction"] == FULL)])
        runs = tuple(table.index)
        records.extend({"metric": metric, "train_fraction": FULL, "mean": np.nan, "runs": runs} | row for row in moved)
    return pd.DataFrame(records, columns=list(PROTOCOL_COLUMNS))


def _tabulate(part: pd.DataFrame, varied: list[str]) -> pd.DataFrame:
    """Returns runs by protocols (tuples of the varied choices), the headline first."""
    keys = list(zip(*(part[choice].astype(str) for choice in varied), strict=True)) if varied else [()] * len(part)
    protocols = list(dict.fromkeys(keys))
    number = {protocol: index for index, protocol in enumerate(protocols)}
    wide = pd.DataFrame(
        {"run": part["run"].to_numpy(), "protocol": [number[key] for key in keys], "value": part["value"].to_numpy()}
    ).pivot_table(index="run", columns="protocol", values="value", sort=False, observed=True)
    wide = wide.reindex(columns=range(len(protocols)))
    wide.attrs["protocols"] = protocols
    return wide


def _change_choices(table: pd.DataFrame, varied: list[str]) -> list[dict[str, Any]]:
    protocols: list[tuple[str, ...]] = table.attrs["protocols"]
    headline, records = protocols[0], []
    for place, choice in enumerate(varied):
        for option in dict.fromkeys(protocol[place] for protocol in protocols):
            wanted = (*headline[:place], option, *headline[place + 1 :])
            mean = change = np.nan
            if wanted in protocols:
                values = table[protocols.index(wanted)]
                mean, change = float(values.mean()), float((values - table[0]).mean())
            records.append({"choice": choice, "option": option, "mean": mean, "change": change})
    return records


def _sum_protocols(table: pd.DataFrame) -> dict[str, Any]:
    means = table.mean(axis=0)
    return {
        "choice": ALL_PROTOCOLS,
        "option": f"lowest to highest of {len(means)}",
        "change": float(means.max() - means.min()),
    }


def _sum_variants(results: Results, table: pd.DataFrame) -> dict[str, Any]:
    means = table[0].groupby(results.runs["variant"].reindex(table.index)).mean()
    return {
        "choice": ALL_VARIANTS,
        "option": f"lowest to highest of {len(means)}, noise of seeds included",
        "change": float(means.max() - means.min()),
    }


def _find_largest_detail(effects: pd.DataFrame) -> list[dict[str, Any]]:
    effects = effects[effects["estimate"].notna()]
    if not len(effects):
        return []
    largest = effects.iloc[int(effects["estimate"].abs().to_numpy().argmax())]
    option = f"{largest['detail']}: {largest['option']} instead of {largest['baseline']}"
    return [{"choice": LARGEST_DETAIL, "option": option, "change": float(largest["estimate"])}]
