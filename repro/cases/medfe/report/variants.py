"""Section on all logged variants: what each differs in from the active one, its figures, and links to its runs.

Gives no verdict: that needs a noise floor.
"""

import html
from collections.abc import Mapping
from functools import partial
from typing import Any

import pandas as pd

from repro import paths
from repro.audit.ledger.choice import show_value, walk_details
from repro.audit.page.fragment import Fragment
from repro.audit.page.tables import differing_settings, show_number, show_spread, table_html
from repro.audit.study.metric import Metric
from repro.cases.medfe.metrics.records import HEADLINE, METRICS
from repro.cases.medfe.params import Params
from repro.cases.medfe.report.contents import MODEL, Contents

SHOWN = tuple(metric for metric in METRICS if metric.margin is not None)
"""Metrics of which one knows which difference counts; the headline is the first."""
DIFFERENCE = f"difference, {HEADLINE.unit}"
MAX_DIFFERENCES = 6
MAX_DAMAGED = 10
PAIR = ["image", "photograph", "bucket", "hole_ratio"]
"""What two runs must share, row by row, for their figures to be of the same test."""


def show_variants(contents: Contents) -> Fragment:
    """Returns one row per logged variant, the active one first."""
    logged = contents.logged
    damaged = _list_damaged(logged.left_out)
    if logged.runs.empty:
        left_out = _count_left_out(contents.left_out)
        none = f"<p>No run is logged yet; <code>repro publish</code> logs what DVC keeps. {left_out}</p>"
        return Fragment(none + damaged)
    active = contents.evidence.variant
    order = sorted(logged.runs["variant"].unique(), key=lambda variant: (variant != active, variant))
    rows = [_describe_variant(contents, variant) for variant in order]
    table = pd.DataFrame(rows, index=pd.Index(order, name="variant"))
    formats = dict.fromkeys(table.columns, str) | {
        DIFFERENCE: partial(show_number, decimals=HEADLINE.decimals, signed=True)
    }
    caption = (
        f"{len(logged.runs)} finished runs of {len(order)} variants. Several seeds: mean, lowest to highest. "
        f"Difference: mean {HEADLINE.title} minus that of the active variant, where all runs of both were tested on "
        f"the same pairs. {_count_left_out(contents.left_out)}"
    ).strip()
    note = "<p>The links open while <code>mlflow ui --backend-store-uri sqlite:///mlflow.db</code> runs.</p>"
    on_disk = logged.runs["link"].str.startswith("http://127.0.0.1:5000").all()
    return Fragment(table_html(table, caption, formats, marked=[active]) + (note if on_disk else "") + damaged)


def _describe_variant(contents: Contents, variant: str) -> dict[str, Any]:
    runs = contents.logged.runs[contents.logged.runs["variant"] == variant].sort_values("seed")
    metrics = contents.logged.metrics.loc[runs.index]
    is_active = variant == contents.evidence.variant
    own = contents.logged.runs.index[contents.logged.runs["variant"] == contents.evidence.variant]
    comparable = not is_active and len(own) and all(_same_test(contents, run) for run in [*own, *runs.index])
    headline = logged_name(HEADLINE)
    active_mean = contents.logged.metrics.loc[own, headline].mean() if comparable else float("nan")
    return {
        "differs in": "the active variant" if is_active else _differences(contents, runs.index[0]),
        "runs by seed": ", ".join(
            f'<a href="{html.escape(str(run.link))}">{run.seed}</a>' for run in runs.itertuples(index=False)
        ),
        HEADLINE.label: _show_runs(metrics, HEADLINE),
        DIFFERENCE: metrics[headline].mean() - active_mean,
        **{metric.label: _show_runs(metrics, metric) for metric in SHOWN if metric is not HEADLINE},
    }


def logged_name(metric: Metric) -> str:
    """Returns the name of a headline figure in the tracking store."""
    return f"{paths.EVALUATE.name}/{metric.name}"


def _show_runs(metrics: pd.DataFrame, metric: Metric) -> str:
    """Returns the mean of the runs that have the metric, with its range."""
    name = logged_name(metric)
    values = metrics[name].dropna().tolist() if name in metrics else []
    return show_spread(values, metric.decimals) if values else show_number(float("nan"), metric.decimals)


def _count_left_out(count: int) -> str:
    if not count:
        return ""
    counted = "1 older run" if count == 1 else f"{count} older runs"
    return (
        f"{counted} of the same variant and seed, made by other code or data, {'is' if count == 1 else 'are'} left out."
    )


def _list_damaged(left_out: Mapping[str, str]) -> str:
    """Returns as HTML which logged runs cannot be read, or be compared image by image, and why."""
    items = "".join(
        f"<li>{html.escape(name)}: {html.escape(reason)}</li>" for name, reason in list(left_out.items())[:MAX_DAMAGED]
    )
    more = f"<li>and {len(left_out) - MAX_DAMAGED} more</li>" if len(left_out) > MAX_DAMAGED else ""
    told = "<p>Left out, all of a run or its comparison by image; <code>repro publish</code> logs it again:</p>"
    return f"{told}<ul>{items}{more}</ul>" if left_out else ""


def _differences(contents: Contents, run_id: str) -> str:
    """Returns as HTML what a run was set to otherwise: details first, then what belongs to scale, data and machine."""
    active = {key: show_value(value) for key, value in contents.settings.items() if key != "seed"}
    changed = differing_settings(contents.logged.params.loc[[run_id]], active)[run_id]
    details = {detail.key for detail in walk_details(Params)}
    groups = {
        "": [key for key in changed if key in details],
        "not a detail: ": [key for key in changed if key not in details],
    }
    shown = [title + _list_settings(changed, keys) for title, keys in groups.items() if keys]
    return "; ".join(shown) or "nothing that both were asked for"


def _list_settings(changed: dict[str, str], keys: list[str]) -> str:
    shown = [f"<code>{html.escape(f'{key}={changed[key]}')}</code>" for key in keys[:MAX_DIFFERENCES]]
    return ", ".join(shown) + (f" and {len(keys) - MAX_DIFFERENCES} more" if len(keys) > MAX_DIFFERENCES else "")


def _same_test(contents: Contents, run_id: str) -> bool:
    """Tells whether a run was measured on the images and holes, and in the way, that the active results were."""
    units = contents.logged.units
    theirs = units[units["run_id"] == run_id]
    if theirs.empty:
        return False
    ours = contents.rows[contents.rows["method"] == MODEL]
    tests = [table[PAIR].drop_duplicates().round(4).sort_values(PAIR).to_numpy().tolist() for table in (ours, theirs)]
    return tests[0] == tests[1] and _protocol(contents, None) == _protocol(contents, run_id)


def _protocol(contents: Contents, run_id: str | None) -> dict[str, str]:
    keys = [f"evaluation.{name}" for name in ("output", "rounding", "ssim_window", "colour")]
    if run_id is None:
        return {key: show_value(contents.settings[key]) for key in keys if key in contents.settings}
    row = contents.logged.params.loc[run_id]
    return {key: str(row[key]) for key in keys if key in row and pd.notna(row[key])}
