"""What a run of a study costs beside its steps: processor time by phase, forked as in a sweep, and as a command.

The run has the params of the scale `screening` and few steps, in a tree of its own. `python -m benchmarks.fixed_cost
command` and `... forked` make it there and print seconds by phase; what is loaded before a fork is not in them.
"""

import functools
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from benchmarks.run import RUN, write_tree
from benchmarks.timing import Row, read_apart
from repro import paths
from repro.runs.fork_server import LIBRARIES

PAIRS: Final = 3
LIMIT_S: Final = 2.0
MEDFE: Final = "repro.cases.medfe"
PHASES: Final = {
    "steps": (
        (f"{MEDFE}.training.step", "AdversarialTrainer.step"),
        (f"{MEDFE}.training.prefetch", "Prefetcher.batch"),
    ),
    "set-up": (
        ("repro.runs.run", "load_run_params"),
        ("repro.runs.run", "read_given"),
        (f"{MEDFE}.training.loop", "describe_environment"),
        (f"{MEDFE}.training.loop", "resume_key"),
        (f"{MEDFE}.training.trainer", "Trainer.__init__"),
    ),
    "validation": ((f"{MEDFE}.training.trainer", "Trainer._validate"),),
    "evaluation half-way": ((f"{MEDFE}.evaluation.study_run", "measure_half"),),
    "evaluation at the end": (
        (f"{MEDFE}.evaluation.study_run", "measure_fill"),
        (f"{MEDFE}.evaluation.study_run", "write_fills"),
    ),
    "writing": (
        (f"{MEDFE}.training.training_state", "TrainingStateFile.save"),
        (f"{MEDFE}.training.loop", "write_outputs"),
        ("repro.runs.run", "write_rows"),
        ("repro.runs.run", "write_protocol_rows"),
        ("repro.runs.run", "write_record"),
    ),
}
"""The functions that make up each phase; what one of them calls counts to it."""


def rows() -> Iterator[Row]:
    """Yields a row for each phase, and one for all that is no step."""
    with tempfile.TemporaryDirectory() as name:
        tree = Path(name)
        write_tree(tree, "screening")
        measured = [(_make(tree, "forked"), _make(tree, "command")) for _ in range(PAIRS)]
    for phase in ("loading", *PHASES, "other", "all but steps"):
        ours, reference = (statistics.median(pair[side][phase] for pair in measured) for side in (0, 1))
        bound = f"{LIMIT_S} s" if phase == "all but steps" else ""
        work = f"a run at screening, 1 thread: {phase}"
        yield Row(work, f"{ours:.2f} s, forked", f"{reference:.2f} s, as a command", None, None, bound)


def _make(tree: Path, how: str) -> dict[str, float]:
    for folder in (paths.RESULTS, Path(".repro")):
        shutil.rmtree(tree / folder, ignore_errors=True)
    return read_apart("benchmarks.fixed_cost", how, folder=tree, changes=dict.fromkeys(LIBRARIES, "1"))


def main(how: str) -> None:
    """Makes the run, and prints the seconds of processor time of each phase."""
    from repro.runs import run as run_stage

    import_module(f"{MEDFE}.study")
    if how == "forked":
        from repro.case import load_case
        from repro.runs.code import hash_code

        hash_code(load_case())
        child = os.fork()
        if child:
            os.waitpid(child, 0)
            return
    seconds = {"loading": time.process_time() if how == "command" else 0.0}
    for phase, functions in PHASES.items():
        seconds[phase] = 0.0
        for module, name in functions:
            _time(import_module(module), name, seconds, phase)
    sys.argv = [run_stage.__file__, RUN]
    run_stage.main()
    whole = time.process_time()
    seconds["other"] = whole - sum(seconds.values())
    seconds["all but steps"] = whole - seconds["steps"]
    print(json.dumps(seconds), flush=True)


def _time(module: Any, name: str, seconds: dict[str, float], phase: str) -> None:
    """Has a function or method add its processor time to a phase, unless another one has called it."""
    *owners, attribute = name.split(".")
    owner = functools.reduce(getattr, owners, module)
    function: Callable[..., Any] = getattr(owner, attribute)

    @functools.wraps(function)
    def timed(*args: Any, **options: Any) -> Any:
        counted, started = dict(seconds), time.process_time()
        try:
            return function(*args, **options)
        finally:
            seconds.update(counted)  # what was counted within is this phase's
            seconds[phase] += time.process_time() - started

    setattr(owner, attribute, timed)


if __name__ == "__main__":
    main(sys.argv[1])
