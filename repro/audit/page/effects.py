"""Sections on what the details do: the specification curve, the forest plot with its table, and interactions."""

import html
from typing import cast

import pandas as pd

from repro.audit.counted import count_of
from repro.audit.page.adaptive import describe_fractions
from repro.audit.page.curve import plot_curve
from repro.audit.page.figures import encode_png, figure_html
from repro.audit.page.forest import plot_forest
from repro.audit.page.ledger import source_legend
from repro.audit.page.reach import describe_shrinkage, describe_units, show_reach
from repro.audit.page.subject import Subject, badge, code, long, paragraph, show_p, show_ratio
from repro.audit.page.tables import table_html
from repro.audit.statistics.effects import NEGATIVE, POSITIVE
from repro.audit.statistics.outcomes import FULL

SHOWN_INTERACTIONS = 15
KEYS = ["detail", "option", "metric", "train_fraction"]
"""What names an effect in every table of them."""
SHRUNKEN = ["shrunken", "shrunken_low", "shrunken_high"]


def show_curve(subject: Subject) -> str:
    """Returns the specification curve of the main metric with the test of the whole curve."""
    curve = subject.take(subject.analysis.curve)
    if len(curve) < 2:
        return paragraph("There are fewer than two variants with results: there is no curve to draw.")
    claims = [claim for claim in subject.study.claims if claim.metric == subject.main]
    lines = {f"reported: {claim.text}": claim.reported for claim in claims if claim.reported is not None}
    figure = plot_curve(curve.set_index("variant"), subject.results.variants, subject.choices, subject.label(), lines)
    test = subject.take(subject.analysis.curve_test)
    said = ""
    if len(test):
        row = test.iloc[0]
        said = (
            f"Were the outcomes of all variants of one distribution, the {row['statistic']} would be at least as large "
            f"as the observed {subject.show(row['observed'])} with probability {show_p(row['p'])} "
            f"({row['permutations']} permutations of the labels within each seed). The test is one of equal "
            "distributions: a detail that changes the spread alone can make p small as well, and it names no detail."
        )
    ordered = curve.sort_values("mean")
    lowest, highest = ordered.iloc[0], ordered.iloc[-1]
    unit = html.escape(subject.metric(subject.main).unit)
    spread = (
        f"From {subject.link(subject.show(lowest['mean']), lowest['runs'])} to "
        f"{subject.link(subject.show(highest['mean']), highest['runs'])} {unit} "
        f"over {count_of(len(curve), 'variant')}: with the noise of few seeds in them, so that the ends of the row lie "
        f"further apart than the variants do. {said}"
    )
    alternative = f"{len(curve)} variants sorted by {subject.main}, with intervals over seeds and their choices below"
    read = subject.study.found is None  # options that were found in a table were read nowhere
    caption = "Each point is a variant: the mean over its seeds with the 95 % t interval. Below, what it chose" + (
        "; the colour says where that option was read, as in the ledger." if read else "."
    )
    legend = source_legend() if read else ""
    return paragraph(spread) + legend + figure_html(encode_png(figure), alternative, caption, wide=True)


def show_effects(subject: Subject) -> str:
    """Returns the forest plot of the main metric and a table for every metric, the others folded away."""
    effects = subject.take(subject.analysis.effects)
    if effects.empty:
        return paragraph("No effect could be measured.")
    verdicts = subject.take(subject.analysis.verdicts)
    by_detail = verdicts.set_index("detail")["verdict"] if len(verdicts) else pd.Series(dtype=str)
    noise = subject.take(subject.analysis.noise)
    margin = subject.metric(subject.main).margin
    noise_sd = float(noise["sd"].iloc[0]) if len(noise) else float("nan")
    figure = plot_forest(
        _add_shrunken(subject, effects),
        by_detail,
        margin,
        noise_sd,
        f"difference from the baseline's option: {subject.label()}",
    )
    better = subject.metric(subject.main).direction
    caption = (
        f"Option less the baseline's option; {better} is better. Thin: 95 % interval, thick: 90 %. A detail "
        "is equivalent where the thick line lies inside the margin. Hollow: the effect shrunken."
    )
    shown = describe_fractions(subject) + _describe_noise(subject, noise) + show_error_terms(subject)
    shown += figure_html(encode_png(figure), f"Effect of each option on {subject.main}", caption, wide=True)
    shown += describe_shrinkage(subject) + show_reach(subject) + describe_units(subject)
    shown += _reasons(subject, subject.main) + _table(subject, subject.main)
    for metric in list(subject.study.metrics)[1:]:
        tables = describe_units(subject, metric) + _reasons(subject, metric) + _table(subject, metric)
        shown += f"<details><summary>The same for {code(metric)}</summary>{tables}</details>"
    return shown


