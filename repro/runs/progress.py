"""How a sweep stands, shown: a live table on a terminal, a line for each run that ends elsewhere."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, NamedTuple

from rich.console import Console
from rich.live import Live
from rich.table import Table


class Standing(NamedTuple):
    """How a sweep stands.

    Attributes:
        runs: of the whole plan.
        done: have ended well, those of earlier sweeps included.
        diverged: have ended as their trainings did.
        failed: have ended with an error, those of earlier sweeps included.
        running: ids.
        ended: how many this sweep has ended, in any way.
        seconds: since its first run was started.
        slots: how many run at once.
        lost: have come to no end in this sweep, for trouble of the machine.
    """

    runs: int
    done: int
    diverged: int
    failed: int
    running: list[str]
    ended: int
    seconds: float
    slots: int
    lost: int = 0

    @property
    def per_minute(self) -> float:
        """Runs ended per minute."""
        return 60 * self.ended / self.seconds if self.seconds > 0 else 0.0

    @property
    def left_s(self) -> float | None:
        """Seconds until the last run, at the rate so far; None before the first one has ended."""
        left = self.runs - self.done - self.diverged - self.failed - self.lost
        return 60 * left / self.per_minute if self.per_minute else None


Show = Callable[[Standing, str], None]


def plain_console(file: IO[str] | None = None, width: int | None = None) -> Console:
    """Returns a console that prints brackets as they are: what a run says may hold some."""
    return Console(file=file, width=width, soft_wrap=True, markup=False)


@contextmanager
def shown(study: str, console: Console) -> Iterator[Show]:
    """Yields a function that takes how the sweep stands and, if a run has just ended, a line about it."""
    if not console.is_terminal:
        yield lambda standing, event: console.print(f"{event}  ({describe(standing)})") if event else None
        return
    with Live(console=console, refresh_per_second=4) as live:

        def show(standing: Standing, event: str) -> None:
            live.update(_table(study, standing))
            if event and not event.endswith(": ok"):
                live.console.print(event)

        yield show


def describe(standing: Standing) -> str:
    """Returns how a sweep stands, in one line."""
    parts = [f"{standing.done} of {standing.runs} done"]
    parts += [f"{standing.diverged} diverged"] if standing.diverged else []
    parts += [f"{len(standing.running)} running", f"{standing.failed} failed"]
    parts += [f"{standing.lost} lost"] if standing.lost else []
    if standing.left_s is not None:
        parts += [f"{standing.per_minute:.1f} runs/min", f"{duration(standing.left_s)} left"]
    return ", ".join(parts)


def duration(seconds: float) -> str:
    """Returns a length of time as people say it."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = seconds / 60
    return f"{minutes:.0f} min" if minutes < 90 else f"{minutes / 60:.1f} h"


def _table(study: str, standing: Standing) -> Table:
    table = Table(title=f"sweep of {study}", title_justify="left")
    names = ("runs", "done", "diverged", "running", "failed", "lost", "runs/min", "left")
    for name in names:
        table.add_column(name, justify="right")
    left = duration(standing.left_s) if standing.left_s is not None else ""
    counts = (standing.runs, standing.done, standing.diverged, len(standing.running), standing.failed, standing.lost)
    table.add_row(*map(str, counts), f"{standing.per_minute:.1f}" if standing.ended else "", left)
    table.caption = "  ".join(standing.running)
    return table
