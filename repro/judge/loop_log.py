"""What a loop's log of kept and discarded changes is worth, read from its table; a row a run.

A loop that keeps whatever is better than its best keeps noise: of k ideas that do nothing, tried once each, the i-th is
better than all before it, the baseline among them, with probability 1 / (i + 1), so that 1/2 + ... + 1/(k + 1) are kept
(14 ideas: 2.3). The log is held against this, each kept change against its predecessor, and the last idea is judged
by `Loop`.

Source: Renyi, Theorie des elements saillants d'une suite d'observations (1962), on records and their independence.
"""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
from scipy import stats

from repro.errors import UserError
from repro.judge.loop import Decision, Loop

if TYPE_CHECKING:
    import pandas as pd

LEVEL: Final = 0.05
IDEA: Final = ("commit", "idea", "change", "description")
STATUS: Final = "status"
KEEP, CRASH = "keep", "crash"
_NOT_METRICS: Final = ("memory", "seed", "step", "time", "second", "duration", "id", "run", "trial")
_LOWER: Final = ("loss", "err", "bpb", "perplexity", "ppl", "nll", "mse", "rmse", "mae", "wer", "fid")
_HIGHER: Final = ("acc", "score", "auc", "f1", "bleu", "reward", "return", "precision", "recall")
_DRAWS: Final = 20_000


class Kept(NamedTuple):
    """A change that the log kept, against what was kept before it."""

    idea: str
    against: str
    runs: int
    against_runs: int
    gain: float
    """In units of the metric, positive where it is better."""
    p: float
    """One-sided, times the number of ideas (Bonferroni); NaN without replicates."""
    most_sd: float
    """Standard deviation of a run below which it would stand."""

    @property
    def stands(self) -> bool | None:
        """Whether it is better than what noise does to the best of so many ideas; None: not known."""
        return None if math.isnan(self.p) else self.p <= LEVEL


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
    """Of a run, pooled within ideas, or as given; NaN: no idea has two runs."""
    df: float
    next: Decision

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
            else f"SD of a run {self.sd:.3g}" + (f" ({self.df:g} df)" if math.isfinite(self.df) else " (given)")
        )
        lines = [
            f"{self.ideas} ideas, {self.crashed} crashes, {len(self.kept)} kept; {self.expected:.1f} to be expected if "
            f"none did anything (at least {len(self.kept)} in {self.p_of_kept:.2g} of such loops); {noise}"
        ]
        words = {True: "stands", False: "is not told from noise", None: "cannot be judged"}
        for each in self.kept:
            against = f"against {each.against} (n = {each.runs}, {each.against_runs})"
            known = (
                f"p = {min(each.p, 1):.2g}"
                if each.stands is not None
                else f"stands if the SD of a run is below {each.most_sd:.3g}"
            )
            lines.append(f"  {each.idea}: gain {each.gain:.4g} {against}, {known}: {words[each.stands]}")
        again = f" {self.next.runs} of {self.next.of}" if self.next.runs else ""
        return "\n".join([*lines, f"{self.next.idea}: {self.next.verdict}{again}: {self.next.reason}"])


def judge_log(
    table: "pd.DataFrame",
    *,
    lower_is_better: bool | None = None,
    state: str | Path,
    metric: str = "",
    noise_sd: float = math.nan,
    horizon: int = 200,
) -> LogVerdict:
    """Judges a log, and its last idea.

    Args:
        table: in the order of running, a row a run: commit (or idea, change, description), a metric, status keep |
            discard | crash; empty for the idea that is to be judged. The first row is the baseline. Rows of one idea
            are its runs; those of a kept idea after the row that kept it are fresh.
        lower_is_better: the direction of the metric; None: by its name (loss, error, bpb, ... or accuracy, score, ...).
        state: file of the `Loop` that judges the last idea, made where there is none.
        metric: its column; empty: the first of numbers that is not named like memory, time or a seed.
        noise_sd: standard deviation of a run where it is known from elsewhere; it serves the kept changes only.
        horizon: of the loop.

    Returns:
        The verdict. Kept changes are held against noise by a one-sided t test with the standard deviation pooled within
        ideas, times the number of ideas. It takes the numbers of runs as chosen beforehand; that a predecessor was
        chosen by its runs makes what follows it look worse, not better.

    Raises:
        UserError: no such columns, no idea after the baseline, a value that is no number, a log that keeps what its
            loop did not.

    Example:
        >>> import pandas as pd, tempfile
        >>> rows = [("a", 1.0, "keep"), ("b", 0.9, "keep"), ("c", 1.1, "discard"), ("d", 0.8, "")]
        >>> log = pd.DataFrame(rows, columns=["commit", "loss", "status"])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     found = judge_log(log, lower_is_better=True, state=f"{folder}/loop.json")
        >>> round(found.expected, 2), found.kept[0].stands, found.next.verdict, found.next.runs, found.next.of
        (0.83, None, 'repeat', 10, 'b')
    """
    names, values, statuses, metric = _read(table, metric)
    if lower_is_better is None:
        lower_is_better = _find_direction(metric)
    runs: dict[str, list[float]] = {}
    state_of: dict[str, str] = {}
    used: dict[str, int] = {}
    for name, value, status in zip(names, values, statuses, strict=True):
        if status == CRASH and state_of.get(name) == KEEP:
            continue  # of the champion, run again
        runs.setdefault(name, []).append(math.nan if status == CRASH else value)
        if status == KEEP and state_of.get(name) != KEEP:
            used[name] = len(runs[name])
        if state_of.get(name) != KEEP:
            state_of[name] = status
    order = list(runs)
    baseline = order[0]
    used[baseline], state_of[baseline] = 0, KEEP
    if len(order) < 2:
        raise UserError(f"there is no idea after the baseline {baseline}\n  expected a row of another commit")
    last = _find_asked(order, state_of)
    crashed = [name for name in order if not all(map(math.isfinite, runs[name]))]
    tried = [name for name in order[1:] if name not in crashed and (state_of[name] or name != last)]
    kept = [name for name in tried if state_of[name] == KEEP]
    sd, df = _pool({name: runs[name] for name in order if name not in crashed}, noise_sd)
    sign = -1 if lower_is_better else 1
    expected, p_of_kept = _expect([len(runs[name]) for name in [baseline, *tried]], len(kept))
    return LogVerdict(
        metric=metric,
        ideas=len(tried),
        crashed=len(crashed),
        kept=tuple(
            _compare(name, before, runs, sign, sd, df, len(tried))
            for before, name in zip([baseline, *kept], kept, strict=False)
        ),
        expected=expected,
        p_of_kept=p_of_kept,
        sd=sd,
        df=df,
        next=_judge_last(Path(state), last, order, state_of, used, runs, lower_is_better, horizon),
    )


