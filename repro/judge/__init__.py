"""Verdicts on runs that others made, read from one tidy table.

`Loop` and `judge_log` referee loops of changes; they are loaded when they are first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from repro.judge.loop import Loop as Loop
    from repro.judge.loop_log import LogVerdict as LogVerdict
    from repro.judge.loop_log import judge_log as judge_log
    from repro.judge.loop_records import Decision as Decision

_PUBLIC = {
    "Decision": "repro.judge.loop_records",
    "LogVerdict": "repro.judge.loop_log",
    "Loop": "repro.judge.loop",
    "judge_log": "repro.judge.loop_log",
}

__all__ = sorted(_PUBLIC)


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_PUBLIC[name]), name)
