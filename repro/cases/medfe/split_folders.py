"""Splits that a folder of photographs seems to hold, where they are not those that the folder is read by."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from repro import paths
from repro.cases.medfe.data.datasets.folder import SPLIT_FOLDERS
from repro.errors import UserError

_NUMBER = re.compile(r"[\s._-]*\d+$")
"""Of a year or a size, as in train2017."""


def check_photographs(values: Mapping[str, Any]) -> None:
    """Checks the splits of the folder that values of `data` name, where photographs come from a folder; see below."""
    if values["data"]["source"] == "folder":
        check_splits(values["data"]["root"])


def check_splits(root: str) -> None:
    """Checks that no photograph which its folder sets aside for tests would be trained on.

    A folder `train` beside one for validation or test is a split; folders of these names elsewhere, or with a number
    behind them, would be read as one heap of photographs.

    Args:
        root: `data.root`; one that is not there is left to whoever reads it.

    Raises:
        UserError: such folders are there, and which to name instead.
    """
    folder = paths.locate(root)
    for place, names, _ in os.walk(folder):
        found = {name: split for name in sorted(names) if (split := SPLIT_FOLDERS.get(_NUMBER.sub("", name.lower())))}
        splits, at_top = set(found.values()), Path(place) == folder
        if at_top and "train" in splits and all(name.lower() in SPLIT_FOLDERS for name in found):
            return  # this is how it is read
        if len(splits) > 1 or (at_top and splits):
            below = Path(root, Path(place).relative_to(folder))
            shown = ", ".join(str(below / name) for name in found)
            raise UserError(
                f"data.root={root}: {shown} would be read as one heap; expected train, and val or test, in data.root "
                "itself\n  rename them, or name the folder to read: "
                f"-S data.root={below if len(splits) > 1 and not at_top else below / min(found)}"
            )
