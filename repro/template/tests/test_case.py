"""The case holds together: readings and scales are complete, and the study can be planned."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from paper.case import CASE
from repro.audit.study.declaration import load_study
from repro.audit.study.planning import make_plan

STUDIES = sorted(Path("ablations").glob("*.yaml"))


@pytest.mark.parametrize("file", [file for file in STUDIES if file.name != "common.yaml"], ids=str)
def test_a_study_can_be_planned(file: Path) -> None:
    named = load_study(file, CASE.metrics)
    plan = make_plan(
        named, CASE.params, CASE.baseline(named.study), CASE.identify, datetime.now(UTC), CASE.metrics
    )
    assert plan.runs
