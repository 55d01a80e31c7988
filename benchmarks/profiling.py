"""Where the time of a call goes, by kind of work, as torch's profiler sees it on a CPU."""

from collections.abc import Callable
from typing import Final

from torch.profiler import ProfilerActivity, profile

KINDS: Final[dict[str, tuple[str, ...]]] = {
    "convolutions and matrix products": (
        "conv",
        "aten::mm",
        "bmm",
        "addmm",
        "baddbmm",
        "aten::mv",
        "addmv",
        "aten::dot",
    ),
    "windows laid out": ("im2col", "col2im"),
    "norms": ("batch_norm", "group_norm", "NormBackward"),
    "resizing and pooling": ("upsample", "pool", "_pad"),
    "optimiser": ("_fused_adam", "Optimizer", "zero_grad"),
    "copies and fills": ("copy", "cat", "fill", "zero", "clone", "contiguous", "empty", "resize"),
}
"""By part of an operation's name; the first that fits counts. The rest is elementwise work and the work of calling."""

REST: Final = "elementwise, sums, calling"


def share_by_kind(call: Callable[[], object]) -> dict[str, float]:
    """Returns each kind's share of the time of one call, which is warmed up before; shares sum to 1."""
    call()
    with profile(activities=[ProfilerActivity.CPU]) as measured:
        call()
    times = dict.fromkeys((*KINDS, REST), 0.0)
    for event in measured.key_averages():
        times[kind_of(event.key)] += event.self_cpu_time_total
    total = sum(times.values())
    return {kind: time / total for kind, time in times.items()}


def kind_of(operation: str) -> str:
    """Returns the kind that an operation of the profiler belongs to."""
    name = operation.lower()
    return next((kind for kind, parts in KINDS.items() if any(part.lower() in name for part in parts)), REST)
