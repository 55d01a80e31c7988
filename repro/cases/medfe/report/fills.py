"""Pictures by option: the same inputs filled with either option of a detail, and where the two differ.

The inputs are the median and the worst case of the baseline, by rule and never picked by hand.
"""

import base64
import html
import io
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from repro import paths
from repro.audit.ledger.values import shorten
from repro.audit.page.section import Section
from repro.audit.page.subject import Subject, code, paragraph
from repro.audit.statistics.results import OK
from repro.cases.medfe.data.arrays import open_split
from repro.cases.medfe.grids import show_hole
from repro.cases.medfe.masks import open_masks
from repro.errors import UserError
from repro.evidence import explain_damage
from repro.runs.inputs import find_keys, folders_of
from repro.runs.layout import run_params

GAIN: Final = 4
"""Differences are shown this much stronger."""
SEED: Final = 0
"""The seed whose fills are shown."""
INPUT_HEADINGS: Final = ("truth", "input", "baseline", f"its difference from the truth x {GAIN}")
OPTION_HEADINGS: Final = ("baseline's option", "the option", f"their difference x {GAIN}", f"option and truth x {GAIN}")
CONTROLS: Final = ("negative control", "positive control")

Mean = NDArray[np.float64]
"""An image, or the mean of several: (3, S, S) float64 in [0, 255]."""


class Case(NamedTuple):
    """An input of the sample that every run keeps: its place there, and why it was chosen."""

    place: int
    why: str


class Sample(NamedTuple):
    """Fills of a run: (N, 3, S, S) uint8, and the test image (N,) and the bucket (N,) of each."""

    fills: NDArray[np.uint8]
    image: NDArray[np.int64]
    bucket: NDArray[np.str_]


class Pair(NamedTuple):
    """Two sets of variants whose fills are compared, and the title of the comparison as HTML."""

    title: str
    baseline: list[str]
    option: list[str]


def show_fills(subject: Subject) -> str:
    """Returns pictures of each case: input and baseline, then a row for each option of each varied detail."""
    runs = subject.results.runs
    usable = runs[(runs["status"] == OK) & (runs["seed"] == SEED)]
    samples, reasons = {}, []
    for _, row in usable.iterrows():
        try:
            samples[str(row["variant"])] = read_sample(Path(row["path"]))
        except UserError as error:
            reasons.append(str(error).splitlines()[0])
    left_out = paragraph("Left out: " + "; ".join(html.escape(reason) for reason in reasons)) if reasons else ""
    baseline = subject.plan.baseline().id
    if baseline not in samples or len(samples) < 2:
        none = f"There are no fills to compare yet: the baseline and an arm of seed {SEED} are needed."
        return paragraph(none) + left_out
    shown = left_out + paragraph(
        f"Composites of seed {SEED}. Where a design varies details together, a picture is the mean over all variants "
        "with that option. The cases are the median and the worst of the baseline's sample by hole PSNR."
    )
    pairs = pair_variants(subject, list(samples))
    try:
        for case in choose_cases(Path(usable[usable["variant"] == baseline]["path"].iloc[0]), samples[baseline]):
            truth, masked = _input(subject, samples[baseline], case)
            title = f"<h4>The {case.why} case of the baseline</h4>"
            shown += title + _case(samples, baseline, pairs, case, truth, masked)
    except UserError as error:  # the rest of the page does not need them
        return paragraph(f"No picture can be shown: {html.escape(str(error))}") + left_out
    return shown


