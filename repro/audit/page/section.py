"""The sections of a study's page, in their order: one list, to which a case adds its own."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from repro.audit.page.subject import Subject


@dataclass(frozen=True)
class Section:
    """One section of the page.

    Attributes:
        name: short, as the notebook calls it.
        heading: as the reader sees it; empty: none of its own.
        show: "module:function", which takes the `Subject` and returns HTML.
        after: the section that it follows, where a case adds it; empty: the last one.
    """

    name: str
    heading: str
    show: str
    after: str = ""

    def make(self, subject: "Subject") -> str:
        """Returns the HTML of the section, without its heading."""
        module, _, function = self.show.partition(":")
        return str(getattr(import_module(module), function)(subject))


_PAGE = "repro.audit.page"
SECTIONS: Sequence[Section] = (
    Section("title", "", f"{_PAGE}.claims:show_title"),
    Section("opening", "", f"{_PAGE}.claims:show_opening"),
    Section("stack", "", f"{_PAGE}.stack:show_stack"),
    Section("verdicts", "The verdict per claim", f"{_PAGE}.claims:show_claim_verdicts"),
    Section("claims", "Claims", f"{_PAGE}.claims:show_claims"),
    Section("ledger", "Ledger", f"{_PAGE}.ledger:show_ledger"),
    Section("curve", "Specification curve", f"{_PAGE}.effects:show_curve"),
    Section("effects", "Effects", f"{_PAGE}.effects:show_effects"),
    Section("stability", "Stability of the verdicts", f"{_PAGE}.stability:show_stability"),
    Section("interactions", "Interactions", f"{_PAGE}.effects:show_interactions"),
    Section("variance", "Components of variance", f"{_PAGE}.uncertainty:show_variance"),
    Section("protocols", "Evaluation protocol", f"{_PAGE}.uncertainty:show_protocols"),
    Section("design", "Design", f"{_PAGE}.design:show_design"),
    Section("trust", "How far can this be trusted", f"{_PAGE}.trust:show_trust"),
    Section("failures", "Failures", f"{_PAGE}.runs:show_failures"),
    Section("cost", "Cost", f"{_PAGE}.runs:show_cost"),
    Section("questions", "Questions to the authors", f"{_PAGE}.uncertainty:show_questions"),
    Section("runs", "Runs", f"{_PAGE}.runs:show_runs"),
)


def arrange_sections(more: Iterable[Section] = ()) -> list[Section]:
    """Returns all sections in the order of the page.

    Args:
        more: a case's own; each goes behind the section that it names.

    Raises:
        ValueError: one follows a section that there is not, or has the name of another.
    """
    arranged = list(SECTIONS)
    for section in more:
        names = [item.name for item in arranged]
        if section.name in names:
            raise ValueError(f"two sections are called {section.name}")
        if section.after and section.after not in names:
            raise ValueError(f"section {section.name} follows {section.after}, which there is not: {', '.join(names)}")
        arranged.insert(names.index(section.after) + 1 if section.after else len(names), section)
    return arranged
