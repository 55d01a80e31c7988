"""A project in which every bad input is tried, and what each may cost."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from case_project import write_mean_files

LIMIT_S = 20.0
"""Of one input, on a machine that may have much else to do: most take milliseconds, and some hung for ever."""
BOMB = "a0: &a0 [x, x]\n" + "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 12))
"""Half a kilobyte that stands for 31 thousand million values."""
FILES = {
    "params.yaml": "average: {kind: mean, squared: false}\n"
    "numbers: {count: 100, noise: {spread: 0.1, outliers: 2}}\nseed: 0\n",
    "t.csv": "lr,seed,loss\na,0,1.01\na,1,1.12\na,2,1.23\nb,0,2.02\nb,1,2.11\nb,2,2.27\n",
    "bomb.yaml": BOMB,
    "self.yaml": "a: &a {b: *a}\n",
    "deep.yaml": "a: " + "[" * 1000,
    "long.yaml": "a: " + "x" * 300_000,
    "list.yaml": "- 1\n",
    "empty.yaml": "",
    "tag.yaml": "a: !!python/object/apply:os.system [date]\n",
    "date.yaml": "a: 2020-13-45\n",
    "twice.yaml": "a: 1\na: 2\n",
    "a.yaml": "lr: 1\n",
    "b.yaml": "lr: 2\n",
    "file": "x",
    "ablations/...yaml": "title: x\n",
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A project that has planned nothing, with files that are none of what they are given as."""
    root = tmp_path_factory.mktemp("project")
    write_mean_files(root)
    for name, text in FILES.items():
        (root / name).write_text(text)
    (root / "bin").write_bytes(bytes(range(256)))
    os.mkfifo(root / "fifo")
    os.mkfifo(root / "fifo.zip")
    (root / "site").mkdir()
    (root / "site" / "index.html").write_text("mine")
    (root / "folder").mkdir()
    (root / "folder" / "mine.txt").write_text("mine")
    (root / "loop").symlink_to("loop")
    before = Path.cwd()
    os.chdir(root)
    yield root
    os.chdir(before)


@pytest.fixture(autouse=True)
def _limit() -> Iterator[None]:
    """Ends what hangs."""

    def stop(*_: object) -> None:
        raise TimeoutError(f"no answer within {LIMIT_S:g} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, LIMIT_S)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)