def read_sample(run: Path) -> Sample:
    """Reads the fills that a run keeps.

    Raises:
        UserError: they are damaged.
    """
    file = run / paths.EVALUATE.name / paths.FILLS
    try:
        with file.open("rb") as stream, np.load(stream, allow_pickle=False) as kept:
            sample = Sample(kept["fills"], kept["image"], kept["bucket"])
    except (OSError, ValueError, LookupError, TypeError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise UserError(f"{file} cannot be read ({shorten(str(error)) or type(error).__name__})") from None
    if sample.fills.ndim != 4 or len(sample.fills) != len(sample.image) or len(sample.image) != len(sample.bucket):
        raise UserError(f"{file} is no sample of fills")
    return sample


def choose_cases(run: Path, sample: Sample) -> list[Case]:
    """Returns the median and the worst input of the sample, by the hole PSNR of a run."""
    file = run / paths.EVALUATE.name / paths.IMAGES
    with explain_damage(file):
        rows = pd.read_csv(file, dtype={"bucket": str, "psnr_hole_db": float})
        values = rows[rows["output"] == "composite"].set_index(["image", "bucket"])["psnr_hole_db"]
        found = [values[(int(image), str(bucket))] for image, bucket in zip(sample.image, sample.bucket, strict=True)]
    order = np.argsort(found, kind="stable")
    return [Case(int(order[len(order) // 2]), "median"), Case(int(order[0]), "worst")]


def pair_variants(subject: Subject, filled: Sequence[str]) -> list[Pair]:
    """Returns which variants are compared for each option of each varied detail, then for the controls.

    Args:
        subject: the study.
        filled: variants that have fills, the baseline among them.
    """
    variants, baseline = subject.results.variants.loc[list(filled)], subject.plan.baseline().id
    compared = variants[variants["role"].isin(["baseline", "arm"])]
    pairs = []
    for key in subject.plan.levels:
        own = compared.loc[baseline, key]
        alone = subject.study.design == "one_at_a_time"
        same = [baseline] if alone else [str(name) for name in compared.index[compared[key] == own]]
        for option in pd.unique(compared[key]):
            if option != own:
                others = [str(name) for name in compared.index[compared[key] == option]]
                pairs.append(Pair(f"{code(key)}: {code(option)} for {code(own)}", same, others))
    for name, role in variants["role"].items():
        if role in CONTROLS:
            pairs.append(Pair(f"control: {role}", [baseline], [str(name)]))
    return pairs


def mean_fill(samples: dict[str, Sample], variants: Sequence[str], case: Case) -> Mean:
    """Returns the mean over variants of the fill of one case."""
    mean: Mean = np.mean([samples[variant].fills[case.place] for variant in variants], axis=0)
    return mean


def difference(first: NDArray[np.generic], second: NDArray[np.generic]) -> Mean:
    """Returns where two images differ: (3, S, S) in [0, 255], `GAIN` times as strong as it is."""
    found: Mean = np.clip(GAIN * np.abs(np.asarray(first, float) - np.asarray(second, float)), 0, 255)
    return found


def _case(
    samples: dict[str, Sample],
    baseline: str,
    pairs: Sequence[Pair],
    case: Case,
    truth: NDArray[np.uint8],
    masked: NDArray[np.uint8],
) -> str:
    own = mean_fill(samples, [baseline], case)
    first = _table(INPUT_HEADINGS, [("", [truth, masked, own, difference(own, truth)])])
    rows: list[tuple[str, Sequence[NDArray[np.generic]]]] = []
    for pair in pairs:
        old, new = (mean_fill(samples, names, case) for names in (pair.baseline, pair.option))
        rows.append((pair.title, [old, new, difference(new, old), difference(new, truth)]))
    return first + _table(OPTION_HEADINGS, rows)


def _table(headings: Sequence[str], rows: Sequence[tuple[str, Sequence[NDArray[np.generic]]]]) -> str:
    head = "".join(f'<th scope="col">{html.escape(heading)}</th>' for heading in headings)
    body = ""
    for title, images in rows:
        if title:
            body += f'<tr><th scope="rowgroup" colspan="{len(headings)}">{title}</th></tr>'
        tiles = zip(headings, images, strict=True)
        body += "<tr>" + "".join(f"<td>{_image(image, heading)}</td>" for heading, image in tiles) + "</tr>"
    return f'<table class="pictures"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'


def _image(image: NDArray[np.generic], alternative: str) -> str:
    pixels = np.asarray(image, float).round().astype(np.uint8).transpose(1, 2, 0)
    stream = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(stream, format="png")
    source = base64.b64encode(stream.getvalue()).decode()
    return f'<img alt="{html.escape(alternative)}" src="data:image/png;base64,{source}">'


def _input(subject: Subject, sample: Sample, case: Case) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    from repro.cases.medfe.case import CASE

    first = subject.plan.runs[0]
    inputs = folders_of(find_keys(CASE, run_params(CASE, subject.plan)[first.id]))
    image = int(sample.image[case.place])
    truth: NDArray[np.uint8] = np.array(open_split(inputs["photographs"], "test").images[image])
    holes = open_masks(inputs["holes"], "test")
    return truth, show_hole(truth, holes.read(image, list(holes.buckets).index(str(sample.bucket[case.place]))))


SECTIONS: Final = (
    Section("pictures", "Pictures by option", "repro.cases.medfe.report.fills:show_fills", after="protocols"),
)
"""What this case adds to the page of a study."""
