"""Tables of many runs come back as they were, to the bit, in few bytes."""

import lzma

import numpy as np
import pandas as pd
import pytest

from repro.errors import UserError
from repro.kept.tables import pack_table, unpack_table


def rows(**changes: object) -> pd.DataFrame:
    table = pd.DataFrame(
        {
            "run": ["a-s0", "a-s0", "a-s1", "a-s1", "b-s0"],
            "train_fraction": [1.0, 0.5, 1.0, 0.5, 1.0],
            "unit": ["NA", "x,y", "NA", "x,y", 'only "b"'],
            "metric": ["m"] * 5,
            "value": [0.1, 1 / 3, np.nan, 1e-12, -0.0],
        }
    )
    return table.assign(**changes)


def rounded(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(value=[float(f"{value:.10g}") for value in table["value"]])


def test_a_table_comes_back_as_it_was() -> None:
    table = rounded(rows())
    back = unpack_table(pack_table(table), "rows")
    pd.testing.assert_frame_equal(back, table, check_like=True)
    assert pack_table(back) == pack_table(table)


def test_what_a_run_did_not_measure_is_not_what_it_got_no_number_for() -> None:
    back = unpack_table(pack_table(rows()), "rows")
    assert len(back) == 5
    assert back["value"].isna().sum() == 1


def test_an_empty_table_stays_one() -> None:
    assert unpack_table(pack_table(rows().head(0)), "rows").empty


def test_hundreds_of_runs_take_less_than_a_megabyte() -> None:
    """92 runs of 96 units by 6 metrics and two fractions, ten digits of 33 bits each: 0.44 MB at least."""
    draw = np.random.default_rng(0)
    runs, units = [f"variant{i}-s0" for i in range(92)], range(96)
    index = pd.MultiIndex.from_product([runs, [1.0, 0.5], units, list("abcdef")])
    table = index.to_frame(index=False, name=["run", "train_fraction", "unit", "metric"])
    packed = pack_table(table.assign(value=draw.normal(size=len(table))))
    assert len(packed) < 1_000_000


@pytest.mark.fault("damage", "bundle")
@pytest.mark.parametrize("packed", [b"", b"text", lzma.compress(b"no,header\n1,2\n"), lzma.compress(b"x" * 99)[:-4]])
def test_what_is_no_table_is_told(packed: bytes) -> None:
    with pytest.raises(UserError, match=r"rows\.csv\.xz is no table of runs"):
        unpack_table(packed, "rows.csv.xz")


@pytest.mark.fault("damage", "bundle")
def test_a_table_that_expands_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("repro.kept.tables.MOST_BYTES", 1 << 16)
    with pytest.raises(UserError, match="larger than a table of runs can be"):
        unpack_table(lzma.compress(b"0" * (1 << 24)), "rows")
