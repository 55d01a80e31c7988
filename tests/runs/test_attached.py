"""Processes that end with the one that has started them: by its end, by its word, and with all that they started."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from repro.runs.attached import Attached
from sweep_project import children_of, kill, wait_for

CHILD = """
import subprocess, sys
from repro.runs.attached import stay_attached
stay_attached()
subprocess.run([sys.executable, "-c", "import time; time.sleep(60)"])
"""
PARENT = """
import signal, sys
from repro.runs.attached import Attached
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs start without
attached = Attached([sys.executable, "-c", sys.argv[1]])
print(attached.process.pid, flush=True)
attached.wait()
"""


def is_alive(process: int) -> bool:
    """Tells whether a process runs; one that has ended and that nobody waits for does not."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.fault("kill", "stage that is waited for")
@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_nothing_outlives_the_process_that_waits(end: signal.Signals) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, CHILD], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    wait_for(lambda: children_of(child))
    family = [child, *children_of(child)]
    parent.send_signal(end)
    parent.communicate(timeout=30)
    wait_for(lambda: not any(map(is_alive, family)), seconds=5)


@pytest.mark.fault("kill", "stage that is waited for")
def test_what_a_killed_process_has_started_ends_with_it() -> None:
    attached = Attached([sys.executable, "-c", CHILD])
    wait_for(lambda: children_of(attached.process.pid))
    (orphan,) = children_of(attached.process.pid)
    kill(attached.process.pid)
    assert attached.wait() == -signal.SIGKILL
    wait_for(lambda: not is_alive(orphan), seconds=5)


def test_the_exit_status_is_told_and_what_was_said_can_be_read_before() -> None:
    attached = Attached([sys.executable, "-c", "print('said'); raise SystemExit(3)"], stdout=subprocess.PIPE, text=True)
    assert attached.communicate()[0] == "said\n"
    assert (attached.wait(), attached.wait(), attached.is_running) == (3, 3, False)
