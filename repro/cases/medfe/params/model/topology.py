"""Details of the generator's topology: what exists, what is wired to what, and whose weights are shared."""

from typing import Annotated, Literal

from pydantic import Field

from repro.audit.ledger.choice import Choice
from repro.audit.ledger.source import inference, paper, related, release, replication
from repro.cases.medfe.params.conditions import NO_RESIDUAL_BLOCKS
from repro.cases.medfe.params.group import Group

StructureTap = Literal["before_residual", "after_residual"]
ResidualOrder = Literal["sequential", "parallel"]
Sharing = Literal["shared", "separate"]
ChannelGrowth = Literal["capped", "doubling"]
EncoderConvolution = Literal["plain", "partial"]
HoleInput = Literal["rgb_mask3", "rgb_mask", "rgb_ones_mask", "rgb"]
SkipAddition = Literal["everywhere", "hole_only"]
MaskUpdate = Literal["per_layer", "fixed"]
Bilateral = Literal["propagation", "none"]
ChannelEqualisation = Literal["squeeze_excitation", "selective_kernel", "none"]


class Topology(Group):
    """Gap 1 of the ledger."""

    structure_tap: Annotated[
        StructureTap,
        Choice(
            "Does the structure branch read level 6 before or after the residual blocks?",
            gap="topology",
            paper="contradicted",
            options={
                "before_residual": (paper("Figure 2"), replication("RKlazinga network/medfe.py @9b64dc3")),
                "after_residual": (release("models/Encoder.py @d7d5aaa"),),
            },
            defensible="E",
            unless=NO_RESIDUAL_BLOCKS,
        ),
    ]
    residual_blocks: Annotated[
        int,
        Field(ge=0, le=32),
        Choice(
            "How many residual blocks follow level 6?",
            gap="topology",
            paper="ambiguous",
            options={
                4: (release("models/Encoder.py @d7d5aaa"), replication("RKlazinga/MEDFE @9b64dc3")),
                0: (replication("mhumver/ReproduceDL commit log @81adc4f"),),
                1: (replication("mhumver/ReproduceDL commit log @81adc4f"),),
                2: (replication("mhumver/ReproduceDL commit log @81adc4f"),),
                3: (replication("mhumver/ReproduceDL commit log @81adc4f"),),
                8: (related("EdgeConnect networks.py @3142579"),),
                16: (replication("mhumver/ReproduceDL commit log @81adc4f"),),
            },
        ),
    ]
    residual_order: Annotated[
        ResidualOrder,
        Choice(
            "Do the residual blocks follow each other, or stand side by side?",
            gap="topology",
            paper="ambiguous",
            options={
                "sequential": (release("models/Encoder.py @d7d5aaa"), replication("RKlazinga/MEDFE @9b64dc3")),
                "parallel": (replication("RKlazinga/MEDFE @cfc9eab, later removed"),),
            },
            defensible="N",
            unless=NO_RESIDUAL_BLOCKS,
        ),
    ]
    branch_weights: Annotated[
        Sharing,
        Choice(
            "Do the structure and the texture branch share their filling streams?",
            gap="topology",
            paper="contradicted",
            options={
                "separate": (paper("Figure 2 draws two boxes"), replication("RKlazinga/MEDFE @9b64dc3")),
                "shared": (release("models/PCconv.py @9adf889"),),
            },
            defensible="E",
        ),
    ]
    projection_weights: Annotated[
        Sharing,
        Choice(
            "Are the 1x1 convolutions around the streams, and the supervision heads, shared where their shapes agree?",
            gap="topology",
            paper="silent",
            options={
                "separate": (inference("one convolution for each arrow of Figure 2"),),
                "shared": (release("models/PCconv.py and InnerCos.py @9adf889"),),
            },
            defensible="E",
        ),
    ]
    branch_width: Annotated[
        float,
        Field(gt=0, le=16),
        Choice(
            "How wide is a branch, in units of the first level's width?",
            gap="topology",
            paper="ambiguous",
            options={
                4.0: (paper("MEDFE-CAE paper PDF @74226cf, second-hand"), release("models/PCconv.py @9adf889")),
                8.0: (replication("RKlazinga/MEDFE main.py @9b64dc3: 16 and 128, and early @39722859826"),),
            },
        ),
    ]
    channel_growth: Annotated[
        ChannelGrowth,
        Choice(
            "How do the levels widen: doubling, up to eight times the first, or without a cap?",
            gap="topology",
            paper="silent",
            options={
                "capped": (release("models/Encoder.py @d7d5aaa"),),
                "doubling": (inference("the multiplier is unspecified by the paper, says RKlazinga/MEDFE"),),
            },
        ),
    ]
    depth: Annotated[
        int,
        Choice(
            "How many levels has the encoder?",
            gap="topology",
            paper="stated",
            options={
                6: (paper("Figure 2"), release("models/Encoder.py @d7d5aaa"), replication("RKlazinga/MEDFE @9b64dc3")),
                5: (replication("mvanlobensels fork Encoder.py, PCconv.py @16bd16a"),),
                7: (
                    replication("mvanlobensels fork Encoder.py, PCconv.py @16bd16a"),
                    related("naoto0804 PConv @8d64e7e"),
                ),
            },
            defensible="N",
        ),
    ]
    encoder_convolution: Annotated[
        EncoderConvolution,
        Choice(
            "Are the encoder's convolutions plain or partial?",
            gap="topology",
            paper="silent",
            options={
                "plain": (release("models/Encoder.py @d7d5aaa"), replication("RKlazinga/MEDFE @9b64dc3")),
                "partial": (related("PD-GAN models/network/pconv.py @eec6306"), release("HF KumaPower/MEDFE page")),
            },
        ),
    ]
    hole_input: Annotated[
        HoleInput,
        Choice(
            "How does the encoder learn where the hole is?",
            gap="topology",
            paper="silent",
            options={
                "rgb_mask": (replication("RKlazinga/MEDFE @9b64dc3"), related("EdgeConnect @3142579")),
                "rgb_mask3": (release("models/MEDFE.py @9adf889: three copies of the inverted mask"),),
                "rgb_ones_mask": (related("generative_inpainting inpaint_model.py @3a53243"),),
                "rgb": (related("naoto0804 PConv @8d64e7e"),),
            },
        ),
    ]
    skip_addition: Annotated[
        SkipAddition,
        Choice(
            "Are the equalised features added to the skips everywhere, or in the hole only, before a batch norm?",
            gap="topology",
            paper="stated",
            options={
                "everywhere": (paper("Figure 2"), release("models/PCconv.py @9adf889")),
                "hole_only": (replication("RKlazinga/MEDFE @9b64dc3"),),
            },
            defensible="N",
        ),
    ]
    mask_update: Annotated[
        MaskUpdate,
        Choice(
            "Does a partial convolution pass on an updated mask?",
            gap="topology",
            paper="ambiguous",
            options={
                "per_layer": (release("models/PCconv.py @9adf889"), related("naoto0804 PConv @8d64e7e")),
                "fixed": (replication("RKlazinga network/branch.py @9b64dc3"),),
            },
            unless={"model.mask_to_branch": ("empty",)},
        ),
    ]
    bilateral: Annotated[
        Bilateral,
        Choice(
            "Is the bilateral propagation activation in place?",
            gap="topology",
            paper="stated",
            options={
                "propagation": (paper("abstract"), release("models/PCconv.py @9adf889")),
                "none": (replication("RKlazinga/MEDFE main.py @9b64dc3: disabled"),),
            },
            defensible="N",
        ),
    ]
    channel_equalisation: Annotated[
        ChannelEqualisation,
        Choice(
            "Which channel attention reweighs the fused features?",
            gap="topology",
            paper="ambiguous",
            options={
                "squeeze_excitation": (release("models/PCconv.py @9adf889: reduction 16"),),
                "selective_kernel": (related("MFCL @1c33b1e"),),
                "none": (replication("RKlazinga bpa.py @9b64dc3"),),
            },
            defensible="N",
        ),
    ]
