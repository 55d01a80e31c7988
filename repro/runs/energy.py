"""The energy that a process has used, where the machine counts it: Intel's counters, and NVIDIA's. Moves no result."""

import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

COUNTERS = Path("/sys/class/powercap")
STATISTICS = Path("/proc/stat")


class EnergyMeter:
    """Measures from when it is made.

    A counter counts the whole machine; of what the processors used, a process is charged the share of their busy time
    that was its own. A GPU is charged whole to the one process that asks, so that runs which share one say too much.
    """

    def __init__(self, counters: Path = COUNTERS) -> None:
        self._domains = [folder for folder in sorted(counters.glob("intel-rapl:*")) if folder.name.count(":") == 1]
        self._started_uj = self._read()
        self._started_busy_s, self._started_own_s = _busy_s(), time.process_time()
        self._gpu_mj = _gpu_counter()
        self._started_gpu_mj = self._gpu_mj() if self._gpu_mj else 0

    def joules(self) -> float | None:
        """Returns the joules since the start; None where the processors' energy cannot be read."""
        uj = self._read()
        busy_s, own_s = _busy_s() - self._started_busy_s, time.process_time() - self._started_own_s
        if not uj or len(uj) != len(self._started_uj) or busy_s <= 0:
            return None
        used_uj = sum(now - before for now, before in zip(uj, self._started_uj, strict=True) if now >= before)
        gpu_mj = self._gpu_mj() - self._started_gpu_mj if self._gpu_mj else 0
        return used_uj / 1e6 * min(1.0, own_s / busy_s) + gpu_mj / 1e3

    def _read(self) -> list[int]:
        try:
            return [int((folder / "energy_uj").read_text()) for folder in self._domains]
        except (OSError, ValueError):
            return []


def _busy_s() -> float:
    """Returns how long all processors together have been busy since the machine started; 0 where nobody says."""
    with suppress(OSError, ValueError):
        user, nice, system = STATISTICS.read_text().split(maxsplit=4)[1:4]
        return (int(user) + int(nice) + int(system)) / os.sysconf("SC_CLK_TCK")
    return 0.0


def _gpu_counter() -> Callable[[], int] | None:
    """Returns what reads the energy of the first GPU in millijoules; None without one, or without its library."""
    try:
        import pynvml  # type: ignore[import-not-found]  # comes with some installations of torch, and is not asked for

        pynvml.nvmlInit()
        device = pynvml.nvmlDeviceGetHandleByIndex(0)
        pynvml.nvmlDeviceGetTotalEnergyConsumption(device)
    except Exception:  # the library raises errors of its own kinds
        return None
    return lambda: int(pynvml.nvmlDeviceGetTotalEnergyConsumption(device))
