"""Details of how maps of different sizes meet: to the branch grid, back to the skips, the mask's, the targets'."""

from typing import Annotated, Literal

from repro.audit.ledger.choice import Choice
from repro.audit.ledger.source import inference, paper, related, release, replication
from repro.cases.medfe.params.group import Group

RescaleDown = Literal["strided_chain", "single_stride"]
RescaleUp = Literal["bilinear", "bilinear_aligned", "nearest", "transposed"]
RescaleBackUp = Literal["bilinear", "transposed"]
RescaleBackDown = Literal["strided_chain", "single_stride"]
MaskToBranch = Literal["nearest", "mean_5_16", "max_pool", "empty"]
TargetResize = Literal["bilinear", "bilinear_antialias", "nearest"]
HoleFill = Literal["mean_colour", "black", "mid_grey", "imagenet_mean"]


class Rescaling(Group):
    """Gap 5 of the ledger, and what the hole is filled with."""

    rescale_down: Annotated[
        RescaleDown,
        Choice(
            "How do levels 1 and 2 come down to the branch grid?",
            gap="rescaling",
            paper="silent",
            options={
                "strided_chain": (release("models/PCconv.py @9adf889: 4x4 stride-2 convolutions"),),
                "single_stride": (replication("RKlazinga/MEDFE @9b64dc3: 4x4, stride 4 and 2"),),
            },
        ),
    ]
    rescale_up: Annotated[
        RescaleUp,
        Choice(
            "How do levels 4 and deeper come up to the branch grid?",
            gap="rescaling",
            paper="silent",
            options={
                "bilinear": (release("models/PCconv.py @9adf889: align_corners False, then 1x1"),),
                "bilinear_aligned": (related("MFCL @1c33b1e"),),
                "nearest": (related("naoto0804 PConv @8d64e7e"), release("HF KumaPower/MEDFE page")),
                "transposed": (replication("RKlazinga/MEDFE @9b64dc3: kernel = stride"),),
            },
        ),
    ]
    rescale_back_up: Annotated[
        RescaleBackUp,
        Choice(
            "How do the equalised features come up to the skips of levels 1 and 2?",
            gap="rescaling",
            paper="silent",
            options={
                "bilinear": (release("models/PCconv.py @9adf889: bilinear, then 1x1"),),
                "transposed": (replication("RKlazinga/MEDFE @9b64dc3: kernel = stride"),),
            },
        ),
    ]
    rescale_back_down: Annotated[
        RescaleBackDown,
        Choice(
            "How do the equalised features come down to the skips of levels 4 and deeper?",
            gap="rescaling",
            paper="silent",
            options={
                "strided_chain": (release("models/PCconv.py @9adf889: 4x4 stride-2 convolutions"),),
                "single_stride": (replication("RKlazinga/MEDFE @9b64dc3: kernel = stride"),),
            },
        ),
    ]
    mask_to_branch: Annotated[
        MaskToBranch,
        Choice(
            "How does the hole mask come down to the branch grid?",
            gap="rescaling",
            paper="silent",
            options={
                "nearest": (release("util/util.py @d7d5aaa"), related("Shift-Net @a353431")),
                "mean_5_16": (related("CSA @f0b0712: three means by 4x4, hole where above 5/16"),),
                "max_pool": (replication("RKlazinga/MEDFE @9b64dc3"),),
                "empty": (release("util/util.py @17d04d2 and models/PCconv.py @dd838b0: the hole vanishes", "C"),),
            },
            defensible="N",
        ),
    ]
    target_resize: Annotated[
        TargetResize,
        Choice(
            "How are the targets of the branch supervision brought to the branch grid?",
            gap="rescaling",
            paper="ambiguous",
            options={
                "bilinear": (
                    paper("MEDFE-CAE PDF @74226cf, second-hand"),
                    release("InnerCos.py @9adf889, no antialias"),
                ),
                "bilinear_antialias": (replication("RKlazinga/MEDFE @9b64dc3: PIL bilinear, for structure"),),
                "nearest": (replication("RKlazinga/MEDFE @9b64dc3: interpolate's default, for texture"),),
            },
        ),
    ]
    hole_fill: Annotated[
        HoleFill,
        Choice(
            "Which colour fills the hole before the encoder sees it?",
            gap="augmentation",
            paper="ambiguous",
            options={
                "mean_colour": (release("models/MEDFE.py @9adf889: (123, 104, 117)"), related("CSA @f0b0712")),
                "black": (replication("RKlazinga/MEDFE @9b64dc3"),),
                "mid_grey": (inference("127.5, compared in the caption of PConv's Figure 2; zero in [-1, 1]"),),
                "imagenet_mean": (related("PConv Figure 2 caption"),),
            },
            unless={"model.encoder_convolution": ("partial",)},
        ),
    ]
