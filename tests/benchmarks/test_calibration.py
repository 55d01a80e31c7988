"""Calibration in short: studies of surfaces have the truth that is claimed, and wrong error terms are found out."""

import numpy as np
import pytest
from scipy import stats

from benchmarks import calibration_truth as known
from benchmarks.__main__ import main
from benchmarks.calibration import judge_subgrids, settings_of, to_text
from benchmarks.calibration_figures import count_false, covers, found_at, rate, summarise
from benchmarks.calibration_studies import Judged, compare_methods
from benchmarks.calibration_truth import SCENARIOS, Setting
from benchmarks.surfaces import FAMILIES, Subgrid, Surface, draw_subgrid
from repro.audit.statistics.calibration import FILE, Calibration, load_calibration
from repro.audit.statistics.verdicts import MATTERS

SURFACE = "protein_structure"
SUBGRIDS = 8
PLACKETT_BURMAN = Setting("plackett_burman", (2,) * 9, 2)
ONE_AT_A_TIME = Setting("one_at_a_time", (2,) * 9, 10)


def toy_subgrid(*, bend: float = 0.0, spread: float = 1.0, repeats: int = 4) -> Subgrid:
    """Returns two details of two and three options whose effects are 3 and (5, 7), and a product of them."""
    means = np.array([0.0, 3.0])[:, None] + np.array([0.0, 5.0, 7.0])
    means = means + bend * np.outer([0, 1], [0, 1, 2])
    deviations = spread * np.resize([1.0, -1.0], repeats)
    surface = Surface("toy", "higher", {"a": [1, 2], "b": ["x", "y", "z"]}, means[..., None] + deviations)
    return Subgrid(surface, {"a": [1, 2], "b": ["x", "y", "z"]}, {"a": 1, "b": "x"}, surface.repeats)


def truth_of(subgrid: Subgrid, design: str, spread: float = 0.0, seeds: int = 2) -> known.Truth:
    counts = tuple(len(levels) for levels in subgrid.levels.values())
    return known.find_truth(subgrid, known.plan_study(subgrid, Setting(design, counts, seeds), 0), spread)


def test_the_truth_is_averaged_over_the_grid_or_holds_at_the_baseline() -> None:
    bent = toy_subgrid(bend=6.0)
    assert truth_of(bent, "full_factorial").effects.tolist() == pytest.approx([3 + 6, 5 + 3, 7 + 6])
    assert truth_of(bent, "one_at_a_time").effects.tolist() == pytest.approx([3, 5, 7])


def test_the_width_that_is_possible_is_that_of_the_mean_of_all_cells() -> None:
    """Held against draws: the estimate of the first effect from all cells at two seeds, and 3.92 of its errors."""
    grid, spread = toy_subgrid(), 0.5
    truth = truth_of(grid, "full_factorial", spread)
    generator, found = np.random.default_rng(0), []
    for _ in range(2000):
        runs = known.draw_runs(grid, truth, 2, spread, generator).mean(axis=1)
        found.append(runs[truth.columns[:, 0] == 1].mean() - runs[truth.columns[:, 0] == 0].mean())
    # an sd of 2,000 draws has a relative error of 1.6 %
    assert np.std(found) * known.WIDTH == pytest.approx(truth.all_cells[0], rel=0.06)
    assert np.mean(found) == pytest.approx(3, abs=4 * np.std(found) / 2000**0.5)
    assert truth.oracle[0] == pytest.approx(truth.all_cells[0]), "all cells mix nothing in"


def test_runs_are_stored_repeats_of_their_cell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known, "SEED_SHIFT", 0.0)
    grid = toy_subgrid(repeats=3)
    grid.repeats[0, 0, 2] = np.nan  # as in a cell of NAS-Bench-201 with two of three
    truth = truth_of(grid, "full_factorial")
    runs = known.draw_runs(grid, truth, 50, 0.0, np.random.default_rng(1))
    for cell, row in zip(truth.cells, runs, strict=True):
        stored = grid.repeats[tuple(cell)]
        assert set(row) == set(stored[np.isfinite(stored)])


@pytest.mark.parametrize(
    ("scenario", "nil", "sized"),
    [("natural", 0, 0), ("one nil", 1, 0), ("half nil", 2, 0), ("all nil", 4, 0), ("on the margin", 0, 4)],
)
def test_a_scenario_moves_as_many_effects_as_it_says(scenario: str, nil: int, sized: int) -> None:
    effects = np.array([1.0, 2.0, 3.0, 4.0])
    truth = truth_of(toy_subgrid(), "full_factorial")._replace(effects=effects)
    aimed = known.aim(scenario, truth, ["a", "b", "c", "d"], 9.0, np.random.default_rng(0))
    assert int((aimed == 0).sum()) == nil
    assert int((np.abs(aimed) == 9).sum()) == sized
    assert int((aimed == effects).sum()) == 4 - nil - sized


