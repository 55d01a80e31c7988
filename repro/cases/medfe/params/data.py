"""Parameters of the photographs and of the structure targets made from them."""

from typing import Annotated, Literal

from pydantic import Field

from repro.audit.ledger.choice import Choice
from repro.audit.ledger.source import inference, paper, related, release, replication
from repro.cases.medfe.params.group import Group

DataSource = Literal["photos", "folder", "places365", "celeba", "paris_streetview"]
Resize = Literal["centre_crop", "squash", "shorter_side"]
StructureMethod = Literal["rtv", "l0", "canny"]
StructureOrder = Literal["after_resize", "before_resize"]

_RTV = {"data.structure.method": ("rtv",)}


class StructureParams(Group):
    """The structure image that the deep levels are supervised with."""

    method: Annotated[
        StructureMethod,
        Choice(
            "Which smoothing makes the structure image?",
            gap="rescaling",
            paper="stated",
            options={
                "rtv": (paper("MEDFE-CAE paper PDF @74226cf, second-hand"), release("authors' README @1661941")),
                "l0": (related("Jaylyn25/Image-Inpainting-Refinement dataprocess.py"),),
                "canny": (related("EdgeConnect @3142579: sigma 2"), related("CTSDG @def0274")),
            },
            defensible="N",
        ),
    ]
    order: Annotated[
        StructureOrder,
        Choice(
            "Is the photograph smoothed before or after it is resized?",
            gap="rescaling",
            paper="silent",
            options={
                "after_resize": (inference("the smoothing then acts at the size that the network sees"),),
                "before_resize": (
                    release("data/Matlab/generate_structure_images.m, then data/dataprocess.py @9adf889", "I"),
                ),
            },
        ),
    ]
    rtv_lambda: Annotated[
        float,
        Field(gt=0, le=1),
        Choice(
            "How strongly does relative total variation smooth (lambda)?",
            gap="rescaling",
            paper="silent",
            options={
                0.015: (release("data/Matlab/generate_structure_images.m @9adf889"), related("StructureFlow @1ac8f55")),
                0.01: (related("RTV tsmooth.m defaults"),),
            },
            free=True,
            only_if=_RTV,
        ),
    ]
    rtv_sigma_px: Annotated[
        float,
        Field(gt=0, le=50),
        Choice(
            "Up to which scale does relative total variation take a pattern for texture (sigma, pixels)?",
            gap="rescaling",
            paper="silent",
            options={
                3.0: (release("data/Matlab/generate_structure_images.m @9adf889"), related("RTV tsmooth.m defaults")),
            },
            free=True,
            only_if=_RTV,
        ),
    ]
    rtv_sharpness: Annotated[
        float,
        Field(gt=0, le=1),
        Choice(
            "What is the floor of the windowed variation (sharpness)?",
            gap="rescaling",
            paper="silent",
            options={
                0.001: (release("data/Matlab/generate_structure_images.m @9adf889"), related("StructureFlow @1ac8f55")),
                0.02: (related("RTV tsmooth.m defaults"),),
            },
            free=True,
            only_if=_RTV,
        ),
    ]
    rtv_iterations: Annotated[
        int,
        Field(ge=1, le=20),
        Choice(
            "How many iterations of relative total variation?",
            gap="rescaling",
            paper="silent",
            options={
                3: (release("data/Matlab/generate_structure_images.m @9adf889"), related("StructureFlow @1ac8f55")),
                4: (related("RTV tsmooth.m defaults"),),
            },
            free=True,
            only_if=_RTV,
        ),
    ]


class DataParams(Group):
    """Photographs, their split, and the size at which they are stored."""

    source: DataSource = Field(description="where the photographs come from; all but `photos` read `root`")
    root: str = Field(description="folder of the images or of the data set; relative to the project")
    image_px: int = Field(ge=64, le=4096, multiple_of=32, description="side of the square images, pixels (scale)")
    resize: Annotated[
        Resize,
        Choice(
            "How does a photograph become a square?",
            gap="augmentation",
            paper="silent",
            options={
                "centre_crop": (related("EdgeConnect @3142579"), replication("RKlazinga/MEDFE @9b64dc3")),
                "squash": (related("MFCL @1c33b1e"), related("CSA @f0b0712")),
                "shorter_side": (release("data/dataprocess.py @9adf889, which then fails on a non-square image"),),
            },
            defensible="U",
        ),
    ]
    crops_per_photo: int = Field(ge=1, description="training squares per photograph; 1: the whole one (scale)")
    evaluation_crops_per_photo: int = Field(ge=1, description="validation and test squares per photograph (scale)")
    validation_share: float = Field(gt=0, lt=0.5, description="share of the photographs that is kept for validation")
    test_share: float = Field(gt=0, lt=0.5, description="share of the photographs that is kept for the test")
    split_seed: int = Field(ge=0, description="seed of the split by photograph and of the squares cut from each")
    max_photos: int | None = Field(ge=3, description="take at most so many photographs; null: all")
    structure: StructureParams
