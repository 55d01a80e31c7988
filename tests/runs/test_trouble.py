"""Trouble of the machine told from a run's own failure: by real errors, by what libraries say, and by signals."""

import errno
import os
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from case_project import PROJECT_FILE, STUDY, write_mean_files, write_mean_project
from repro import paths
from repro.case import Case, load_case
from repro.errors import UserError
from repro.runs import code
from repro.runs.inputs import find_keys, folders_of
from repro.runs.record import failure_file, log_file, read_record
from repro.runs.run import LOST, make_run
from repro.runs.trouble import is_own_end, is_trouble
from repro.runs.workers import Ended

RUN = "0123456789-s0"
TROUBLE = [
    OSError(errno.ENOSPC, "No space left on device"),
    PermissionError(errno.EACCES, "Permission denied"),
    OSError(errno.EROFS, "Read-only file system"),
    OSError(errno.EDQUOT, "Disk quota exceeded"),
    OSError(errno.EIO, "Input/output error"),
    OSError(errno.EMFILE, "Too many open files"),
    ConnectionResetError(errno.ECONNRESET, "Connection reset by peer"),
    MemoryError(),
    OSError("Caught OSError in DataLoader worker process 0.\nOSError: [Errno 28] No space left on device"),
    RuntimeError("CUDA out of memory. Tried to allocate 20.00 MiB. GPU 0 has a total capacity of 79.11 GiB"),
    RuntimeError("MPS backend out of memory (MPS allocated: 5 GB)"),
    RuntimeError("[enforce fail at alloc_cpu.cpp:121] err == 0. DefaultCPUAllocator: can't allocate memory: you tried"),
    RuntimeError("DataLoader worker (pid 17) is killed by signal: Killed. "),
    RuntimeError("DataLoader worker (pid(s) 17, 18) exited unexpectedly"),
    RuntimeError("PytorchStreamWriter failed writing file data/0: file write failed"),
    RuntimeError("[enforce fail at inline_container.cc:664] . unexpected pos 64 vs 0"),
    RuntimeError("unable to open shared memory object </torch_17> in read-write mode: No space left on device (28)"),
    RuntimeError("No CUDA GPUs are available"),
    RuntimeError("CUDA error: uncorrectable ECC error encountered"),
    RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    RuntimeError("CUDA error: unspecified launch failure"),
    RuntimeError("can't start new thread"),
]
OWN = [
    ValueError("no such option"),
    ZeroDivisionError("division by zero"),
    FileNotFoundError(errno.ENOENT, "No such file or directory"),
    IsADirectoryError(errno.EISDIR, "Is a directory"),
    OSError("image file is truncated"),
    RuntimeError("CUDA error: device-side assert triggered"),
    RuntimeError("mat1 and mat2 shapes cannot be multiplied (2x3 and 4x5)"),
    RuntimeError("Expected all tensors to be on the same device"),
    ValueError("the word out of memory in another error"),
    UserError("no such option"),
    KeyError("CUDA out of memory"),
    SystemExit("no such option"),
]


def named(error: BaseException) -> str:
    return f"{type(error).__name__} {str(error)[:40]}"


def raise_it(error: BaseException) -> None:
    raise error


def tell_in_its_place(error: BaseException) -> None:
    try:
        raise error
    except BaseException as raised:
        raise UserError("the photographs cannot be read") from raised


def tell_and_hide_it(error: BaseException) -> None:
    try:
        raise error
    except BaseException:
        raise UserError("the photographs cannot be read") from None


def fail_beside_it(error: BaseException) -> None:
    try:
        raise error
    except BaseException:
        raise ValueError("no such option")  # noqa: B904


@pytest.mark.parametrize("error", TROUBLE, ids=named)
@pytest.mark.parametrize("behind", [raise_it, tell_in_its_place, tell_and_hide_it])
def test_trouble_of_the_machine_is_told(error: Exception, behind: Callable[[BaseException], None]) -> None:
    with pytest.raises((type(error), UserError)) as told:
        behind(error)
    assert is_trouble(told.value)


@pytest.mark.parametrize("error", OWN, ids=named)
def test_a_failure_of_the_run_is_none(error: BaseException) -> None:
    assert not is_trouble(error)


def test_an_error_beside_trouble_that_was_dealt_with_is_the_runs_own() -> None:
    with pytest.raises(ValueError, match="no such option") as told:
        fail_beside_it(TROUBLE[0])
    assert not is_trouble(told.value)


def write_to_full_device() -> None:
    with open("/dev/full", "w") as stream:  # noqa: PTH123
        stream.write("text")


def allocate_too_much() -> None:
    bytearray(1 << 60)


def kill_worker_of_pool() -> None:
    with ProcessPoolExecutor(1) as pool:
        pool.submit(os.kill, *(pool.submit(os.getpid).result(), signal.SIGKILL)).result()


def save_cut_short() -> None:
    np.zeros(1 << 16).tofile("/dev/full")


def open_too_many() -> None:
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/proc/self/fd")), limits[1]))  # noqa: PTH208
    held = []
    try:
        while True:
            held.append(os.open("/dev/null", os.O_RDONLY))
    finally:
        for each in held:
            os.close(each)
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