def test_where_an_effect_is_moved_the_others_and_the_interactions_stay() -> None:
    truth = truth_of(toy_subgrid(bend=6.0), "full_factorial")
    aimed = known.aim("all nil", truth, ["a", "b", "b"], 0.0, np.random.default_rng(0))
    cells = toy_subgrid(bend=6.0).means[tuple(truth.cells.T)]
    moved = (cells + truth.columns @ (aimed - truth.effects)).reshape(2, 3)
    order = np.lexsort(truth.cells.T[::-1])
    moved = moved.ravel()[order].reshape(2, 3)
    assert np.ptp(moved.mean(axis=1)) == pytest.approx(0)
    assert np.ptp(moved.mean(axis=0)) == pytest.approx(0)
    assert moved[1, 2] - moved[0, 2] - moved[1, 0] + moved[0, 0] == pytest.approx(12)


@pytest.fixture(scope="module")
def screened() -> list[Judged]:
    return list(judge_subgrids("hpolib", PLACKETT_BURMAN, SUBGRIDS, SURFACE))


@pytest.fixture(scope="module")
def alone() -> list[Judged]:
    return list(judge_subgrids("hpolib", ONE_AT_A_TIME, SUBGRIDS // 2, SURFACE))


@pytest.mark.parametrize("name", ["screened", "alone"])
def test_verdicts_hold_what_they_promise_on_a_real_surface(name: str, request: pytest.FixtureRequest) -> None:
    judged = request.getfixturevalue(name)
    row = summarise("hpolib", PLACKETT_BURMAN if name == "screened" else ONE_AT_A_TIME, judged)
    assert row.coverage.value > 0.95 - 3 * row.coverage.error  # three errors: wrong once in a thousand where it holds
    for scenario in ("one nil", "half nil", "all nil"):
        alarms = sum(count_false(study.effects, scenario, share=False) > 0 for study in judged)
        assert stats.binomtest(alarms, len(judged), 0.05, "greater").pvalue > 1e-3
    assert row.natural.value > 0, "some of what is there is found"
    assert 1 < row.oracle < 3


def test_intervals_on_pure_error_are_found_out(screened: list[Judged]) -> None:
    """Interactions of a real surface mix into the effects of a screen, and repeats know nothing of them."""
    tables = [compare_methods(study) for study in screened]
    covered = {
        method: rate(covers(table[table["method"] == method]) for table in tables)
        for method in ("pure error", "all lack of fit")
    }
    pure, carried = covered["pure error"], covered["all lack of fit"]
    assert pure.value < 0.95 - 3 * pure.error
    assert carried.value > 0.95 - 3 * carried.error


def test_no_alarm_is_overlooked(alone: list[Judged]) -> None:
    study = alone[0]
    rows = study.effects["metric"] == "all nil"
    wrong = study.effects.assign(verdict=study.effects["verdict"].mask(rows, MATTERS))
    assert count_false(study.effects, "all nil", share=False) == 0
    assert count_false(wrong, "all nil", share=True) == 1
    assert found_at(study._replace(effects=wrong), "planned forecast") in (0, 1)
    assert set(study.effects["metric"]) == set(SCENARIOS) - {"measured forecast"}


def test_every_design_is_tried_on_every_family() -> None:
    for family in FAMILIES:
        designs = {setting.design for setting in settings_of(family)}
        assert len(designs) == 6
        for setting in settings_of(family):
            surface = Surface("toy", "higher", {f"d{i}": [0, 1, 2] for i in range(9)}, np.zeros((3,) * 9 + (2,)))
            grid = draw_subgrid(surface, np.random.default_rng(0), list(setting.counts))
            assert [len(levels) for levels in grid.levels.values()] == list(setting.counts)


def test_figures_are_written_as_they_are_read() -> None:
    kept = load_calibration()
    assert to_text(kept) == FILE.read_text(encoding="utf-8")
    assert Calibration.model_validate_json(to_text(kept)) == kept


def test_the_command_prints_a_row(capsys: pytest.CaptureFixture[str]) -> None:
    given = ["--studies", "1", "--surface", "nasbench201/cifar10", "--design", "full_factorial"]
    assert main(["calibration", *given]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split()[:3] == ["nasbench201", "full_factorial", "4x16x2"]
    with pytest.raises(SystemExit):
        main(["calibration", "--surface", "nowhere"])
    assert "there is no surface nowhere; there are: hpolib" in capsys.readouterr().err