def _describe_noise(subject: Subject, noise: pd.DataFrame) -> str:
    if noise.empty or pd.isna(noise["sd"].iloc[0]):
        return paragraph("The noise floor was not measured: the baseline has fewer than two seeds.")
    row = noise.iloc[0]
    unit = html.escape(f" {subject.metric(subject.main).unit}".rstrip())
    return paragraph(
        f"Noise floor: {subject.link(subject.show(row['sd']), row['runs'])}{unit} (95 % interval "
        f"{subject.show_interval(row['sd_low'], row['sd_high'])}), the standard deviation over {int(row['n'])} seeds "
        f"of the baseline, whose mean is {subject.show(row['mean'])}{unit}."
    )


def show_error_terms(subject: Subject) -> str:
    """Returns what the effects of a factorial design are held against, and its lack of fit, for every metric."""
    errors = subject.analysis.error_terms
    errors = errors[errors["train_fraction"] == FULL]
    if errors.empty:
        return ""
    rows = pd.DataFrame(
        {
            "detail x seed": [
                _square(subject, row, "detail_seed", row["seed_f"], row["seed_p"]) for row in _rows(errors)
            ],
            "spare x seed": [_square(subject, row, "spare") for row in _rows(errors)],
            "lack of fit": [_square(subject, row, "lack", row["lack_f"], row["lack_p"]) for row in _rows(errors)],
            "carried by the intervals": [long(html.escape(str(row["carried"]))) for row in _rows(errors)],
        },
        index=pd.Index(errors["metric"], name="metric"),
    )
    caption = (
        "What effects are held against: root mean squares, in each metric's unit and as of one run, with degrees of "
        "freedom. Detail x seed: what the effects change from seed to seed. Lack of fit: what the main effects leave "
        "of the variants' means, interactions. F: each of the two over spare x seed, the noise left when both are out."
    )
    return table_html(rows, caption, dict.fromkeys(rows.columns, str))


def _add_shrunken(subject: Subject, effects: pd.DataFrame) -> pd.DataFrame:
    """Returns effects with the columns of their shrunken estimates; NaN for the controls, which are no details."""
    return effects.merge(subject.analysis.shrunken[[*KEYS, *SHRUNKEN]], on=KEYS, how="left")


def _rows(table: pd.DataFrame) -> "list[pd.Series[float]]":
    return [row for _, row in table.iterrows()]


def _square(subject: Subject, row: "pd.Series[float]", name: str, f: float = float("nan"), p: float = 1.0) -> str:
    df = float(row[f"{name}_df"])
    if not df:
        return "no degrees of freedom"
    root = subject.link(subject.show(float(row[name]) ** 0.5, str(row["metric"])), cast("tuple[str, ...]", row["runs"]))
    return f"{root} on {df:.0f}" + ("" if pd.isna(f) else f", F = {show_ratio(f)}, p = {show_p(p)}")


