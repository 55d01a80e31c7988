"""Details of kernel sizes, strides and dilations, of generator and discriminators."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from repro.audit.ledger.choice import Choice
from repro.audit.ledger.source import paper, related, release, replication
from repro.cases.medfe.params.conditions import NO_ADVERSARY, NO_RESIDUAL_BLOCKS
from repro.cases.medfe.params.group import Group

DecoderUpsampling = Literal["transposed_4", "nearest_conv_3"]
DiscriminatorHead = Literal["patch", "full"]


def _odd(kernels: tuple[int, ...]) -> tuple[int, ...]:
    if not kernels or any(kernel < 1 or kernel % 2 == 0 for kernel in kernels):
        raise PydanticCustomError("odd", "allowed: odd sizes such as [3,5,7]; an even kernel cannot be centred")
    return kernels


class Kernels(Group):
    """Gap 3 of the ledger."""

    encoder_kernels: Annotated[
        tuple[int, ...],
        Choice(
            "Which kernel has each level of the encoder (the last one is repeated for deeper levels)?",
            gap="kernel sizes",
            paper="silent",
            options={
                (4, 4, 4, 4, 4, 4): (release("models/Encoder.py @d7d5aaa"), replication("RKlazinga/MEDFE @9b64dc3")),
                (7, 5, 5, 3, 3, 3): (related("naoto0804 PConv @8d64e7e"), related("CTSDG @def0274")),
                (7, 4, 4, 4, 4, 4): (related("EdgeConnect @3142579"),),
            },
        ),
    ]
    decoder_upsampling: Annotated[
        DecoderUpsampling,
        Choice(
            "Does the decoder upsample by transposed 4x4 convolutions, or by nearest neighbours and a 3x3 convolution?",
            gap="kernel sizes",
            paper="silent",
            options={
                "transposed_4": (release("models/Decoder.py @d7d5aaa"), replication("RKlazinga/MEDFE @9b64dc3")),
                "nearest_conv_3": (related("naoto0804 PConv @8d64e7e"), release("HF KumaPower/MEDFE page")),
            },
        ),
    ]
    residual_kernel: Annotated[
        int,
        Choice(
            "Which kernel have the residual blocks?",
            gap="kernel sizes",
            paper="ambiguous",
            options={
                3: (release("models/Encoder.py @d7d5aaa"), related("EdgeConnect @3142579")),
                2: (replication("RKlazinga res_block.py @9b64dc3"),),
            },
            unless=NO_RESIDUAL_BLOCKS,
        ),
    ]
    residual_dilations: Annotated[
        tuple[int, int],
        Choice(
            "Which dilations have the two convolutions of a residual block?",
            gap="kernel sizes",
            paper="ambiguous",
            options={
                (2, 1): (release("models/Encoder.py @d7d5aaa"), related("EdgeConnect @3142579")),
                (2, 2): (replication("RKlazinga res_block.py @9b64dc3"),),
                (1, 1): (replication("mhumver/ReproduceDL commit log @81adc4f"),),
                (5, 1): (
                    replication("mhumver/ReproduceDL commit log @81adc4f: also 10, 15 and 20, alike on a 4x4 map"),
                ),
            },
            visible="the innermost map has several positions: image_px of at least 2 ** (depth + 1)",
            unless=NO_RESIDUAL_BLOCKS,
        ),
    ]
    stream_kernels: Annotated[
        tuple[int, ...],
        AfterValidator(_odd),
        Choice(
            "Which kernels have the filling streams of a branch?",
            gap="kernel sizes",
            paper="stated",
            options={
                (3, 5, 7): (paper("Figure 2"), release("models/PCconv.py @9adf889"), replication("RKlazinga @9b64dc3")),
                (3, 5): (replication("mvanlobensels fork: drops the 7x7 of the structure branch; here of both", "I"),),
            },
            defensible="N",
            free=True,
        ),
    ]
    stream_layers: Annotated[
        int,
        Field(ge=1, le=20),
        Choice(
            "How many partial convolutions has a stream?",
            gap="kernel sizes",
            paper="stated",
            options={
                5: (
                    paper("quoted in RKlazinga network/branch.py @9b64dc3"),
                    release("models/PCconv.py @9adf889"),
                    replication("RKlazinga network/branch.py @9b64dc3"),
                ),
            },
            free=True,
        ),
    ]
    discriminator_kernel: Annotated[
        int,
        Choice(
            "Which kernel have the discriminators?",
            gap="kernel sizes",
            paper="silent",
            options={
                4: (
                    release("discriminators @9adf889"),
                    related("Shift-Net @a353431"),
                    related("CSA @f0b0712"),
                    replication("RKlazinga/MEDFE @9b64dc3"),
                ),
                5: (related("generative_inpainting @3a53243"),),
            },
            unless=NO_ADVERSARY,
        ),
    ]
    discriminator_strides: Annotated[
        tuple[int, ...],
        Choice(
            "Which strides, and so which receptive field, have the discriminators?",
            gap="kernel sizes",
            paper="silent",
            options={
                (2, 2, 2, 2, 2): (
                    release("discriminators @9adf889: 94 px, wider than the local crop", "C"),
                    replication("RKlazinga/MEDFE @9b64dc3: stride 2 down to 4x4"),
                ),
                (2, 2, 2, 1, 1): (
                    related("Shift-Net @a353431: 70 px"),
                    related("CSA @f0b0712"),
                    related("CTSDG @def0274"),
                ),
            },
            unless=NO_ADVERSARY,
        ),
    ]
    discriminator_head: Annotated[
        DiscriminatorHead,
        Choice(
            "Does a discriminator score patches, or the whole map by one last full convolution?",
            gap="kernel sizes",
            paper="silent",
            options={
                "patch": (release("discriminators @9adf889"), related("Shift-Net @a353431")),
                "full": (replication("RKlazinga/MEDFE @9b64dc3: down to 4x4, then full"),),
            },
            unless=NO_ADVERSARY,
        ),
    ]
