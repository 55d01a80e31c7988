"""The figures that come with the package, and which of them are those of a study."""

import json

from repro.audit.statistics.calibration import FILE, Calibration, Rate, Row, find_nearest, load_calibration

SURE = Rate(0.0, 0.01)


def make_row(design: str = "random", surface: str = "one", **changes: object) -> Row:
    rates = dict.fromkeys(
        ("one_nil", "half_nil", "all_nil", "equivalent", "equivalent_each", "natural", "planned", "measured"), SURE
    )
    sizes = {
        "details": 5,
        "variants": 16,
        "seeds": 2,
        "correction": "Holm",
        "subgrids": 10,
        "width": 2.0,
        "oracle": 1.5,
    }
    given = {
        "surface": surface,
        "design": design,
        "correction": "Holm",
        "coverage": Rate(0.95, 0.01),
        "power": (SURE, SURE, SURE),
    }
    return Row.model_validate(given | rates | sizes | changes)


def test_the_nearest_size_of_each_surface_is_taken() -> None:
    rows = [make_row(details=details, seeds=seeds) for details in (5, 9) for seeds in (2, 4)]
    other = make_row(surface="other", details=6)
    found = find_nearest([*rows, other, make_row("d_optimal", details=15)], "random", details=15, seeds=3)
    assert found == [rows[3], other], "3 seeds are nearer to 4 than to 2 by their ratio"
    assert find_nearest(rows, "random", 5, 2) == [rows[0]]


def test_there_is_no_figure_where_there_is_no_verdict() -> None:
    rows = [make_row()]
    assert find_nearest(rows, "random", details=5, seeds=1) == []
    assert find_nearest(rows, "random", details=0, seeds=4) == []
    assert find_nearest(rows, "d_optimal", details=5, seeds=2) == []


def test_a_goal_is_missed_by_more_than_two_monte_carlo_errors_only() -> None:
    assert make_row(coverage=Rate(0.931, 0.01), all_nil=Rate(0.069, 0.01)).misses() == []
    missing = make_row(coverage=Rate(0.929, 0.01), all_nil=Rate(0.071, 0.01), equivalent=Rate(0.2, 0.01))
    assert missing.misses() == ["coverage", "all_nil", "equivalent"]


def test_the_figures_that_come_with_the_package_are_those_of_every_design() -> None:
    kept = load_calibration()
    assert {row.surface for row in kept.rows} == set(kept.surfaces)
    for surface in kept.surfaces:
        assert {row.design for row in kept.rows if row.surface == surface} == {
            *("one_at_a_time", "plackett_burman", "fractional_factorial", "full_factorial", "d_optimal", "random")
        }
    assert kept.command in {f"python -m benchmarks calibration --studies {row.subgrids} --write" for row in kept.rows}
    assert Calibration.model_validate(json.loads(FILE.read_text())) == kept
