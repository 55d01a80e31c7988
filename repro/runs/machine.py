"""What the last bits of a run's numbers may depend on, as far as any process can tell: recorded with every run."""

import os
import platform
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

_WIDEST = (("avx512f", "AVX512"), ("avx2", "AVX2"), ("avx", "AVX"), ("sse4_2", "SSE4.2"), ("asimd", "NEON"))
"""Flags of a processor, the widest instructions first, and what these are called."""


def describe_machine() -> dict[str, Any]:
    """Returns Python, processor, its widest instructions, threads, and the versions of the modules that are loaded."""
    model, flags = _read_processor()
    return {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "processor": model,
        "instructions": next((name for flag, name in _WIDEST if flag in flags), "unknown"),
        "threads": os.environ.get("OMP_NUM_THREADS", "unset"),
        "modules": _versions(),
    }


def _read_processor() -> tuple[str, set[str]]:
    told: dict[str, str] = {}
    with suppress(OSError):  # not Linux
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").split("\n\n")[0].splitlines():
            name, _, value = line.partition(":")
            told[name.strip()] = value.strip()
    flags = told.get("flags") or told.get("Features") or ""
    return told.get("model name") or platform.processor() or "unknown", set(flags.split())


def _versions() -> dict[str, str]:
    """Returns the version of each loaded module that names one; those of Python come with it."""
    loaded = {name: module for name, module in sys.modules.items() if "." not in name}
    told = {
        name: vars(module).get("__version__")
        for name, module in loaded.items()
        if not name.startswith("_") and name not in sys.stdlib_module_names
    }
    return {name: value for name, value in sorted(told.items()) if isinstance(value, str)}
