"""The one interface of all data sets: names of photographs, and the files of each.

Names are kept and files are found only when they are asked for, so that a catalogue of millions stays small.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from repro.cases.medfe.data.arrays import SplitName
from repro.cases.medfe.data.files import LeftOut


class Catalogue(NamedTuple):
    """The photographs of a data set.

    Attributes:
        published: names by the split that the publisher made; all under `train` where there is none.
        find_views: gives the files of a photograph by what they are called in the index. Several files are views of
            one scene, as in a stereo pair, and count as one photograph.
        left_out: what was refused before anything was opened.
    """

    published: Mapping[SplitName, Sequence[str]]
    find_views: Callable[[str], Mapping[str, Path]]
    left_out: Sequence[LeftOut]
