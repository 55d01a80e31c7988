"""The report: one page that needs nothing from outside, whose numbers are those of the results."""

import csv
import json
import re
import shutil
import statistics
import subprocess
from collections.abc import Collection, Sequence
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from evidence_on_disk import BUCKETS, PHOTOGRAPHS, write_evidence, write_inputs
from repro import paths
from repro.audit.ledger.values import flatten
from repro.audit.page.figures import encode_png, plot_groups
from repro.audit.page.notebook import run_notebook
from repro.audit.page.tables import differing_settings, means_by_group, show_number, show_spread, table_html
from repro.cases.medfe.case import CASE
from repro.cases.medfe.metrics.records import HEADLINE, METRICS, ImageMetric
from repro.cases.medfe.report import active, inputs, variants
from repro.cases.medfe.report import contents as report_contents
from repro.cases.medfe.report.build import build_report
from repro.cases.medfe.report.contents import load_contents
from repro.errors import UserError
from repro.evidence import read_evidence, read_unit_rows
from repro.tracking import Logged, publish_variant

REPOSITORY = Path(__file__).parents[1]
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")

pytestmark = [
    # SQLAlchemy 2.1 warns of how MLflow 3.17 declares its tables
    pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy:DeprecationWarning"),
    # MLflow's engines are closed when the interpreter ends
    pytest.mark.filterwarnings("ignore:unclosed database:ResourceWarning"),
]


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A project whose report has been built, with one logged variant."""
    project = tmp_path_factory.mktemp("built")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(project)
        patch.setenv("DVC_ROOT", str(project))
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        _write_project(project)
        publish_variant(CASE, paths.RESULTS)
        build_report(paths.REPORT)
    return project


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project with results, as the current folder."""
    monkeypatch.chdir(tmp_path)
    _write_project(tmp_path)
    return tmp_path


def _write_project(project: Path) -> None:
    write_inputs(project / "data")
    write_evidence(project / "results")
    (project / "reports").mkdir()
    shutil.copy(REPOSITORY / paths.NOTEBOOK, project / paths.NOTEBOOK)


