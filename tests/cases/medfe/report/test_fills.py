"""Pictures by option: cases are chosen by rule, a factorial's pictures are means, differences are what they say."""

import re
from pathlib import Path
from typing import cast

import numpy as np
import pandas as pd
import pytest
from simulated_factorial import linear, make_plan, simulate, two_levels

from repro import paths
from repro.audit.page.subject import Subject
from repro.audit.statistics.analysis import Analysis
from repro.cases.medfe.report import fills
from repro.cases.medfe.report.fills import (
    GAIN,
    Case,
    Sample,
    choose_cases,
    difference,
    mean_fill,
    pair_variants,
    read_sample,
)
from repro.errors import UserError

PSNR = {(0, "10-20"): 30.0, (0, "20-30"): 12.0, (1, "10-20"): 20.0, (1, "20-30"): 25.0, (2, "10-20"): 5.0}
"""Hole PSNR by image and bucket; image 2 is not in the sample that the runs keep."""
KEPT = [(0, "10-20"), (0, "20-30"), (1, "10-20")]


def write_run(folder: Path, value: int) -> None:
    """Writes a run whose fills are all of one grey value."""
    (folder / paths.EVALUATE.name).mkdir(parents=True)
    kept = {
        "fills": np.full((len(KEPT), 3, 4, 4), value, np.uint8),
        "image": np.array([image for image, _ in KEPT]),
        "bucket": np.array([bucket for _, bucket in KEPT]),
    }
    np.savez(folder / paths.EVALUATE.name / paths.FILLS, **kept)
    rows = [  # the raw output is ranked the other way round, and must not be read
        (image, bucket, output, psnr if output == "composite" else 99 - psnr)
        for output in ("raw", "composite")
        for (image, bucket), psnr in PSNR.items()
    ]
    table = pd.DataFrame(rows, columns=["image", "bucket", "output", "psnr_hole_db"])
    table.to_csv(folder / paths.EVALUATE.name / paths.IMAGES, index=False)


def make_subject(folder: Path, design: str, *, controls: bool = False) -> Subject:
    """Returns a study of two details whose runs lie in a folder: variant number i is filled with 10 i."""
    levels = two_levels(2)
    rows = [{key: "yes"} for key in levels] if design == "one_at_a_time" else None
    plan = make_plan(levels, design, seeds=2, rows=rows, controls=controls)
    results = simulate(plan, linear(a=1.0))
    for number, variant in enumerate(plan.variants):
        write_run(folder / f"{variant.id}-s0", 10 * number)
    runs = results.runs.assign(path=[str(folder / str(run)) for run in results.runs.index])
    results = results._replace(runs=runs)
    return Subject(plan, results, cast(Analysis, None), {})  # pictures rest on no statistics


@pytest.fixture
def samples() -> dict[str, Sample]:
    empty = np.zeros(1, np.int64)
    return {f"v{i}": Sample(np.full((2, 3, 4, 4), 10 * i, np.uint8), empty, empty.astype(str)) for i in range(4)}


def test_cases_are_the_median_and_the_worst_of_what_is_kept(tmp_path: Path) -> None:
    write_run(tmp_path, 0)
    assert choose_cases(tmp_path, read_sample(tmp_path)) == [Case(2, "median"), Case(1, "worst")]


def test_a_factorial_compares_means_over_all_its_variants(tmp_path: Path, samples: dict[str, Sample]) -> None:
    subject = make_subject(tmp_path, "full_factorial")
    pairs = {pair.title: pair for pair in pair_variants(subject, list(samples))}
    pair = next(pair for title, pair in pairs.items() if title.startswith("<code>a</code>"))
    taken = {
        variant.id for variant in subject.plan.variants if variant.settings.get("a") == "yes" and variant.role == "arm"
    }
    assert set(pair.option) == taken
    assert set(pair.baseline) == set(samples) - taken
    expected = np.mean([10 * int(name[1:]) for name in taken])
    assert np.all(mean_fill(samples, pair.option, Case(0, "median")) == expected)


