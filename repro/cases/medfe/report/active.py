"""Sections on the active variant: what ran, how it compares with the baselines, pictures and training curves.

Every number in a sentence is read from the results.
"""

import html
from collections.abc import Sequence
from functools import partial

import pandas as pd

from repro import paths
from repro.audit.page.figures import encode_png, figure_html, plot_curves, plot_groups
from repro.audit.page.fragment import Fragment
from repro.audit.page.tables import means_by_group, show_number, table_html
from repro.audit.study.metric import Metric
from repro.cases.medfe.metrics.records import HEADLINE, METRICS, SET_METRICS
from repro.cases.medfe.report.contents import MODEL, TITLES, Contents, method_means

PAPER_PX = 256
"""Side of the paper's images."""
FULL_WIDTH = 64
"""Base width of the released network."""
PAPER_SOURCES = ("places365", "celeba", "paris_streetview")
"""Values of `data.source` that name a data set of the paper's."""
MARGIN = f"MEDFE's margin in {HEADLINE.title}"
ACTIVE = TITLES[MODEL]
CONSTANT = TITLES["constant"]


def show_summary(contents: Contents) -> Fragment:
    """Returns what ran and its headline figures, for one screen."""
    evidence, settings, record = contents.evidence, contents.settings, contents.evidence.record
    duration = f" in {record['seconds'] / 60:.1f} minutes" if "seconds" in record else ""
    size_px = settings["data.image_px"]
    ran = (
        f"Variant <code>{evidence.variant}</code>, seed {evidence.seed}: {size_px} x {size_px} pixels, base width "
        f"{settings['model.base_width']}, {settings['training.steps']} steps of {settings['training.batch_size']} "
        f"images{duration}; adversarial loss <code>{settings['loss.adv']}</code>, {_vgg(contents)}. "
        f"Measured on the {settings['evaluation.output']} output."
    )
    cards = "".join(f"<div><dt>{html.escape(term)}</dt><dd>{value}</dd></div>" for term, value in _cards(contents))
    return Fragment(f'<p>{ran}</p><dl class="cards">{cards}</dl>{_scale_caution(contents)}')


def show_comparison(contents: Contents) -> Fragment:
    """Returns the model beside the baselines: means over all pairs of image and hole, and the model's margin."""
    metrics = [metric for metric in METRICS if metric.name in contents.rows]
    table = pd.DataFrame({metric.title: method_means(contents, metric.name) for metric in metrics})
    headline = table[HEADLINE.title]
    table.insert(1, MARGIN, headline[ACTIVE] - headline.drop(ACTIVE))
    table = table.loc[headline.sort_values(ascending=HEADLINE.direction == "lower").index].rename_axis("method")
    formats = {metric.title: partial(show_number, decimals=metric.decimals) for metric in metrics}
    formats[MARGIN] = partial(show_number, decimals=HEADLINE.decimals, signed=True)
    caption = f"{_count_pairs(contents)}; best first; {_explain(metrics)}"
    return Fragment(table_html(table, caption, formats, marked=[ACTIVE]))


def show_buckets(contents: Contents) -> Fragment:
    """Returns the mean of the headline metric by hole ratio, as a figure and as a table."""
    means = means_by_group(contents.rows, "title", "bucket", HEADLINE.name)
    means.index = means.index.map(_show_bucket)
    figure = plot_groups(means, ACTIVE, ("hole ratio, %", f"mean {HEADLINE.label}"))
    words = f"Mean {HEADLINE.title} by hole ratio, for {', '.join(map(str, means))}; the table below holds the numbers."
    picture = figure_html(encode_png(figure), words, "Mean over the test pairs of each hole ratio.", wide=True)
    table = means.T.rename_axis("method")
    formats = {str(bucket): partial(show_number, decimals=HEADLINE.decimals) for bucket in table}
    caption = f"Mean {HEADLINE.label}, by hole ratio in %"
    return Fragment(picture + table_html(table, caption, formats, marked=[ACTIVE]))


def show_pictures(contents: Contents) -> Fragment:
    """Returns the picture grid: the median case of each hole ratio and the worst case of all."""
    rows = contents.rows
    worst = rows[rows["method"] == MODEL].nsmallest(1, "psnr_hole_db").iloc[0]
    caption = (
        "Chosen by rule: the median case of each hole ratio and the worst of all by hole PSNR, which is "
        f"{worst['psnr_hole_db']:.1f} dB on the photograph {worst['photograph']}."
    )
    words = "Rows of test images: input with its hole, fills by MEDFE and the baselines, truth."
    return Fragment(figure_html((paths.EVALUATE / paths.GRID).read_bytes(), words, caption, wide=True))


def show_training(contents: Contents) -> Fragment:
    """Returns every logged term by step, and the last sample images of the training."""
    figure = plot_curves(contents.history, "step")
    terms = [str(name) for name in contents.history if name != "step"]
    words = f"Curves by step: {', '.join(terms)}."
    curves = figure_html(encode_png(figure), words, "Each term under its own name and on its own scale.", wide=True)
    samples = sorted((paths.TRAIN / paths.SAMPLES).glob("*.png"))
    if not samples:
        return Fragment(curves)
    last = figure_html(samples[-1].read_bytes(), "Sample images of the training.", f"Last samples: {samples[-1].name}")
    return Fragment(curves + last)


