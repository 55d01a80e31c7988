"""What every test shares: one thread, so that workers do not fight over cores, and the longest tests first."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest

pytest_plugins = ("fault_table",)


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    import torch  # here, since the process that only hands tests to the workers needs none

    torch.set_num_threads(1)


LONGEST = (
    *("tests/runs/test_cluster.py", "tests/runs/", "tests/test_dvc.py", "tests/test_new_project.py"),
    *("tests/test_second_case.py", "tests/test_contributing.py"),
    *("tests/cases/medfe/training/test_distributed.py", "tests/test_report.py"),
)
"""Tests that start whole programs: begun last, they would keep one core busy while the other has nothing left."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts the longest tests first; the others keep their order."""
    items.sort(key=lambda item: not item.nodeid.startswith(LONGEST))
