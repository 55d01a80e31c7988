"""Parameters of what is done to a training sample each time it is drawn."""

from typing import Annotated, Literal

from repro.audit.ledger.choice import Choice
from repro.audit.ledger.source import related, release
from repro.cases.medfe.params.group import Group

ImageAugmentation = Literal["none", "flip", "resize_crop_flip", "random_crop_flip"]
MaskAugmentation = Literal["none", "flip", "rotate_dilate_crop"]


class AugmentationParams(Group):
    """Random changes of training images and masks."""

    image: Annotated[
        ImageAugmentation,
        Choice(
            "How are training images augmented?",
            gap="augmentation",
            paper="silent",
            options={
                "none": (release("data/dataprocess.py @9adf889"),),
                "flip": (related("CSA @f0b0712"), related("RFR @e1cad6a")),
                "resize_crop_flip": (related("Shift-Net @a353431: resize 350, crop 256, flip"),),
                "random_crop_flip": (related("TSGL @e9f6438"),),
            },
        ),
    ]
    mask: Annotated[
        MaskAugmentation,
        Choice(
            "How are training masks augmented?",
            gap="augmentation",
            paper="silent",
            options={
                "none": (release("data/dataprocess.py @9adf889"),),
                "flip": (related("StructureFlow data.py @1ac8f55"), related("EdgeConnect @3142579")),
                "rotate_dilate_crop": (related("NVIDIA mask set readme, copied in MEDFE-CAE readme.txt"),),
            },
        ),
    ]