def test_one_at_a_time_compares_an_arm_with_the_baseline(tmp_path: Path) -> None:
    subject = make_subject(tmp_path, "one_at_a_time", controls=True)
    pairs = pair_variants(subject, [variant.id for variant in subject.plan.variants])
    assert [(pair.baseline, pair.option) for pair in pairs] == [(["v0"], [f"v{number}"]) for number in (1, 2, 3, 4)]
    assert [pair.title for pair in pairs[2:]] == ["control: negative control", "control: positive control"]


def test_options_of_a_planted_control_are_no_options_of_the_detail(tmp_path: Path) -> None:
    subject = make_subject(tmp_path, "full_factorial", controls=True)
    variants = subject.results.variants.copy()
    variants.loc[variants["role"] == "positive control", "a"] = "far too low"
    subject = subject._replace(results=subject.results._replace(variants=variants))
    titles = [pair.title for pair in pair_variants(subject, list(variants.index))]
    assert not any("far too low" in title for title in titles)


def test_differences_are_amplified_absolute_and_clipped() -> None:
    first, second = np.array([10, 0, 200], np.uint8), np.array([13, 255, 200], np.uint8)
    assert difference(first, second).tolist() == [3.0 * GAIN, 255.0, 0.0]
    assert np.array_equal(difference(first, second), difference(second, first))


def test_the_page_shows_each_option_for_each_case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blank = np.zeros((3, 4, 4), np.uint8)
    monkeypatch.setattr(fills, "_input", lambda *_: (blank, blank))
    shown = fills.show_fills(make_subject(tmp_path, "one_at_a_time"))
    assert re.findall(r"<h4>The (\w+) case", shown) == ["median", "worst"]
    assert shown.count("<code>yes</code> for <code>no</code>") == 2 * 2
    assert shown.count("<img ") == shown.count("alt=") == 2 * (4 + 2 * 4)


def test_without_an_arm_there_is_a_sentence(tmp_path: Path) -> None:
    subject = make_subject(tmp_path, "one_at_a_time")
    runs = subject.results.runs.assign(status="missing")
    assert "no fills to compare" in fills.show_fills(subject._replace(results=subject.results._replace(runs=runs)))


@pytest.mark.fault("damage", "artefact of a run")
@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\0" * 4096, b"\x93NUMPY", None])
def test_a_run_whose_fills_are_damaged_is_left_out_with_its_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None
) -> None:
    blank = np.zeros((3, 4, 4), np.uint8)
    monkeypatch.setattr(fills, "_input", lambda *_: (blank, blank))
    subject = make_subject(tmp_path, "one_at_a_time")
    arm = next(variant.id for variant in subject.plan.variants if variant.role == "arm")
    file = tmp_path / f"{arm}-s0" / paths.EVALUATE.name / paths.FILLS
    file.unlink() if content is None else file.write_bytes(content)
    with pytest.raises(UserError, match=r"fills\.npz cannot be read"):
        read_sample(file.parents[1])
    shown = fills.show_fills(subject)
    assert f"Left out: {file} cannot be read" in shown
    assert shown.count("<code>yes</code> for <code>no</code>") == 2 * 1, "the other arm is shown for each case"


TABLES = [b"", b"image,bucket\n", b"\xff\n", b"image,bucket,output,psnr_hole_db\n0,10-20,composite,x\n"]


@pytest.mark.fault("damage", "table of a run")
@pytest.mark.parametrize("content", TABLES)
def test_damaged_rows_of_the_baseline_take_the_pictures_and_not_the_page(tmp_path: Path, content: bytes) -> None:
    subject = make_subject(tmp_path, "one_at_a_time")
    rows = tmp_path / f"{subject.plan.baseline().id}-s0" / paths.EVALUATE.name / paths.IMAGES
    rows.write_bytes(content)
    assert f"No picture can be shown: {rows} cannot be read" in fills.show_fills(subject)
