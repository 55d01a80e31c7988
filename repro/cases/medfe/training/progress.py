"""Progress of a training: on a terminal a bar with rate, remaining time and losses, elsewhere a line now and then."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

SHOWN = ("pixel", "structure", "texture", "perceptual", "style", "adversarial_global", "discriminator_global")
LINE_EVERY_SECONDS = 15


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:.1f} steps/s" if task.speed else "")


@contextmanager
def training_progress(
    steps: int, done: int, *, shown: bool = True
) -> Iterator[Callable[[int, dict[str, float]], None]]:
    """Yields a function that takes the step and its terms, and shows them on standard error if asked to."""
    console = Console(stderr=True, quiet=not shown)
    if done:
        console.print(f"resumed at step {done} of {steps}")
    columns: list[ProgressColumn] = [TextColumn("train"), BarColumn(), TextColumn("{task.completed}/{task.total}")]
    columns.append(_Rate())
    columns += [TimeRemainingColumn(), TextColumn("{task.fields[terms]}")]
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("train", total=steps, completed=done, terms="")
        started = spoken = time.monotonic()

        def tick(step: int, row: dict[str, float]) -> None:
            nonlocal spoken
            terms = "  ".join(f"{name} {row[name]:.3g}" for name in SHOWN if name in row)
            progress.update(task, completed=step, terms=terms)
            now = time.monotonic()
            if not console.is_terminal and (now - spoken > LINE_EVERY_SECONDS or step == steps):
                spoken = now
                rate = (step - done) / (now - started)
                left = (steps - step) / rate
                console.print(f"train {step}/{steps}  {rate:.1f} steps/s  {left:.0f} s left  {terms}", soft_wrap=True)

        yield tick