@pytest.mark.parametrize(
    "cause",
    [write_to_full_device, save_cut_short, kill_worker_of_pool, allocate_too_much, open_too_many],
)
def test_real_trouble_is_told(cause: Callable[[], None]) -> None:
    with pytest.raises((OSError, MemoryError, RuntimeError)) as told:
        cause()
    assert is_trouble(told.value)


def test_a_file_on_a_full_disk_as_torch_writes_it_is_trouble() -> None:
    import torch

    with pytest.raises((OSError, RuntimeError)) as told:
        torch.save(torch.zeros(1 << 16), "/dev/full")
    assert is_trouble(told.value)


@pytest.mark.parametrize(
    ("code_of", "status", "lost"),
    [
        ("os.kill(os.getpid(), signal.SIGKILL)", -signal.SIGKILL, True),
        ("os.kill(os.getpid(), signal.SIGTERM)", -signal.SIGTERM, True),
        ("os.kill(os.getpid(), signal.SIGBUS)", -signal.SIGBUS, True),
        ("os.abort()", -signal.SIGABRT, False),
        ("import ctypes; ctypes.string_at(0)", -signal.SIGSEGV, False),
    ],
)
def test_a_process_that_was_ended_from_outside_is_lost(code_of: str, status: int, lost: bool) -> None:
    done = subprocess.run([sys.executable, "-c", f"import os, signal; {code_of}"], capture_output=True, check=False)
    assert done.returncode == status
    assert Ended.by("a", done.returncode) == Ended("a", f"killed by signal {-status}", lost)
    assert is_own_end(-status) is not lost


@pytest.fixture
def case(tmp_path: Path, monkeypatch) -> Case:
    """Returns a case without torch in a folder where its shared inputs are made."""
    write_mean_files(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    (tmp_path / "repro").symlink_to(paths.PROJECT / "repro")
    shutil.copy(paths.PROJECT / PROJECT_FILE, "other.toml")
    case = load_case()
    for folder in folders_of(find_keys(case, params_of(case))).values():
        folder.mkdir(parents=True)
    code.main()
    return case


def params_of(case: Case):
    values = {"average": {"kind": "mean", "squared": False}, "seed": 0}
    return case.params.model_validate(values | {"numbers": {"count": 1, "noise": {"spread": 0.1, "outliers": 0}}})


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "OSError: [Errno 28] No space left on device"),
        (MemoryError(), "MemoryError"),
        (RuntimeError("CUDA out of memory. Tried"), "RuntimeError: CUDA out of memory. Tried"),
    ],
)
def test_a_run_that_the_machine_has_ended_is_no_outcome(case: Case, monkeypatch, error: Exception, said: str) -> None:
    failure_file(RUN).parent.mkdir(parents=True, exist_ok=True)
    failure_file(RUN).write_text("of an attempt before")
    monkeypatch.setattr(type(case), "run", lambda *_: (_ for _ in ()).throw(error))
    with pytest.raises(UserError) as told:
        make_run(case, RUN, params_of(case))
    assert str(told.value) == f"{LOST}: {said}"
    assert read_record(RUN) is None
    assert not failure_file(RUN).exists()
    assert not (paths.RUNS / RUN).exists()
    assert not log_file(RUN).exists()


@pytest.mark.parametrize("error", [ValueError("no such option"), SystemExit("no such option")])
def test_a_run_that_has_failed_by_itself_is_recorded(case: Case, monkeypatch, error: BaseException) -> None:
    monkeypatch.setattr(type(case), "run", lambda *_: (_ for _ in ()).throw(error))
    with pytest.raises(UserError, match="failed"):
        make_run(case, RUN, params_of(case))
    record = read_record(RUN)
    assert record is not None
    assert (record.status, record.reason) == ("failed", f"{type(error).__name__}: no such option")


def test_a_sweep_tells_failures_from_what_is_lost_and_tries_only_that_again(tmp_path: Path) -> None:
    project = write_mean_project(tmp_path / "project")
    case = project.root / "mean_case.py"
    wrong = """    if average.kind == "median":
        raise ValueError("no such average")
    if average.squared and not Path("../space").exists():
        raise OSError(28, "No space left on device")
"""
    line = "    average = job.params.average\n"
    case.write_text(case.read_text().replace(line, line + wrong))
    project.run("-m", "repro", "plan", STUDY)
    first = project.start("-m", "repro", "sweep", STUDY, "-j", "2")
    said, _ = first.communicate()
    assert first.returncode == 1
    assert said.count("\nfailed: ") == 4, said
    assert said.count("\nlost: ") == 2, said
    assert ": OSError: [Errno 28] No space left on device\n" in said
    assert "a failure is an outcome; to run these again: the same command with --retry-failed" in said
    assert "what the machine has lost is no outcome; the same command tries it again" in said
    assert "2 of 8 done, 0 running, 4 failed, 2 lost" in said.splitlines()[-1]

    (tmp_path / "space").touch()
    again = project.start("-m", "repro", "sweep", STUDY, "-j", "2")
    said, _ = again.communicate()
    assert again.returncode == 1
    assert said.count(": ok") == 2, "what was lost"
    assert "4 of 8 done, 0 running, 4 failed" in said.splitlines()[-1]
    assert "lost" not in said
