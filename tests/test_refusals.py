"""What the machine refuses: one line that says which file, why and what to do, before the work and never half-way."""

import errno
import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from repro.errors import UserError
from repro.pipeline.shell import stage
from repro.refusals import REMEDIES, check_braces, check_file, check_folder, explain, one_message
from repro.storage import written_file
from tiny import PARAMS_FILE

ROOT = Path(__file__).parents[1]
FULL = Path("/dev/full")
needs_full = pytest.mark.skipif(not FULL.exists(), reason="no device that is always full")

TOLD: list[tuple[BaseException, str]] = [
    *((OSError(number, "It Fails", "a/b.csv"), f"a/b.csv: it Fails\n  {text}") for number, text in REMEDIES.items()),
    (OSError(errno.ENOSPC, "No space left on device"), "what was being written, or printed: no space left"),
    (OSError(errno.EXDEV, "Invalid cross-device link", "a", None, "b"), "b: invalid cross-device link"),
    (OSError(errno.EACCES, "Permission denied", "r/.x.csv.0a1b2c3d-77-0a1b2c3d.partial"), "r/x.csv: permission denied"),
    (OSError(errno.EACCES, "Permission denied", b"r/x.csv"), "r/x.csv: permission denied"),
    (FileNotFoundError(errno.ENOENT, "No such file or directory"), "the folder that this was started in is not"),
    (OSError("encoder error -2"), "encoder error -2"),
    (TimeoutError(), "TimeoutError"),
    (OSError(errno.EIO, "x" * 5000, "\x1b[31m" * 100), "the disk cannot be read or written there"),
    (MemoryError(), "there is not enough memory"),
    (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried 9 bytes"), "there is not enough memory"),
    (RuntimeError("CUDA out of memory. Tried to allocate 20 MiB"), "there is not enough memory"),
]  # fmt: skip


@pytest.mark.parametrize(("error", "said"), TOLD, ids=[f"{n}-{said[:30]!r}" for n, (_, said) in enumerate(TOLD)])
def test_every_error_of_the_machine_is_told_in_two_lines(
    error: BaseException, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended, one_message("stage"):
        raise error
    told = capsys.readouterr().err
    assert ended.value.code == 2
    assert told.startswith("stage: ")
    assert said in told
    assert told.count("\n") <= 2
    assert len(told) < 700
    assert "\x1b" not in told


def test_what_nobody_can_put_right_keeps_its_traceback() -> None:
    with pytest.raises(ZeroDivisionError), one_message("stage"):
        _ = 1 / 0


@pytest.mark.parametrize("name", ["${x}", "{x}", "x}"])
def test_a_project_in_a_folder_with_braces_is_refused(tmp_path: Path, name: str) -> None:
    check_braces(tmp_path)
    with pytest.raises(UserError, match=r"DVC cannot work below a folder with { or } in its name\n  rename the folder"):
        check_braces(tmp_path / name / "project")


def test_letters_that_a_terminal_cannot_show_end_no_command(monkeypatch) -> None:
    shown = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(shown, encoding="ascii"))
    with one_message("repro"):
        print("ü…")
    assert shown.getvalue() == b"\\xfc\\u2026\n"


def test_what_others_have_written_steers_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit), one_message("repro"):
        raise UserError("a server says \x1b[31m\x07hello\n  ask it")
    assert capsys.readouterr().err == "repro: a server says ?[31m?hello\n  ask it\n"


def test_a_circle_of_links_is_told_in_a_line(tmp_path: Path, capsys) -> None:
    circle = tmp_path / "circle"
    circle.symlink_to("circle")
    with pytest.raises(SystemExit, match="2"), one_message("repro"):
        circle.resolve(strict=True)
    told = f"repro: {circle}: too many levels of symbolic links\n  links there lead in a circle: remove one\n"
    assert capsys.readouterr().err == told


def test_a_user_error_stays_as_it_is() -> None:
    error = UserError("a\n  b")
    assert explain(error) is error


@pytest.mark.fault("input", "output path")
@pytest.mark.parametrize("path", ["file/x", "file/x/y", "LONG", "folder/LONG/y", "/proc/none/x"])
def test_an_output_that_cannot_be_is_refused_before_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("file").write_text("x")
    named = Path(path.replace("LONG", "x" * 230))  # fits the file system, and what is written first does not
    for check in (check_file, check_folder):
        with pytest.raises(UserError, match=r"cannot be written: [^\n]*\n  \w"):
            check(named)
    assert [item.name for item in tmp_path.iterdir()] == ["file"]


@pytest.mark.fault("input", "output path")
def test_links_that_lead_in_a_circle_are_refused_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    for check in (check_file, check_folder):
        with pytest.raises(UserError, match="cannot be written: too many levels of symbolic links"):
            check(tmp_path / "loop")


@pytest.mark.fault("input", "output path")
def test_a_file_for_a_folder_and_a_folder_for_a_file_are_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(UserError, match="is a file, where a folder is expected"):
        check_folder(tmp_path / "file")
    with pytest.raises(UserError, match="is a folder\n  name a file in it"):
        check_file(tmp_path)


@pytest.mark.fault("input", "output path")
def test_a_folder_that_this_command_did_not_make_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text("x")
    check_folder(tmp_path, {"page.html"})
    (tmp_path / "thesis.tex").write_text("x")
    with pytest.raises(UserError, match=r"holds 'thesis.tex', which this command did not make"):
        check_folder(tmp_path, {"page.html"})
    check_folder(tmp_path)  # it is added to, and nothing in it is replaced


def test_what_can_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    check_file(tmp_path / "a" / "b.txt")
    check_folder(tmp_path / "a" / "b")
    assert list(tmp_path.iterdir()) == []


def test_the_longest_name_that_is_let_through_can_be_written(tmp_path: Path) -> None:
    file = tmp_path / ("x" * (os.pathconf(tmp_path, "PC_NAME_MAX") - 40))
    check_file(file)
    with written_file(file) as partial:
        partial.write_text("x")
    assert file.read_text() == "x"


def test_a_stage_tries_its_output_before_its_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_text(PARAMS_FILE.read_text())
    (tmp_path / "results").write_text("a file")
    with pytest.raises(SystemExit) as ended, stage("train", Path("results/train")):
        pytest.fail("it has begun")
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith("train: results/train cannot be written: results is a file\n")


@pytest.mark.fault("input", "output path")
@pytest.mark.parametrize("name", [".repro", ".repro/locks"])
def test_a_file_in_the_place_of_the_locks_is_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    (tmp_path / "params.yaml").write_text(PARAMS_FILE.read_text())
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("a file")
    with pytest.raises(SystemExit) as ended, stage("train"):
        pytest.fail("it has begun")
    assert ended.value.code == 2
    told = capsys.readouterr().err
    assert "a file stands where a folder is expected" in told
    assert told.count("\n") == 2


@needs_full
def test_a_full_disk_under_what_is_printed_is_told_of() -> None:
    with FULL.open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "repro", "details", "--json"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            cwd=ROOT,
        )
    assert done.returncode == 2
    assert done.stderr.splitlines()[0].startswith("repro: ")
    assert "no space left on device" in done.stderr.lower()
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


def test_a_reader_that_has_read_enough_ends_it_without_a_word() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "repro", "details", "--json"],
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        cwd=ROOT,
    )
    os.close(writing)
    assert done.returncode == 1
    assert done.stderr == ""
