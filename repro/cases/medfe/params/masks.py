"""Parameters of the hole masks; a mask is True where there is a hole."""

from typing import Annotated, Literal

from pydantic import Field

from repro.audit.ledger.choice import Choice
from repro.audit.ledger.source import paper, related, release, replication
from repro.cases.medfe.params.group import Group

MaskSource = Literal["strokes", "files", "centre", "boxes"]
Polarity = Literal["hole_is_white", "hole_is_black"]
Binarise = Literal["positive", "half", "full"]

_FILES = {"masks.source": ("files",)}


class MasksParams(Group):
    """Where holes come from in training and in evaluation."""

    source: Annotated[
        MaskSource,
        Choice(
            "Which holes is the network trained on?",
            gap="augmentation",
            paper="stated",
            options={
                "files": (
                    paper("masks of Liu et al., authors' README @1661941"),
                    release("data/dataprocess.py @9adf889"),
                ),
                "strokes": (related("RFR @e1cad6a mode 1"), related("generative_inpainting @3a53243")),
                "centre": (replication("RKlazinga/MEDFE @9b64dc3"), release("README: CelebA weights")),
                "boxes": (related("EdgeConnect @3142579"),),
            },
            defensible="N",
        ),
    ]
    evaluation_source: MaskSource = Field(description="which holes every variant is evaluated on")
    root: str = Field(description="folder of the mask files, for the source `files`; relative to the project")
    polarity: Annotated[
        Polarity,
        Choice(
            "Which colour of a mask file is the hole?",
            gap="augmentation",
            paper="silent",
            options={
                "hole_is_white": (release("data/dataprocess.py @9adf889"), related("EdgeConnect @3142579")),
                "hole_is_black": (related("NVIDIA training set readme"), replication("RKlazinga/MEDFE @9b64dc3")),
            },
            only_if=_FILES,
        ),
    ]
    binarise: Annotated[
        Binarise,
        Choice(
            "From which grey value on does a resized mask file count as hole?",
            gap="augmentation",
            paper="silent",
            options={
                "positive": (related("EdgeConnect @3142579"), related("RFR @e1cad6a")),
                "half": (related("CTSDG @def0274"),),
                "full": (release("models/MEDFE.py @9adf889: byte() keeps exact ones only"),),
            },
            only_if=_FILES,
        ),
    ]
    pool_size: int = Field(ge=6, description="how many training masks are made, in equal parts per bucket (scale)")
    seed: int = Field(ge=0, description="seed of all masks; evaluation masks are the same for every training seed")