class _Page(HTMLParser):
    """Collects what a browser would fetch, and the text that a reader sees."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.tags: list[str] = []
        self.pictures_without_words = 0
        self.text = ""
        self.feed(source)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.tags.append(tag)
        self.fetched += [value for name, value in attrs if name in {"src", "srcset", "data", "poster"}]
        self.fetched += [given["href"]] if tag == "link" else []
        self.pictures_without_words += tag == "img" and not given.get("alt")

    def handle_data(self, data):
        self.text += data


def _page(built: Path) -> str:
    return (built / paths.REPORT / "replication_report.html").read_text(encoding="utf-8")


def test_the_page_fetches_nothing(built):
    source = _page(built)
    page = _Page(source)
    assert len(page.fetched) == 5  # the icon, two figures, the grid, the last samples
    assert all(address.startswith("data:") for address in page.fetched)
    assert not {"script", "iframe", "object"} & set(page.tags)
    assert not re.search(r"@import|url\(", source)
    assert page.pictures_without_words == 0


def test_code_stands_in_the_notebook_and_not_on_the_page(built):
    notebook = json.loads((built / paths.REPORT / "replication_report.ipynb").read_text())
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert all(cell["outputs"] for cell in cells)
    for line in (line for cell in cells for line in "".join(cell["source"]).splitlines() if line):
        assert line not in _Page(_page(built)).text


def test_the_source_notebook_has_no_outputs_and_no_logic():
    notebook = json.loads((REPOSITORY / paths.NOTEBOOK).read_text())
    for cell in (cell for cell in notebook["cells"] if cell["cell_type"] == "code"):
        assert cell["outputs"] == []
        assert cell["execution_count"] is None
        assert not re.search(r"\b(def|for|if|lambda|while)\b", "".join(cell["source"]))


def test_the_headline_is_the_mean_over_the_rows(built):
    """Computed here from the files with the standard library alone."""
    with (built / "results/evaluate/images.csv").open() as stream:
        model = [float(row["psnr_hole_db"]) for row in csv.DictReader(stream) if row["output"] == "composite"]
    with (built / "results/baselines/images.csv").open() as stream:
        constant = [float(row["psnr_hole_db"]) for row in csv.DictReader(stream) if row["method"] == "constant"]
    mean = statistics.fmean(model)
    text = _Page(_page(built)).text
    assert f"{mean:.2f} dB" in text
    assert f"+{mean - statistics.fmean(constant):.2f} dB" in text
    assert f"{len(PHOTOGRAPHS)} / 6" in text
    assert "Means over 36 pairs" in text  # and not 72: raw and composite output are not averaged


def test_one_variant_with_one_seed_gets_no_verdict(built):
    text = _Page(_page(built)).text
    assert "one seed" in text
    assert "1 variant is logged" in text
    assert "no verdict on any detail can be given" in text


@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
def test_a_browser_without_a_network_has_nothing_to_complain_of(built, tmp_path):
    page = (built / paths.REPORT / "replication_report.html").as_uri()
    options = ["--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path}/profile"]
    offline = ["--proxy-server=127.0.0.1:9", "--enable-logging=stderr", "--window-size=390,800"]
    check = [f"--screenshot={tmp_path}/page.png", page]
    done = subprocess.run([CHROMIUM, *options, *offline, *check], capture_output=True, text=True, timeout=60)
    assert (tmp_path / "page.png").stat().st_size > 10_000
    assert "CONSOLE" not in done.stderr


def test_results_that_are_missing_are_told_of_before_a_kernel_starts(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="dvc repro"):
        build_report(paths.REPORT)
    assert not paths.REPORT.exists()


def test_an_error_for_the_user_inside_the_notebook_reaches_him(tmp_path):
    cell = {"cell_type": "code", "id": "a", "metadata": {}, "outputs": [], "execution_count": None}
    cell["source"] = "from repro.errors import UserError\nraise UserError('no answer')"
    source = tmp_path / "source.ipynb"
    kernel = {"kernelspec": {"name": "python3", "language": "python", "display_name": "Python 3"}}
    source.write_text(json.dumps({"cells": [cell], "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}))
    with pytest.raises(UserError, match="no answer"):
        run_notebook(source, tmp_path / "run.ipynb", tmp_path / "failed.log")


def _logged(*runs: tuple[str, int, float, str], other_test: Collection[int] = (), keys: Sequence[str] = ()) -> Logged:
    """Makes what the tracking store would give back of runs (variant, seed, hole PSNR, loss.adv), newest first.

    `other_test` numbers the runs that were tested on other holes; without `keys`, all hold the active evidence.
    """
    evidence = read_evidence(CASE, paths.RESULTS)
    index = pd.Index([f"run{place}" for place in range(len(runs))], name="run_id")
    described = [
        {"variant": variant, "seed": seed, "key": key, "link": f"http://127.0.0.1:5000/#/{seed}"}
        for (variant, seed, *_), key in zip(runs, keys or [evidence.key] * len(runs), strict=True)
    ]
    settings = {key: str(value) for key, value in flatten(evidence.params).items()}
    params = [
        settings | {"loss.adv": option, "seed": str(seed), "data.source": "photos"} for _, seed, _, option in runs
    ]
    metrics = [
        {variants.logged_name(metric): level if metric is HEADLINE else 0.1 for metric in METRICS}
        for _, _, level, _ in runs
    ]
    rows = read_unit_rows(paths.EVALUATE / paths.IMAGES, CASE.results.text)
    images = pd.concat(
        [
            rows.assign(run_id=run, hole_ratio=rows["hole_ratio"] + 0.01 * (place in other_test))
            for place, run in enumerate(index)
        ]
    )
    return Logged(pd.DataFrame(described, index), pd.DataFrame(params, index), pd.DataFrame(metrics, index), images)


@pytest.fixture
def load(project, monkeypatch):
    """Returns a function that loads the project's contents with these logged runs."""
    assert project == Path.cwd()

    def load(*runs, other_test=(), keys=()):
        logged = _logged(*runs, other_test=other_test, keys=keys)
        monkeypatch.setattr(report_contents, "logged_variants", lambda _: logged)
        return load_contents()

    return load


def test_variants_show_what_differs_and_by_how_much(load):
    contents = load(("other", 0, 18.5, "hinge"), ("0123456789", 0, 17.0, "ralsgan"), ("0123456789", 1, 18.0, "ralsgan"))
    shown = _Page(variants.show_variants(contents).source).text
    assert "3 finished runs of 2 variants" in shown
    assert shown.index("0123456789") < shown.index("other")  # the active one first
    assert "loss.adv=hinge" in shown
    assert "17.50" in shown
    assert "17.00 to 18.00" in shown
    assert "+1.00" in shown
    assert "3 seeds" not in active.show_what_it_means(contents).source
    assert "2 seeds" in active.show_what_it_means(contents).source