def _table(subject: Subject, metric: str) -> str:
    effects = _add_shrunken(subject, subject.take(subject.analysis.effects, metric))
    units = subject.analysis.units[[*KEYS, "low", "high", "sd"]]
    names = {"low": "units_low", "high": "units_high", "sd": "units_sd"}
    effects = effects.merge(units.rename(columns=names), on=KEYS, how="left")
    verdicts = subject.take(subject.analysis.verdicts, metric)
    judged = {row["detail"]: row["verdict"] for _, row in verdicts.iterrows()}
    rows = []
    for _, row in effects.iterrows():
        rows.append(
            {
                "option": _option(row),
                "verdict": badge(judged[row["detail"]]) if row["detail"] in judged else "control",
                "effect": subject.link(subject.show(row["estimate"], metric, signed=True), row["runs"]),
                "95 % interval": subject.show_interval(row["low"], row["high"], metric, signed=True),
                "shrunken": _beside(subject, row, metric),
                "other units": subject.show_interval(row["units_low"], row["units_high"], metric, signed=True),
                "SD over units": subject.show(row["units_sd"], metric),
                "Hedges g": show_ratio(row["hedges_g"], signed=True),
                "P(better), same seed": show_ratio(row["superiority"]),
                "P(better), any seeds": show_ratio(row["probability_of_improvement"]),
                "p": show_p(row["p"]),
                "p adjusted": show_p(row["p_adjusted"]),
                "seeds": int(row["seeds"]),
                "correlation": show_ratio(row["correlation"], signed=True),
                "failed": int(row["failed"]),
            }
        )
    table = pd.DataFrame(rows, index=pd.Index(effects["detail"], name="detail"))
    if effects["bca_low"].notna().any():
        spans = zip(effects["bca_low"], effects["bca_high"], strict=True)
        table.insert(4, "BCa", [subject.show_interval(low, high, metric, signed=True) for low, high in spans])
    columns = ("option", "effect", "shrunken", "p", "p adjusted", "verdict")
    margin = f"{subject.metric(metric).margin:g} {subject.metric(metric).unit}".rstrip()
    caption = (
        f"{subject.label(metric)}; margin {margin}: {subject.metric(metric).why}. Shrunken: the effect and its 95 % "
        "interval, given the other effects. Other units: 95 % interval with the units as a sample; SD over units: how "
        "far the effect itself differs from unit to unit. Hedges g: in pairs over the spread of an arm, in a design "
        "over the noise of a run within seeds. P(better): that a run with the option beats one without, by one seed "
        "for both (superiority) or by any two (probability of improvement). Correlation: of the paired arms over "
        "seeds; a factorial contrast has none. Failed: runs that failed or diverged; a stand-in counts for their value."
    )
    return table_html(table, caption, dict.fromkeys(columns, str))


def _reasons(subject: Subject, metric: str) -> str:
    verdicts = subject.take(subject.analysis.verdicts, metric)
    items = "".join(
        f"<div><dt>{code(row['detail'])} {badge(row['verdict'])}</dt><dd>{_because(row)}</dd></div>"
        for _, row in verdicts.iterrows()
    )
    return f'<dl class="reasons">{items}</dl>' if items else ""


def _beside(subject: Subject, row: "pd.Series[float]", metric: str) -> str:
    if pd.isna(row["shrunken"]):
        return subject.show(float("nan"), metric)
    span = subject.show_interval(row["shrunken_low"], row["shrunken_high"], metric, signed=True)
    return f"{subject.show(row['shrunken'], metric, signed=True)} <small>{span}</small>"


def _option(row: "pd.Series[str]") -> str:
    if row["detail"] in (NEGATIVE, POSITIVE):
        return html.escape(str(row["option"]))
    return f"{code(row['option'])} for {code(row['baseline'])}"


def _because(verdict: "pd.Series[str]") -> str:
    refused = html.escape(str(verdict["refused"]))
    return html.escape(str(verdict["reason"])) + (f" <small>{refused}</small>" if refused else "")


def _fold(aliases: str) -> str:
    names = [name for name in aliases.split(", ") if name]
    if not names:
        return "nothing else"
    items = "".join(f"<li>{html.escape(name)}</li>" for name in names)
    return f"<details><summary>{count_of(len(names), 'other')}</summary><ul>{items}</ul></details>"


def _side(subject: Subject, row: "pd.Series[str]", side: str) -> str:
    """Returns one detail of a pair, with the option that was compared where it has several."""
    detail = str(row[side])
    several = len(subject.plan.levels[detail]) > 2
    return f"{detail}={row[f'{side}_option']}" if several else detail


def show_interactions(subject: Subject) -> str:
    """Returns the strongest two-way interactions with what else each of them may be."""
    found = subject.take(subject.analysis.interactions)
    if found.empty:
        return paragraph(
            "This design cannot see interactions: an effect holds at the baseline's options of the others."
        )
    strongest = found.sort_values("p", kind="stable").head(SHOWN_INTERACTIONS)
    rows = [
        {
            "pair": f"{_side(subject, row, 'first')} x {_side(subject, row, 'second')}",
            "estimate": subject.link(subject.show(row["estimate"], signed=True), row["runs"]),
            "95 % interval": subject.show_interval(row["low"], row["high"], signed=True),
            "p": show_p(row["p"]),
            "p adjusted": show_p(row["p_adjusted"]),
            "or, as the design cannot tell them apart": _fold(str(row["aliases"])),
        }
        for _, row in strongest.iterrows()
    ]
    table = pd.DataFrame(rows).set_index("pair")
    caption = f"The {len(strongest)} strongest of {len(found)} contrasts, by {subject.label()}"
    columns = ("estimate", "p", "p adjusted", "or, as the design cannot tell them apart")
    return table_html(table, caption, dict.fromkeys(columns, str))
