"""A referee for a loop of changes: keep, discard or repeat, from the loop's own log and nothing else.

The log, a row a run in the order of running, is the whole state; `loop_replay` decides from it. A killed loop goes on
where it was, any number may read at once, and to ask again gives the same answer. `Loop` keeps such a log for those who
have none, or adds to the one that they have.

    loop = Loop("results.tsv", lower_is_better=True)
    decision = loop.add("warm-up", 0.991)  # the first idea of a log is its baseline
    sys.exit(decision.status)  # 0 keep, 10 discard, 11 repeat: decision.runs of decision.of
"""

import csv
import io
import math
from pathlib import Path
from typing import Final

from repro.errors import UserError
from repro.judge.loop_records import Decision

HEADER: Final = ("idea", "value", "status", "run")


class Loop:
    """A loop of changes whose log is a file, tab-separated, a row a run.

    Args:
        file: of the log; made at the first run, with columns idea, value, status, run. One that is there may have
            other columns, those of `loop_table`.
        lower_is_better: the direction of the metric; None: by its name.
        metric: its column; empty: the first of numbers that can be one.
    """

    def __init__(self, file: str | Path, *, lower_is_better: bool | None = None, metric: str = "") -> None:
        self.file, self.lower_is_better, self.metric = Path(file), lower_is_better, metric

    def judge(self, idea: str | None = None) -> Decision:
        """Decides on an idea, or on the one that the last run concerns.

        Raises:
            UserError: the log is none, or nothing in it can be judged.
        """
        from repro.judge.loop_replay import judge_runs
        from repro.judge.loop_table import read_log

        log = read_log(self.file, lower_is_better=self.lower_is_better, metric=self.metric)
        return judge_runs(log.runs, lower_is_better=log.lower_is_better, idea=idea)

    def add(self, idea: str, value: float, run: str = "") -> Decision:
        """Adds a run to the log, durably, and decides on the idea that it concerns.

        Args:
            idea: its name: a commit, a sentence; one name, one idea.
            value: of the metric; one that is not finite is a crash.
            run: what names this run, e.g. its seed. To add a run of one name again changes nothing, so that who was
                killed may add it again.

        Returns:
            The decision; after a run of the champion, the one on the idea that waited for it. Before there is any
            idea it asks to repeat the baseline.

        Raises:
            UserError: the log is none, its last line is half written, or the run is there with another value.
        """
        from filelock import FileLock

        from repro.judge.loop_replay import judge_runs
        from repro.judge.loop_table import read_log

        idea, run = (" ".join(str(text).split()) for text in (idea, run))
        if not idea:
            raise UserError("an idea has no name\n  expected a commit, or a few words")
        self.file.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(self.file.with_name(f"{self.file.name}.lock")):
            self._append(idea, float(value), run)
            log = read_log(self.file, lower_is_better=self.lower_is_better, metric=self.metric)
        baseline = log.runs[0].idea
        if all(each.idea == baseline for each in log.runs):
            return Decision("repeat", baseline, "it is the baseline, and no idea follows it", 1, baseline)
        return judge_runs(log.runs, lower_is_better=log.lower_is_better)

    def _append(self, idea: str, value: float, run: str) -> None:
        from repro.judge.loop_table import find_columns
        from repro.storage import written_file

        text = self.file.read_text(encoding="utf-8") if self.file.exists() else ""
        if text and not text.endswith("\n"):
            raise UserError(f"{self.file}: the last line has no end\n  complete or remove it, and add the run again")
        rows = list(csv.reader(io.StringIO(text), delimiter="\t")) or [list(HEADER)]
        columns = find_columns({name.strip().lower(): name for name in rows[0]}, rows[0], self.metric)
        cells = dict.fromkeys(rows[0], "") | {
            columns.idea: idea,
            columns.metric: repr(value) if math.isfinite(value) else "",
        }
        if not math.isfinite(value):
            cells[columns.status or "status"] = "crash"
        cells |= {"run": run} if run else {}
        if missing := set(cells) - set(rows[0]):
            raise UserError(f"{self.file} has no column {min(missing)}\n  add it to the header")
        new = [cells[name] for name in rows[0]]
        for number, row in enumerate(rows[1:], start=2):
            known = dict(zip(rows[0], row, strict=False))
            if run and (known[columns.idea], known.get("run")) == (idea, run):
                if known[columns.metric] != cells[columns.metric]:
                    was = known[columns.metric] or "a crash"
                    raise UserError(f"{self.file}, line {number}: run {run} of {idea} is {was}, not {value}")
                return
        lines = io.StringIO()
        csv.writer(lines, delimiter="\t", lineterminator="\n").writerows([new] if text else [*rows, new])
        with written_file(self.file) as partial:
            partial.write_text(text + lines.getvalue(), encoding="utf-8")