def _read(table: "pd.DataFrame", metric: str) -> tuple[list[str], list[float], list[str], str]:
    columns = [str(name) for name in table.columns]
    idea = next((name for name in IDEA if name in columns), "")
    if not idea or STATUS not in columns:
        raise UserError(f"no log of a loop: columns are {', '.join(columns)}\n  expected commit, a metric and status")
    if not metric:
        numbers = table.select_dtypes("number").columns
        free = [str(name) for name in numbers if not any(word in str(name).lower() for word in _NOT_METRICS)]
        if not free:
            raise UserError(f"no column of numbers is a metric: {', '.join(columns)}\n  name it with --outcome")
        metric = free[0]
    if metric not in columns:
        raise UserError(f"there is no column {metric}\n  expected one of {', '.join(columns)}")
    import pandas as pd

    statuses = table[STATUS].fillna("").astype(str).str.strip().str.lower().tolist()
    found = pd.to_numeric(table[metric], errors="coerce").astype(float).tolist()
    for row, (value, status) in enumerate(zip(found, statuses, strict=True), start=1):
        if not math.isfinite(value) and status != CRASH:
            raise UserError(
                f"row {row}: {metric} is {table[metric].iloc[row - 1]!r}\n  expected a number, or the status crash"
            )
    if statuses and statuses[0] == CRASH:
        raise UserError(
            "the first row, the baseline, is a crash\n  begin the log with a run of what changes start from"
        )
    return [str(name) for name in table[idea]], found, statuses, metric


def _find_direction(metric: str) -> bool:
    low, high = (any(word in metric.lower() for word in words) for words in (_LOWER, _HIGHER))
    if low == high:
        raise UserError(f"is a lower {metric} better?\n  say it with --outcome {metric}:lower or {metric}:higher")
    return low


def _find_asked(order: list[str], state_of: Mapping[str, str]) -> str:
    """Returns the idea that is to be judged: the last without a status, else the last."""
    return next((name for name in reversed(order[1:]) if state_of[name] not in (KEEP, "discard", CRASH)), order[-1])


def _pool(runs: Mapping[str, list[float]], noise_sd: float) -> tuple[float, float]:
    if math.isfinite(noise_sd):
        return noise_sd, math.inf
    repeated = [np.asarray(each) for each in runs.values() if len(each) > 1]
    df = sum(len(each) - 1 for each in repeated)
    squares = sum(float(each.var()) * len(each) for each in repeated)
    return (math.sqrt(squares / df), float(df)) if df and squares else (math.nan, math.nan)


def _expect(counts: list[int], kept: int) -> tuple[float, float]:
    """Returns how many keeps noise makes, and the chance of at least so many; counts: runs, the baseline's first."""
    if len(set(counts)) == 1:
        chances = 1 / np.arange(2, len(counts) + 1)
        distribution = np.ones(1)
        for chance in chances:
            distribution = np.convolve(distribution, [1 - chance, chance])
        return float(chances.sum()), float(distribution[kept:].sum())
    means = np.random.default_rng(0).standard_normal((_DRAWS, len(counts))) / np.sqrt(counts)
    records = (np.diff(np.maximum.accumulate(means, axis=1), axis=1) > 0).sum(axis=1)
    return float(records.mean()), float((records >= kept).mean())


def _compare(
    name: str, before: str, runs: Mapping[str, list[float]], sign: int, sd: float, df: float, ideas: int
) -> Kept:
    one, other = runs[name], runs[before]
    gain = sign * (float(np.mean(one)) - float(np.mean(other)))
    reach = math.sqrt(1 / len(one) + 1 / len(other))
    p = float(stats.t.sf(gain / (sd * reach), df)) * ideas if math.isfinite(sd) else math.nan
    return Kept(name, before, len(one), len(other), gain, p, gain / (float(stats.norm.isf(LEVEL / ideas)) * reach))


def _judge_last(
    file: Path,
    last: str,
    order: list[str],
    state_of: Mapping[str, str],
    used: Mapping[str, int],
    runs: Mapping[str, list[float]],
    lower_is_better: bool,
    horizon: int,
) -> Decision:
    place = order.index(last)
    champion = next(name for name in reversed(order[:place]) if state_of[name] == KEEP)
    loop = Loop(
        file,
        lower_is_better=lower_is_better,
        champion=champion,
        horizon=horizon,
        used=used[champion],
        earlier=place - 1,
    )
    if loop.champion not in (champion, last):
        raise UserError(
            f"the log keeps {champion}, and the loop of {file} keeps {loop.champion}\n"
            "  set the status of what it discarded, or remove that file to begin another loop"
        )
    return loop.judge(last, runs)
