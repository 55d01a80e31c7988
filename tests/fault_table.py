"""A table of the faults that were tried: `pytest -n 0 -m fault`; a plugin of pytest that `conftest.py` names.

A test that is marked `fault(kind, what, bits=True)` tries one fault of a kind, and holds where it passes; with `bits`
it also shows that the outcome is the undisturbed one bit by bit. A test that tries many says so by the fixture `tried`.
What is counted travels in the properties of the test, and so comes back from the workers of xdist.
"""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple, Protocol

import pytest

KINDS = {
    "kill": "killed",
    "damage": "damaged or foreign file",
    "input": "bad input",
    "at once": "at once",
    "clone": "bundle on a second clone",
}
KILLS = 100
SHARES = {"sweep": 32, "dvc repro": 42, "adaptive sweep": 16, "Ray": 10}
"""How many of `KILLS` random kills each long test makes: every stage of `dvc repro` is hit by one in seven."""
MARKED, TRIED = "fault", "tried"


class Tried(Protocol):
    """Counts what a test has tried: whether it held, whether the bits are the undisturbed ones, and what was hit."""

    def __call__(self, *, held: bool = True, identical: bool | None = None, what: str = "") -> None: ...


class Count(NamedTuple):
    """How many faults were tried, and what has come of them."""

    tried: int = 0
    held: int = 0
    compared: int = 0
    identical: int = 0

    def plus(self, other: "Count") -> "Count":
        return Count(*map(sum, zip(self, other, strict=True)))


Counts = dict[str, dict[str, Count]]
"""By kind and by what was hit."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--kills", type=int, default=KILLS, help=f"random kills in all long tests together ({KILLS})")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Notes in the properties of each marked test what it tries.

    Raises:
        UsageError: a kind that the table does not have.
    """
    for item in items:
        mark = item.get_closest_marker(MARKED)
        if mark:
            kind, what, *_ = (*mark.args, "", "")
            if kind not in KINDS:
                raise pytest.UsageError(f"{item.nodeid}: there is no fault {kind!r}; there are: {', '.join(KINDS)}")
            item.user_properties.append((MARKED, [kind, what, bool(mark.kwargs.get("bits"))]))


@pytest.fixture
def tried(request: pytest.FixtureRequest) -> Tried:
    """Returns what a test calls once for each fault that it has tried."""
    counted: dict[str, list[Any]] = {}

    def count(*, held: bool = True, identical: bool | None = None, what: str = "") -> None:
        if what not in counted:
            counted[what] = [what, *Count()]
            request.node.user_properties.append((TRIED, counted[what]))
        for place, add in enumerate((True, held, identical is not None, bool(identical)), start=1):
            counted[what][place] += add

    return count


@pytest.fixture
def kills(request: pytest.FixtureRequest) -> dict[str, int]:
    """Returns how many processes each long test is to kill."""
    return share_kills(request.config.getoption("--kills"))


def share_kills(kills: int) -> dict[str, int]:
    """Shares a number of kills among the long tests; each makes one at least."""
    return {name: max(1, round(share * kills / sum(SHARES.values()))) for name, share in SHARES.items()}


def count_faults(passed: Iterable[pytest.TestReport], failed: Iterable[pytest.TestReport]) -> Counts:
    """Returns the counts by kind and by what was hit; a test that failed has one fault at least that did not hold."""
    broken = {report.nodeid: report for report in failed if isinstance(report, pytest.TestReport)}  # or never collected
    ended = {report.nodeid: report for report in passed} | broken
    counts: Counts = {}
    for nodeid, report in ended.items():
        for kind, what, tries in _read(report, nodeid not in broken):
            of_kind = counts.setdefault(kind, {})
            of_kind[what] = of_kind.get(what, Count()).plus(tries)
    return counts


def _read(report: pytest.TestReport, well: bool) -> Iterator[tuple[str, str, Count]]:
    marks = [value for name, value in report.user_properties if name == MARKED]
    if not marks:
        return
    kind, what, bits = marks[0]
    tries = [(each[0] or what, Count(*each[1:])) for name, each in report.user_properties if name == TRIED]
    yield from ((kind, *each) for each in tries)
    if well and not tries:
        yield kind, what, Count(1, 1, bits, bits)
    if not well and all(count.held == count.tried for _, count in tries):
        yield kind, what, Count(1, 0, bits, 0)


def show_table(counts: Counts) -> Iterator[str]:
    """Yields the lines of the table: one for each kind, and below it one for each thing that was hit."""
    yield f"{'':36}{'tried':>8}{'held':>8}{'bit-identical':>20}"
    for kind, title in KINDS.items():
        hit = counts.get(kind, {})
        total = Count()
        for each in hit.values():
            total = total.plus(each)
        yield _line(title, total)
        if set(hit) - {""}:
            yield from (
                _line(f"  {what or 'other'}", hit[what]) for what in sorted(hit, key=lambda what: (not what, what))
            )


def _line(title: str, count: Count) -> str:
    same = f"{count.identical} of {count.compared}" if count.compared else ""
    return f"{title:36}{count.tried:8}{count.held:8}{same:>20}"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Prints the table where the tests were chosen by the mark."""
    if MARKED in config.getoption("markexpr", ""):
        stats = terminalreporter.stats
        counts = count_faults(stats.get("passed", []), [*stats.get("failed", []), *stats.get("error", [])])
        terminalreporter.section("faults")
        for line in show_table(counts):
            terminalreporter.write_line(line.rstrip())
        skipped = sum(
            any(name == MARKED for name, _ in getattr(report, "user_properties", ()))
            for report in stats.get("skipped", [])
        )
        if skipped:
            terminalreporter.write_line(f"not tried, since their tests were skipped: {skipped}")
