"""The case holds together: readings and scales are complete, and the study can be planned."""

from pathlib import Path

import pytest

from paper.case import CASE
from repro import plan_study

STUDIES = sorted(file for file in Path("ablations").glob("*.yaml") if file.stem not in ("common", "dvc"))


@pytest.mark.parametrize("file", STUDIES, ids=str)
def test_a_study_can_be_planned(file: Path) -> None:
    assert plan_study(file, CASE).runs