def show_what_it_means(contents: Contents) -> Fragment:
    """Returns what the results do and do not show, in words that follow from how many there are."""
    runs, rows = contents.logged.runs, contents.rows
    seeds = max(runs.loc[runs["variant"] == contents.evidence.variant, "seed"].nunique(), 1) if len(runs) else 1
    variants = max(runs["variant"].nunique(), 1) if len(runs) else 1
    photographs = rows["photograph"].nunique()
    images = rows["image"].nunique()
    ran = "<b>one seed</b>" if seeds == 1 else f"<b>{seeds} seeds</b>"
    verdict = (
        "Two trainings that differ in nothing but the seed differ too, and one seed cannot show by how much: "
        "<b>no verdict on any detail can be given</b>. A difference between two variants above may be chance."
        if seeds == 1
        else "Their range shows how far the seed alone moves the result. No test has been made, and so "
        "<b>no verdict on any detail is given</b>; a difference smaller than that range says nothing."
    )
    items = [
        f"The active variant was trained with {ran}; {variants} variant{'s are' if variants > 1 else ' is'} logged. "
        f"{verdict}",
        f"The {images} test images are squares of {photographs} photographs, each with several holes. Images of one "
        f"photograph resemble each other, so the test set speaks for {photographs} photographs and no more. The "
        "replicate of an experiment is the training run, not the image.",
        "PSNR, SSIM and L1 reward a blurred guess over a sharp one that is plausible but wrong; no person has rated "
        "these pictures.",
        f"The numbers hold for these photographs, holes and this scale. {_beside_the_paper(contents)}",
    ]
    return Fragment(f"<ul>{''.join(f'<li>{item}</li>' for item in items)}</ul>")


def _cards(contents: Contents) -> list[tuple[str, str]]:
    means = method_means(contents, HEADLINE.name)
    cards = [(f"mean {HEADLINE.title}", _show_headline(means[ACTIVE]))]
    baselines = means.drop(ACTIVE)
    if CONSTANT in baselines:
        cards.append((f"over the {CONSTANT}", _show_headline(means[ACTIVE] - baselines[CONSTANT], signed=True)))
    if len(baselines):
        best = str(baselines.idxmax() if HEADLINE.direction == "higher" else baselines.idxmin())
        margin = _show_headline(means[ACTIVE] - baselines[best], signed=True)
        cards.append((f"over {best}, the best baseline", margin))
    whole = [metric for metric in SET_METRICS if metric.name in contents.figures]  # these have no rows, and no baseline
    cards += [(metric.label, show_number(contents.figures[metric.name], metric.decimals)) for metric in whole]
    rows = contents.rows
    return [*cards, ("test photographs / images", f"{rows['photograph'].nunique()} / {rows['image'].nunique()}")]


def _show_headline(value: float, *, signed: bool = False) -> str:
    return f"{show_number(value, HEADLINE.decimals, signed=signed)} {HEADLINE.unit}".rstrip()


def _explain(metrics: Sequence[Metric]) -> str:
    """Returns the units of the metrics, and which of them are better low."""
    units = dict.fromkeys(metric.unit for metric in metrics if metric.unit)
    named = {unit: " and ".join(metric.title for metric in metrics if metric.unit == unit) for unit in units}
    said = [f"{titles} {unit if unit.startswith('of ') else f'in {unit}'}" for unit, titles in named.items()]
    lower = [metric.title for metric in metrics if metric.direction == "lower"]
    return f"{', '.join(said)}; lower is better for {' and '.join(lower)}, higher for the rest."


def _show_bucket(bucket: str) -> str:
    """Returns "1-10" for "01-10"."""
    return "-".join(str(int(bound)) for bound in bucket.split("-"))


def _count_pairs(contents: Contents) -> str:
    rows = contents.rows[contents.rows["method"] == MODEL]
    photographs, images, buckets = (rows[name].nunique() for name in ("photograph", "image", "bucket"))
    return f"Means over {len(rows)} pairs: {images} images of {photographs} photographs, {buckets} hole ratios each"


def _vgg(contents: Contents) -> str:
    vgg = contents.evidence.record.get("vgg")
    return f"perceptual and style terms by {html.escape(str(vgg))}"


def _scale_caution(contents: Contents) -> str:
    size_px, width = contents.settings["data.image_px"], contents.settings["model.base_width"]
    smaller = [
        f"images of {size_px} x {size_px} pixels instead of {PAPER_PX} x {PAPER_PX}" if size_px < PAPER_PX else "",
        f"a network of base width {width} instead of the release's {FULL_WIDTH}" if width < FULL_WIDTH else "",
    ]
    if not any(smaller):
        return ""
    return (
        f'<div class="caution"><p><b>Reduced scale:</b> {" and ".join(filter(None, smaller))}. This shows that the '
        "pipeline works, not how good the paper's method is.</p></div>"
    )


def _beside_the_paper(contents: Contents) -> str:
    source, size_px = contents.settings["data.source"], contents.settings["data.image_px"]
    other = [
        "other photographs" if source == "photos" else "",
        f"images of {PAPER_PX} x {PAPER_PX} pixels" if size_px != PAPER_PX else "",
    ]
    if any(other):
        return (
            "They neither confirm nor refute the paper's, which were measured on "
            f"{' and on '.join(filter(None, other))}."
        )
    known = (
        "The data set is one that the paper used"
        if source in PAPER_SOURCES
        else "The photographs come from a folder, and nothing here tells whether the paper used them"
    )
    return f"{known}; none of the paper's numbers is held against them here, so none is confirmed or refuted."
