"""What a training frees stays with its process."""

import platform
import subprocess
import sys
from pathlib import Path

import pytest

FAULTS = """
import resource
import numpy as np
from repro.pipeline.memory import keep_freed_memory
{keep}
for turn in range(20):
    if turn == 4:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    np.empty(2**25, np.uint8).fill(1)
    np.empty(2**26, np.uint8).fill(1)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def count_faults(keep: str) -> int:
    """Returns how often the system gave a page of memory to a process that frees and asks again."""
    code = FAULTS.format(keep=keep)
    command = [sys.executable, "-c", code]
    root = Path(__file__).parents[1]
    return int(subprocess.run(command, capture_output=True, text=True, check=True, cwd=root).stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="it is the allocator of glibc that is set")
def test_large_blocks_are_used_again() -> None:
    assert 10 * count_faults("keep_freed_memory()") < count_faults("")
