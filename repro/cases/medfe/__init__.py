"""The case: MEDFE (Liu et al., ECCV 2020), image inpainting by a mutual encoder-decoder with feature equalisations.

`load_release` and `release_losses` are loaded when they are asked for, so that params can be read without torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from repro.cases.medfe.release import load_release, release_losses

__all__ = ["load_release", "release_losses"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(import_module("repro.cases.medfe.release"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
