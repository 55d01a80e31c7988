"""Details of the perceptual and the style term."""

from typing import Annotated, Literal

from pydantic import Field

from repro.audit.ledger.choice import Choice
from repro.audit.ledger.source import inference, related, release, replication
from repro.cases.medfe.params.group import Group
from repro.cases.medfe.params.sources import PROBABLY_THE_PAPERS

Vgg = Literal["vgg16", "vgg19"]
VggInput = Literal["imagenet", "raw"]
PerceptualLayers = Literal["relu1_1_to_5_1", "pool1_to_3"]
StyleLayers = Literal["r22_r33_r43_r52", "r22_r34_r44_r52", "r11_r21_r31_r41_r51", "pool1_to_3"]
Relu52 = Literal["proper", "reapplied"]


class VggDetails(Group):
    """The perceptual and the style term."""

    perceptual_weight: Annotated[
        float,
        Field(ge=0),
        Choice(
            "What is the weight of the perceptual term?",
            gap="hyperparameters",
            paper="contradicted",
            options={
                0.1: (
                    PROBABLY_THE_PAPERS,
                    related("StructureFlow @1ac8f55"),
                ),
                0.2: (release("options/base_options.py @9adf889"),),
                0.05: (related("naoto0804 PConv @8d64e7e"), related("RFR @e1cad6a")),
                1.0: (related("Shift-Net @a353431"), related("dl-lab @f6f028d")),
                0.0: (replication("RKlazinga/MEDFE main.py @9b64dc3: disabled"),),
            },
            free=True,
        ),
    ]
    style_weight: Annotated[
        float,
        Field(ge=0),
        Choice(
            "What is the weight of the style term?",
            gap="hyperparameters",
            paper="ambiguous",
            options={
                250.0: (
                    PROBABLY_THE_PAPERS,
                    release("@9adf889"),
                ),
                120.0: (related("naoto0804 PConv @8d64e7e"), related("RFR @e1cad6a")),
                10.0: (related("Shift-Net @a353431"), related("PD-GAN @eec6306")),
                0.1: (related("dl-lab @f6f028d"),),
                0.0: (replication("RKlazinga/MEDFE main.py @9b64dc3: disabled"),),
            },
            free=True,
        ),
    ]
    vgg: Annotated[
        Vgg,
        Choice(
            "Which VGG gives the features?",
            gap="activation and normalisation",
            paper="ambiguous",
            options={
                "vgg16": (
                    PROBABLY_THE_PAPERS,
                    release("models/loss.py @d7d5aaa"),
                ),
                "vgg19": (related("EdgeConnect @3142579"), related("StructureFlow @1ac8f55")),
            },
            defensible="N",
        ),
    ]
    vgg_input: Annotated[
        VggInput,
        Choice(
            "Is VGG's input normalised as in its training, or fed in [-1, 1] as it is?",
            gap="activation and normalisation",
            paper="silent",
            options={
                "imagenet": (related("naoto0804 PConv @8d64e7e"), related("NVIDIA/partialconv @610d373")),
                "raw": (release("@9adf889"),),
            },
            defensible="E",
        ),
    ]
    perceptual_layers: Annotated[
        PerceptualLayers,
        Choice(
            "On which layers is the perceptual term taken?",
            gap="activation and normalisation",
            paper="ambiguous",
            options={
                "relu1_1_to_5_1": (
                    release("models/loss.py @d7d5aaa"),
                    replication("RKlazinga training/loss.py @215a824"),
                ),
                "pool1_to_3": (related("naoto0804 PConv @8d64e7e"), related("RFR @e1cad6a"), related("CTSDG @def0274")),
            },
        ),
    ]
    style_layers: Annotated[
        StyleLayers,
        Choice(
            "On which layers is the style term taken?",
            gap="activation and normalisation",
            paper="ambiguous",
            options={
                "r22_r33_r43_r52": (release("models/loss.py @d7d5aaa"),),
                "r22_r34_r44_r52": (related("EdgeConnect @3142579"), related("StructureFlow @1ac8f55")),
                "r11_r21_r31_r41_r51": (replication("RKlazinga training/loss.py @215a824"),),
                "pool1_to_3": (related("naoto0804 PConv @8d64e7e"), related("RFR @e1cad6a")),
            },
            forbidden_with={"r22_r34_r44_r52": {"loss.vgg": ("vgg16",)}},
        ),
    ]
    relu5_2: Annotated[
        Relu52,
        Choice(
            "Is relu5_2 VGG's own, or the block of 5_1 (pool included) applied to its own output?",
            gap="activation and normalisation",
            paper="silent",
            options={
                "proper": (inference("what the layer's name means"),),
                "reapplied": (release("models/loss.py @d7d5aaa", "C"),),
            },
            defensible="N",
            only_if={"loss.style_layers": ("r22_r33_r43_r52", "r22_r34_r44_r52")},
        ),
    ]
