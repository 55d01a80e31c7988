"""The run: it is the same again, it knows what it embeds, and its measures see what they are made to see."""

from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.distance import pdist

from embedding.case import CASE, Data
from embedding.run import class_means, draw_sample, make_run, recall_neighbours
from repro.audit.study.declaration import load_study
from repro.audit.study.freezing import load_plan
from repro.case import Job, load_case


def measure(tmp_path, **settings):
    baseline = CASE.baseline(load_study(CASE.folder / "digits-default.yaml", CASE.metrics).study)
    seed, quick = settings.pop("seed", 0), {"data.points": 160, "tsne.iterations": 250, "umap.epochs": 50}
    params = CASE.resolve(baseline, {**quick, **settings}, seed)
    rows = make_run(Job(params, {}, tmp_path, tmp_path)).rows
    return {(row.unit, row.metric): row.value for row in rows}


@pytest.mark.parametrize("method", ["tsne", "umap"])
@pytest.mark.parametrize("start", ["random", "spectral"])
def test_a_run_is_the_same_again_and_the_seed_counts(tmp_path, method, start):
    settings = {"method": method, "initialisation": start}
    first = measure(tmp_path, **settings)
    assert first == measure(tmp_path, **settings) != measure(tmp_path, **settings, seed=1)
    assert first != measure(tmp_path, **settings, stream=1) or (method, start) == ("tsne", "spectral")


def test_the_package_starts_as_in_2018(tmp_path):
    for method, start in {"tsne": "random", "umap": "spectral"}.items():
        assert measure(tmp_path, method=method) == measure(tmp_path, method=method, initialisation=start)


def test_the_hierarchy_halves_its_splits():
    points, classes, centres = draw_sample(Data(source="hierarchy", points=16000), 0)
    assert sorted(set(np.round(pdist(centres) ** 2, 6))) == [16, 64 + 8, 256 + 32 + 8, 1024 + 128 + 32 + 8]
    assert np.abs(class_means(points, classes) - centres).max() < 5 / np.sqrt(1000)


def test_recall_is_one_of_the_same_and_chance_of_the_shuffled():
    points = np.random.default_rng(0).standard_normal((500, 2))
    assert recall_neighbours(points, 2 * points).mean() == 1
    assert recall_neighbours(points, points[::-1]).mean() < 0.05


def test_the_project_names_its_case_and_its_plans_are_those_of_its_studies(monkeypatch):
    monkeypatch.chdir(Path(__file__).parents[1])
    assert load_case() is CASE
    studies = [load_study(file, CASE.metrics) for file in CASE.folder.glob("*-*.yaml")]
    assert len(studies) == 4
    for name, study in studies:
        plan = load_plan(CASE.folder / "plans" / f"{name}.json")
        assert plan.declaration == study.model_dump(mode="json")
        assert plan.values == CASE.baseline(study)
        assert all(CASE.identify({**plan.values, **variant.settings}) == variant.id for variant in plan.variants)
