"""The examples in the docstrings of the public face and of `repro.audit` run, and the dense statistics have some."""

import doctest
import pkgutil
from importlib import import_module
from types import ModuleType

import pytest

import repro.audit

PUBLIC = ["repro", "repro.case", "repro.paper_case"]
MODULES = PUBLIC + [
    found.name for found in pkgutil.walk_packages(repro.audit.__path__, "repro.audit.") if not found.ispkg
]
DENSE = (
    *("error_terms", "linear_model", "paired", "effects", "multiplicity", "power", "variance_components", "outcomes"),
    *("tasks", "task_scores", "aggregate_scores"),
)
"""Rooms of the statistics whose numbers one cannot guess from the code."""


def run_examples(module: ModuleType) -> doctest.TestResults:
    return doctest.testmod(module, optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS)


@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name: str) -> None:
    assert run_examples(import_module(name)).failed == 0


@pytest.mark.parametrize("name", DENSE)
def test_dense_statistics_have_an_example(name: str) -> None:
    assert run_examples(import_module(f"repro.audit.statistics.{name}")).attempted > 0


def test_an_example_that_is_wrong_is_found_out() -> None:
    module = ModuleType("wrong", ">>> 1 + 1\n3\n")
    assert run_examples(module).failed == 1