def test_variants_tested_on_other_holes_are_not_compared(load):
    runs = [("0123456789", 0, 17.0, "ralsgan"), ("other", 0, 18.5, "hinge")]
    assert "+1.50" in variants.show_variants(load(*runs)).source
    assert "+1.50" not in variants.show_variants(load(*runs, other_test=[1])).source


@pytest.mark.parametrize("other", range(4))
def test_every_run_counts_for_whether_the_test_is_the_same(load, other):
    runs = [
        ("0123456789", 0, 17.0, "ralsgan"),
        ("0123456789", 1, 17.0, "ralsgan"),
        ("other", 0, 18.5, "hinge"),
        ("other", 1, 18.5, "hinge"),
    ]
    assert "+1.50" in variants.show_variants(load(*runs)).source
    assert "+1.50" not in variants.show_variants(load(*runs, other_test=[other])).source


def test_runs_of_other_code_or_data_are_not_averaged_as_if_they_were_seeds(load):
    ours = read_evidence(CASE, paths.RESULTS).key
    contents = load(
        ("0123456789", 0, 11.0, "ralsgan"),  # newer than the active evidence, and not what is reported on
        ("0123456789", 0, 17.0, "ralsgan"),
        ("0123456789", 1, 18.0, "ralsgan"),
        ("other", 0, 18.5, "hinge"),
        ("other", 0, 12.0, "hinge"),
        keys=["a", ours, "b", "c", "d"],
    )
    shown = _Page(variants.show_variants(contents).source).text
    assert "3 finished runs of 2 variants" in shown
    assert "2 older runs of the same variant and seed, made by other code or data, are left out." in shown
    assert "17.50 17.00 to 18.00" in shown
    assert "18.50" in shown
    assert "+1.00" in shown
    assert set(contents.logged.units["run_id"]) == set(contents.logged.runs.index) == {"run1", "run2", "run3"}
    alone = load(("0123456789", 0, 17.0, "ralsgan"))
    assert "left out" not in variants.show_variants(alone).source
    stale = variants.show_variants(load(("0123456789", 0, 17.0, "ralsgan"), keys=["a"])).source
    assert "1 older run of the same variant and seed, made by other code or data, is left out." in stale


def test_an_empty_store_is_told_of(load):
    contents = load(("0123456789", 0, 17.0, "ralsgan"))._replace(logged=Logged(*(pd.DataFrame() for _ in range(4))))
    assert "repro publish" in variants.show_variants(contents).source
    assert "one seed" in active.show_what_it_means(contents).source


@pytest.mark.parametrize("image_px", [64, 256, 512])
@pytest.mark.parametrize("width", [16, 64])
def test_the_caution_names_what_is_smaller(load, image_px, width):
    contents = load(("0123456789", 0, 17.0, "ralsgan"))
    settings = contents.settings | {"data.image_px": image_px, "model.base_width": width}
    shown = active.show_summary(contents._replace(settings=settings)).source
    assert ("Reduced scale" in shown) == (image_px < 256 or width < 64)
    assert ("instead of 256 x 256" in shown) == (image_px < 256)
    assert ("instead of the release's 64" in shown) == (width < 64)


@pytest.mark.parametrize(
    ("source", "image_px", "said"),
    [
        ("photos", 64, "measured on other photographs and on images of 256 x 256 pixels."),
        ("photos", 256, "measured on other photographs."),
        ("celeba", 64, "measured on images of 256 x 256 pixels."),
        ("celeba", 256, "The data set is one that the paper used"),
        ("folder", 256, "nothing here tells whether the paper used them"),
    ],
)
def test_what_is_said_beside_the_paper_follows_from_the_data(load, source, image_px, said):
    contents = load(("0123456789", 0, 17.0, "ralsgan"))
    settings = contents.settings | {"data.source": source, "data.image_px": image_px}
    assert said in active.show_what_it_means(contents._replace(settings=settings)).source


def test_the_report_stands_without_baselines(project, load):
    shutil.rmtree(project / "results/baselines")
    contents = load(("0123456789", 0, 17.0, "ralsgan"))
    assert "best baseline" not in active.show_summary(contents).source
    assert "MEDFE" in active.show_comparison(contents).source
    assert "data:image/png" in active.show_buckets(contents).source


def test_file_names_of_strangers_are_escaped(load):
    shown = inputs.show_photographs(load(("0123456789", 0, 17.0, "ralsgan"))).source
    assert "notes &lt;old&gt;.txt" in shown
    assert "<old>" not in shown


def test_reasons_for_missing_metrics_are_listed(load):
    shown = inputs.show_not_computed(load(("0123456789", 0, 17.0, "ralsgan"))).source
    assert "<b>FID</b>: not computed: 6 images are fewer than 2048" in shown


