"""A notebook waits for a kernel that starts slowly, and says in a line that one has not started."""

from pathlib import Path

import papermill
import pytest

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
        run_notebook({}, Path("out.ipynb"))
    assert waited == [600], "a cold network disk takes more than papermill's minute"


def test_what_is_no_slow_kernel_goes_on(monkeypatch) -> None:
    def execute(*_: object, **__: object) -> None:
        raise RuntimeError("another fault")

    monkeypatch.setattr(papermill, "execute_notebook", execute)
    with pytest.raises(RuntimeError, match="another fault"):
        run_notebook({}, Path("out.ipynb"))
