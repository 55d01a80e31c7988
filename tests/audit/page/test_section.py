"""The order of a page's sections."""

import pytest

from repro.audit.page.section import SECTIONS, Section, arrange_sections
from repro.case import import_attribute

NAMES = [section.name for section in SECTIONS]


def arranged(*more: Section) -> list[str]:
    return [section.name for section in arrange_sections(more)]


def test_without_a_case_the_sections_are_the_page_s_own() -> None:
    assert arranged() == NAMES
    assert len(set(NAMES)) == len(NAMES)


def test_a_section_stands_behind_the_one_that_it_names() -> None:
    place = NAMES.index("effects") + 1
    assert arranged(Section("mine", "Mine", "a:b", "effects")) == [*NAMES[:place], "mine", *NAMES[place:]]
    assert arranged(Section("mine", "Mine", "a:b")) == [*NAMES, "mine"]
    both = arranged(Section("mine", "Mine", "a:b"), Section("next", "Next", "a:b", "mine"))
    assert both == [*NAMES, "mine", "next"], "one of a case's own can be named too"


def test_what_cannot_be_arranged_is_refused() -> None:
    with pytest.raises(ValueError, match="section mine follows nothing, which there is not: title, opening"):
        arranged(Section("mine", "Mine", "a:b", "nothing"))
    with pytest.raises(ValueError, match="two sections are called effects"):
        arranged(Section("effects", "Mine", "a:b"))
    with pytest.raises(ValueError, match="two sections are called mine"):
        arranged(Section("mine", "Mine", "a:b"), Section("mine", "Mine", "a:b"))


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.name)
def test_what_shows_a_section_is_there(section: Section) -> None:
    assert callable(import_attribute(section.show, section.name))
