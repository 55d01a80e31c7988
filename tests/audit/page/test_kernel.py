"""A notebook waits for a kernel that starts slowly, and says in a line that one has not started."""

from pathlib import Path

import papermill
import pytest
from papermill.exceptions import PapermillExecutionError

from repro.audit.page.notebook import run_notebook
from repro.errors import UserError


@pytest.mark.parametrize("said", ["Kernel didn't respond in 600 seconds", "Kernel died before replying to kernel_info"])
def test_a_kernel_that_does_not_start_is_told_of(monkeypatch, said) -> None:
    waited = []

    def execute(*_: object, start_timeout: int, **__: object) -> None:
        waited.append(start_timeout)
        raise RuntimeError(said)

    monkeypatch.setattr(papermill, "execute_notebook", execute)
    with pytest.raises(UserError, match=r"out\.ipynb: Jupyter's kernel has not started \(Kernel .*\n  run the same"):
        run_notebook({}, Path("out.ipynb"), Path("failed.log"))
    assert waited == [600], "a cold network disk takes more than papermill's minute"


def test_what_is_no_slow_kernel_goes_on(monkeypatch) -> None:
    def execute(*_: object, **__: object) -> None:
        raise RuntimeError("another fault")

    monkeypatch.setattr(papermill, "execute_notebook", execute)
    with pytest.raises(RuntimeError, match="another fault"):
        run_notebook({}, Path("out.ipynb"), Path("failed.log"))


@pytest.mark.parametrize(
    ("raised", "message"),
    [
        (
            RuntimeError("Kernel died"),
            r"^out\.ipynb: Jupyter's kernel was ended while it ran.*\n  end other programs",
        ),
        (
            PapermillExecutionError(3, 2, "show(subject)", "KeyError", "'psnr'", ["\x1b[31mat line 7\x1b[0m"]),
            r"^the notebook has failed in its cell 2: KeyError: 'psnr'\n  the whole of it stands in .*notebook\.log$",
        ),
    ],
    ids=["killed", "a fault of ours"],
)
def test_a_notebook_that_fails_is_told_of_in_a_message(tmp_path, monkeypatch, raised, message: str) -> None:
    def execute(*_: object, **__: object) -> None:
        raise raised

    monkeypatch.setattr(papermill, "execute_notebook", execute)
    log = tmp_path / "state" / "notebook.log"
    with pytest.raises(UserError, match=message):
        run_notebook({}, Path("out.ipynb"), log)
    assert log.is_file() == isinstance(raised, PapermillExecutionError)
    assert not log.is_file() or ("at line 7" in log.read_text() and "\x1b" not in log.read_text())
