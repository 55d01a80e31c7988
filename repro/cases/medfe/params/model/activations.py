"""Details of activations, normalisation and the scaling of partial convolutions."""

from typing import Annotated, Literal

from repro.audit.ledger.choice import Choice
from repro.audit.ledger.source import inference, related, release, replication
from repro.cases.medfe.params.conditions import NO_ADVERSARY
from repro.cases.medfe.params.group import Group

Norm = Literal["instance", "batch", "group", "none"]
NormLevels = Literal["inner", "all"]
Activation = Literal["leaky_relu_relu", "relu", "silu"]
BlockOrder = Literal["activation_first", "activation_last"]
SkipTap = Literal["activated", "raw"]
OutputActivation = Literal["tanh", "relu_unit", "scaled_tanh", "linear"]
PartialScaling = Literal["one_over_sum", "window_over_sum", "counting_kernels"]
DiscriminatorRegularisation = Literal["spectral_norm", "instance_norm", "gradient_penalty", "none"]


class Activations(Group):
    """Gap 4 of the ledger."""

    norm: Annotated[
        Norm,
        Choice(
            "Which normalisation follows the convolutions?",
            gap="activation and normalisation",
            paper="silent",
            options={
                "instance": (release("models/Encoder.py @d7d5aaa"), related("EdgeConnect @3142579")),
                "batch": (replication("RKlazinga/MEDFE @9b64dc3"), related("naoto0804 PConv @8d64e7e")),
                "group": (release("HF KumaPower/MEDFE page"),),
                "none": (inference("the first and last level of the release, taken for all"),),
            },
        ),
    ]
    norm_levels: Annotated[
        NormLevels,
        Choice(
            "Are the first and the last level of the encoder normalised too?",
            gap="activation and normalisation",
            paper="silent",
            options={
                "inner": (release("models/Encoder.py @d7d5aaa: none on levels 1 and 6"),),
                "all": (inference("one rule for all levels"),),
            },
            unless={"model.norm": ("none",)},
        ),
    ]
    activation: Annotated[
        Activation,
        Choice(
            "Which activations have encoder and decoder?",
            gap="activation and normalisation",
            paper="silent",
            options={
                "leaky_relu_relu": (release("models/Encoder.py, Decoder.py @d7d5aaa"), related("Shift-Net @a353431")),
                "relu": (replication("RKlazinga/MEDFE @9b64dc3"),),
                "silu": (release("HF KumaPower/MEDFE page"),),
            },
        ),
    ]
    block_order: Annotated[
        BlockOrder,
        Choice(
            "Does a level activate before its convolution (then normalise), or convolve, activate, normalise?",
            gap="activation and normalisation",
            paper="silent",
            options={
                "activation_first": (release("models/Encoder.py @d7d5aaa"), related("Shift-Net @a353431")),
                "activation_last": (replication("RKlazinga/MEDFE @9b64dc3: convolution, ReLU, batch norm"),),
            },
        ),
    ]
    skip_tap: Annotated[
        SkipTap,
        Choice(
            "Do branches and skips read a level after the next level's in-place activation, or before it?",
            gap="activation and normalisation",
            paper="silent",
            options={
                "raw": (inference("what a network without in-place activations computes"),),
                "activated": (release("models/Encoder.py @d7d5aaa: in-place LeakyReLU", "C"),),
            },
            defensible="E",
            only_if={"model.block_order": ("activation_first",)},
        ),
    ]
    output_activation: Annotated[
        OutputActivation,
        Choice(
            "Which activation ends the decoder and the supervision heads?",
            gap="activation and normalisation",
            paper="silent",
            options={
                "tanh": (release("models/Decoder.py @d7d5aaa"), related("CSA @f0b0712")),
                "relu_unit": (replication("RKlazinga DeConvUnit @9b64dc3: ReLU, images in [0, 1]"),),
                "scaled_tanh": (related("EdgeConnect @3142579: (tanh + 1) / 2, images in [0, 1]"),),
                "linear": (related("naoto0804 PConv @8d64e7e"),),
            },
            defensible="N",
            inert={"scaled_tanh": "(tanh + 1) / 2 in [0, 1] is tanh in [-1, 1], the convention of this project"},
        ),
    ]
    partial_scaling: Annotated[
        PartialScaling,
        Choice(
            "What is a partial convolution divided by?",
            gap="activation and normalisation",
            paper="silent",
            options={
                "window_over_sum": (related("NVIDIA/partialconv @610d373"), replication("RKlazinga/MEDFE @9b64dc3")),
                "one_over_sum": (release("models/PCconv.py @9adf889, as written"), related("naoto0804 PConv @8d64e7e")),
                "counting_kernels": (release("models/networks.py @9adf889: init reinitialises the counts", "C"),),
            },
        ),
    ]
    discriminator_regularisation: Annotated[
        DiscriminatorRegularisation,
        Choice(
            "How are the discriminators kept in check?",
            gap="activation and normalisation",
            paper="silent",
            options={
                "spectral_norm": (release("discriminators @9adf889"), related("EdgeConnect @3142579")),
                "instance_norm": (related("CSA @f0b0712"),),
                "gradient_penalty": (related("GMCNN @08eb38f"), replication("RKlazinga/MEDFE @9b64dc3")),
                "none": (inference("what the paper's silence amounts to"),),
            },
            unless=NO_ADVERSARY,
        ),
    ]