def test_every_metric_of_the_rows_is_compared_under_its_title(load):
    shown = active.show_comparison(load(("0123456789", 0, 17.0, "ralsgan"))).source
    for metric in METRICS:
        assert (f">{metric.title}</th>" in shown) == isinstance(metric, ImageMetric), metric.name


def test_a_metric_of_all_images_stands_among_the_figures(load):
    contents = load(("0123456789", 0, 17.0, "ralsgan"))
    assert "<dt>FID</dt>" not in active.show_summary(contents).source
    computed = contents._replace(figures=contents.figures | {"fid": 12.34})
    assert "<dt>FID</dt><dd>12.3</dd>" in active.show_summary(computed).source


def test_a_run_that_was_logged_before_a_metric_was_added_is_shown_without_it(load):
    contents = load(("0123456789", 0, 17.0, "ralsgan"), ("other", 0, 18.5, "hinge"))
    older = contents.logged.metrics.drop(columns=variants.logged_name(variants.SHOWN[-1]))
    shown = variants.show_variants(contents._replace(logged=contents.logged._replace(metrics=older))).source
    assert variants.SHOWN[-1].label in shown
    assert "+1.50" in shown


def test_a_photograph_named_na_stays_one(tmp_path):
    (tmp_path / "images.csv").write_text("method,photograph,bucket,psnr_db,lpips\nmodel,NA,01-10,20.5,\n")
    row = read_unit_rows(tmp_path / "images.csv", CASE.results.text).iloc[0]
    assert (row["photograph"], row["bucket"], row["psnr_db"]) == ("NA", "01-10", 20.5)
    assert np.isnan(row["lpips"])


def test_means_by_group_keep_the_order_of_the_rows():
    rows = pd.DataFrame({"method": list("bbaa"), "bucket": list("yxyx"), "value": [1.0, 2.0, 3.0, 5.0]})
    means = means_by_group(pd.concat([rows, rows.assign(value=rows["value"] + 2)]), "method", "bucket", "value")
    assert list(means.columns) == ["b", "a"]
    assert list(means.index) == ["y", "x"]
    assert means.to_numpy().tolist() == [[2.0, 4.0], [3.0, 6.0]]


def test_differing_settings_leave_out_what_only_one_side_has():
    settings = pd.DataFrame({"a": ["1", "2"], "b": ["x", None], "new": ["n", "n"]}, index=["same", "other"])
    assert differing_settings(settings, {"a": "1", "b": "x", "old": "o"}) == {"same": {}, "other": {"a": "2"}}


def test_numbers_are_shown_with_a_true_minus():
    assert show_number(-1.005, 1) == "\u22121.0"
    assert show_number(2, 1, signed=True) == "+2.0"
    assert show_number(float("nan"), 2) == "\u2013"
    assert show_spread([1.0, 3.0], 1) == "2.0 <small>1.0 to 3.0</small>"


def test_table_cells_are_escaped_unless_a_format_makes_html():
    table = pd.DataFrame({"text": ["<b>"], "link": ["x"]}, index=pd.Index(["<i>"], name="name"))
    shown = table_html(table, "a & b", {"link": lambda value: f"<a>{value}</a>"}, marked=["<i>"])
    assert "&lt;b&gt;" in shown
    assert "&lt;i&gt;" in shown
    assert "a &amp; b" in shown
    assert "<a>x</a>" in shown
    assert 'class="marked"' in shown


def test_labels_beside_the_lines_do_not_overlap():
    table = pd.DataFrame({name: [10.0, 20.0 + 0.01 * place] for place, name in enumerate("abcd")}, index=BUCKETS[:2])
    figure = plot_groups(table, "a", ("x", "y"))
    assert encode_png(figure).startswith(b"\x89PNG")
    figure.draw_without_rendering()
    boxes = sorted((text.get_window_extent() for text in figure.axes[0].texts), key=lambda box: box.y0)
    assert len(boxes) == 4
    assert all(lower.y1 <= upper.y0 + 1 for lower, upper in pairwise(boxes))


def test_a_hostile_run_of_a_shared_server_stays_text(load):
    markup = '"><script>alert(1)</script><img src=x onerror=alert(1)>'
    source = variants.show_variants(load(("0123456789", 0, 17.0, "ralsgan"), (markup, 0, 18.5, markup))).source
    page = _Page(source)
    assert not {"script", "img"} & set(page.tags)
    assert page.text.count("<script>alert(1)</script>") == 2, "the variant and its option are shown as what they are"
