"""Two runs with the same params and seed: identical, within what another seed may do, or different; and two bundles."""

from pathlib import Path

import pandas as pd
import pytest
from kept_on_disk import ENVIRONMENT, make_kept, write_kept_report

from repro.bundle.agreement import compare_bundles
from repro.bundle.archive import pack_archive
from repro.bundle.export import collect_members
from repro.bundle.tolerances import DIFFERENT, IDENTICAL, WITHIN, allowed_distances, compare_rows, differing
from repro.errors import UserError
from repro.kept.study import KeptStudy


def rows(*values: float) -> pd.DataFrame:
    units = [str(unit) for unit in range(len(values))]
    return pd.DataFrame({"train_fraction": 1.0, "metric": "m", "unit": units, "value": values})


ALLOWED = {(1.0, "m"): 0.5}


def test_the_same_values_are_identical_in_any_order_and_as_any_number() -> None:
    other = rows(1.0, 2.0).iloc[::-1].astype({"value": object, "train_fraction": int})
    assert compare_rows(rows(1.0, 2.0), other, ALLOWED, same=True).verdict == IDENTICAL


@pytest.mark.parametrize(
    ("shift", "same", "verdict"),
    [(1e-10, True, DIFFERENT), (1e-10, False, WITHIN), (0.49, False, WITHIN), (0.51, False, DIFFERENT)],
)
def test_on_one_machine_nothing_is_allowed_elsewhere_what_another_seed_does(
    shift: float, same: bool, verdict: str
) -> None:
    distance = compare_rows(rows(1.0, 2.0), rows(1.0 + shift, 2.0 + shift), ALLOWED, same=same)
    assert distance.verdict == verdict
    assert distance.apart == pytest.approx(shift, rel=1e-3)


def test_without_seeds_nothing_is_known_and_other_units_are_another_run() -> None:
    assert compare_rows(rows(1.0), rows(1.1), {}, same=False).verdict == DIFFERENT
    assert compare_rows(rows(1.0), rows(1.0, 1.0), ALLOWED, same=False).verdict == DIFFERENT
    assert compare_rows(rows(1.0), rows(float("nan")), ALLOWED, same=False).verdict == DIFFERENT


def test_the_bound_is_that_of_two_draws_of_the_seeds(kept: KeptStudy) -> None:
    """t(0.995, 3) = 5.8409, as tables have it; two seeds d apart have the variance d^2 / 2, one alone has none.

    Four variants, of which one lost a seed: three degrees of freedom; the pooled variance, or the own if larger.
    """
    means = kept.results.rows.groupby("run")["value"].mean()
    seeds = {variant.id: [means.get(f"{variant.id}-s{seed}") for seed in (0, 1)] for variant in kept.plan.variants}
    own = {variant: (one - two) ** 2 / 2 for variant, (one, two) in seeds.items() if None not in (one, two)}
    pooled = sum(own.values()) / 3
    assert len(own) == 3
    for variant, allowed in allowed_distances(kept).items():
        expected = 5.8409 * (2 * max(pooled, own.get(variant, 0))) ** 0.5
        assert allowed[1.0, "error"] == pytest.approx(expected, rel=1e-4)


def test_versions_of_what_only_one_has_loaded_are_no_difference() -> None:
    one = {"threads": "1", "modules": {"numpy": "1", "ray": "2"}}
    assert differing(one, {"threads": "2", "modules": {"numpy": "1"}}) == ["threads: 1, 2"]
    assert differing(one, {"modules": {"numpy": "3"}}) == ["modules.numpy: 1, 3", "threads: 1, not told"]


@pytest.fixture
def bundles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Returns a function that writes the bundle of the study as another machine makes it."""
    plan = None

    def write(name: str, **changes: object) -> Path:
        nonlocal plan
        root = tmp_path / name
        kept = make_kept(root, **changes)
        plan = plan or kept.plan
        report = write_kept_report(root / "reports" / "studies" / "first", kept._replace(plan=plan))
        with monkeypatch.context() as patch:
            patch.chdir(root)
            content = pack_archive(collect_members(report, Path()))
        file = tmp_path / f"{name}.zip"
        file.write_bytes(content)
        return file

    return write


def test_two_bundles_are_compared_run_by_run_and_verdict_by_verdict(bundles) -> None:
    one, elsewhere = bundles("one"), ENVIRONMENT | {"threads": "8"}
    assert compare_bundles(one, bundles("same")).lines == ["first: the same bytes"]
    near = compare_bundles(one, bundles("near", environment=elsewhere, shift=1e-7))
    assert near.holds
    assert near.lines[0] == "runs: 7 within tolerance, of 8 and 8"
    assert near.lines[-1] == "  threads: 1, 8"
    identical = compare_bundles(one, bundles("identical", environment=elsewhere))
    assert identical.lines[0] == "runs: 7 bit-identical, of 8 and 8"
    far = compare_bundles(one, bundles("far", shift=1e-7))  # nothing differs that could explain it
    assert not far.holds
    assert far.lines[0] == "runs: 7 different, of 8 and 8"


@pytest.mark.fault("damage", "bundle")
def test_a_damaged_bundle_is_refused(bundles, tmp_path: Path) -> None:
    one = bundles("one")
    damaged = bytearray(one.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    (tmp_path / "damaged.zip").write_bytes(damaged)
    with pytest.raises(UserError, match="is not as it was written"):
        compare_bundles(one, tmp_path / "damaged.zip")
