"""The section on a stack, on a study of known truth: a and b are needed, c and d are not."""

from collections.abc import Mapping
from typing import Any

import pytest
from simulated_factorial import Noise, linear, make_plan, simulate, two_levels

from repro.audit.page.stack import show_stack
from repro.audit.page.subject import Subject
from repro.audit.statistics.analysis import analyse
from repro.audit.study.declaration import Study
from repro.audit.study.designs import stack_mixtures


def make_subject(without: tuple[str, ...] = (), seeds: int = 6, **change: Any) -> Subject:
    levels = two_levels(6)
    rows: list[Mapping[str, Any]] = list(stack_mixtures(levels, seed=0)[1])
    if without:
        rows.append(dict.fromkeys(without, "yes"))
    plan = make_plan(levels, "random", seeds=seeds, rows=rows)
    base = {"settings": {"a": "yes"}, "without": list(without)}
    declared = plan.declaration | {"design": "stack", "variants": None, "base": base} | change
    plan = plan.model_copy(update={"declaration": Study.model_validate(declared).model_dump(mode="json")})
    results = simulate(plan, linear(a=-1.0, b=-0.8), Noise(run=0.03))
    return Subject(plan, results, analyse(plan, results), {})


def test_the_first_sentence_says_what_is_needed_and_what_to_do_next() -> None:
    shown = show_stack(make_subject())
    assert "2 of 6 parts are needed (a, b); 4 not needed (c, d, e, f)" in shown
    assert "not confirmed by runs of its own: the whole without c, d, e, f" in shown
    assert "<code>without: [c, d, e, f]</code>" in shown
    assert "Not tested" in shown


def test_the_declared_smallest_stack_is_tested() -> None:
    shown = show_stack(make_subject(("c", "d", "e", "f")))
    assert "The smallest stack equivalent to the whole within 0.1: the whole without c, d, e, f." in shown
    assert "CONFIRMED" in shown
    assert "To test it" not in shown


def test_other_studies_have_no_such_section() -> None:
    subject = make_subject()
    declaration = {**subject.plan.declaration, "design": "random", "variants": 2}
    del declaration["base"]
    assert show_stack(subject._replace(plan=subject.plan.model_copy(update={"declaration": declaration}))) == ""


@pytest.mark.parametrize("seeds", [1, 2])
def test_few_seeds_say_that_little_is_told(seeds: int) -> None:
    assert "parts are needed" in show_stack(make_subject(seeds=seeds))
