"""The case holds together: readings and scales are complete, and the study can be planned."""

from pathlib import Path

import pytest

from paper.case import CASE
from repro import plan_study

STUDIES = sorted(Path("ablations").glob("*.yaml"))


@pytest.mark.parametrize("file", [file for file in STUDIES if file.name != "common.yaml"], ids=str)
def test_a_study_can_be_planned(file: Path) -> None:
    assert plan_study(file, CASE).runs
