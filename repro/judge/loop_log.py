"""What a loop's log of kept and discarded changes is worth: kept changes by `loop_worth`, the last idea by the rule.

found = judge_log("results.tsv")
print(found.to_text())
sys.exit(found.status)  # 0 keep, 10 discard, 11 repeat
"""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from repro.judge.loop_records import Decision
from repro.judge.loop_replay import judge_runs
from repro.judge.loop_table import Log, read_log
from repro.judge.loop_worth import Kept, compare_kept, expect_kept

if TYPE_CHECKING:
    import pandas as pd


class LogVerdict(NamedTuple):
    """What a log is worth."""

    metric: str
    ideas: int
    """Tried, without the baseline; crashes are none."""
    crashed: int
    kept: tuple[Kept, ...]
    expected: float
    """Keeps to be expected if no change did anything."""
    p_of_kept: float
    """Chance that at least as many are kept then."""
    sd: float
    """Of a run, pooled within ideas; NaN: no idea has two runs."""
    df: int
    next: Decision
    note: str = ""
    """What was left out of the table."""

    @property
    def status(self) -> int:
        """Exit status for a script, of the last idea."""
        return self.next.status

    def to_dict(self) -> dict[str, Any]:
        """Returns the verdict as JSON can hold it; what is not known is null."""

        def clean(found: Mapping[str, Any]) -> dict[str, Any]:
            return {
                name: None if isinstance(value, float) and not math.isfinite(value) else value
                for name, value in found.items()
            }

        kept = [clean(each._asdict() | {"stands": each.stands}) for each in self.kept]
        return clean(self._asdict()) | {"kept": kept, "next": clean(self.next._asdict()), "status": self.status}

    def to_text(self) -> str:
        """Returns the verdict as lines."""
        noise = (
            "no idea was run twice: nothing is known of noise"
            if math.isnan(self.sd)
            else f"SD of a run {self.sd:.3g} ({self.df} df)"
        )
        lines = [
            f"{self.ideas} ideas, {self.crashed} crashes, {len(self.kept)} kept; {self.expected:.1f} to be expected if "
            f"none did anything (at least {len(self.kept)} in {self.p_of_kept:.2g} of such loops); {noise}"
        ]
        words = {True: "stands", False: "is not told from noise", None: "cannot be judged"}
        for each in self.kept:
            against = f"against {each.against} (n = {each.runs}, {each.against_runs})"
            known = (
                f"p = {each.p:.2g}"
                if each.stands is not None
                else f"stands if the SD of a run is below {each.most_sd:.3g}"
            )
            lines.append(f"  {each.idea}: gain {each.gain:.4g} {against}, {known}: {words[each.stands]}")
        again = f" {self.next.runs} of {self.next.of}" if self.next.runs else ""
        lines += [self.note] if self.note else []
        return "\n".join([*lines, f"{self.next.idea}: {self.next.verdict}{again}: {self.next.reason}"])


def judge_log(
    source: "str | Path | pd.DataFrame",
    *,
    lower_is_better: bool | None = None,
    metric: str = "",
    tracking_uri: str | None = None,
) -> LogVerdict:
    """Judges a log, and its last idea; arguments and errors as of `loop_table.read_log` and `loop_replay.judge_runs`.

    The first row is the baseline. Rows of one idea are its runs; those of a kept idea after the row that kept it are
    fresh. A status is empty for the idea that is to be judged.

    Example:
        >>> import pandas as pd
        >>> rows = [("a", 1.0, "keep"), ("b", 0.9, "keep"), ("c", 1.1, "discard"), ("d", 0.8, "")]
        >>> found = judge_log(pd.DataFrame(rows, columns=["commit", "loss", "status"]))
        >>> round(found.expected, 2), found.kept[0].stands, found.next.verdict, found.next.runs, found.next.of
        (0.83, None, 'repeat', 8, 'b')
    """
    log = read_log(source, lower_is_better=lower_is_better, metric=metric, tracking_uri=tracking_uri)
    decision = judge_runs(log.runs, lower_is_better=log.lower_is_better)
    ideas, crashed, kept = _count(log)
    baseline, tried = next(iter(ideas)), [name for name in list(ideas)[1:] if ideas[name] and name not in crashed]
    if (
        decision.idea in tried
        and decision.idea not in kept
        and not any(run.said for run in log.runs if run.idea == decision.idea)
    ):
        tried.remove(decision.idea)  # it is being judged
    kept = {name: used for name, used in kept.items() if name in tried}
    repeated = [np.array(runs) for runs in ideas.values() if len(runs) > 1]
    df = sum(len(runs) - 1 for runs in repeated)
    squares = sum(float(runs.var()) * len(runs) for runs in repeated)
    sd = math.sqrt(squares / df) if squares else math.nan
    expected, p_of_kept = expect_kept([len(ideas[name]) for name in [baseline, *tried]], len(kept))
    sign = -1 if log.lower_is_better else 1
    pairs = zip([(baseline, 0), *kept.items()], kept, strict=False)
    return LogVerdict(
        metric=log.metric,
        ideas=len(tried),
        crashed=len(crashed),
        kept=tuple(
            compare_kept(name, ideas[name], before, ideas[before][used:] or ideas[before], sign, sd, df, len(tried))
            for (before, used), name in pairs
        ),
        expected=expected,
        p_of_kept=p_of_kept,
        sd=sd,
        df=df,
        next=decision,
        note=log.note,
    )


def _count(log: Log) -> tuple[dict[str, list[float]], set[str], dict[str, int]]:
    """Returns the runs of each idea that did not crash, the ideas that did, and by how many runs each was kept."""
    ideas: dict[str, list[float]] = {}
    crashed: set[str] = set()
    kept: dict[str, int] = {}
    for run in log.runs:
        runs = ideas.setdefault(run.idea, [])
        if math.isfinite(run.value):
            runs.append(run.value)
        elif run.idea not in kept and run.idea != log.runs[0].idea:
            crashed.add(run.idea)
        if run.said == "keep":
            kept.setdefault(run.idea, len(runs))
    return ideas, crashed, kept
