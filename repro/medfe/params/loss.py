"""Parameters of the losses: the adversarial game, the VGG terms, pixels and branch supervision."""

from typing import Annotated, Literal

from pydantic import Field

from repro.audit.choice import Choice, inference, related, release, replication
from repro.medfe.params.group import Group

Adversarial = Literal["ralsgan", "ragan", "rahinge", "lsgan", "nsgan", "hinge", "wgan_gp", "none"]
GlobalRegion = Literal["whole", "none"]
LocalRegion = Literal["random_crop", "hole_box", "none"]
LocalNetwork = Literal["separate", "shared"]
AdversarialInput = Literal["raw", "composite", "raw_with_mask", "conditional"]
PixelForm = Literal["whole", "hole_area", "valid_1_hole_6", "valid_10_hole_60", "valid_1_hole_5"]
Vgg = Literal["vgg16", "vgg19"]
VggWeights = Literal["imagenet", "random"]
VggInput = Literal["imagenet", "raw"]
PerceptualLayers = Literal["relu1_1_to_5_1", "pool1_to_3"]
StyleLayers = Literal["r22_r33_r43_r52", "r22_r34_r44_r52", "r11_r21_r31_r41_r51", "pool1_to_3"]
Relu52 = Literal["proper", "reapplied"]

_GAME = ("ralsgan", "ragan", "rahinge", "lsgan", "nsgan", "hinge", "wgan_gp")
_ADVERSARIAL = {"loss.adv": _GAME}


class AdversarialDetails(Group):
    """Gap 7 of the ledger."""

    adv: Annotated[
        Adversarial,
        Choice(
            "Which adversarial loss trains generator and discriminators?",
            gap="adversarial loss",
            paper="ambiguous",
            options={
                "ragan": (
                    replication("RKlazinga training/loss.py @215a824, from the paper alone: probably the paper's", "I"),
                    related("RelativisticGAN @2646c0b, loss_D 6"),
                ),
                "ralsgan": (
                    release("@9adf889"),
                    related("RelativisticGAN @2646c0b, loss_D 7"),
                    related("CSA @f0b0712"),
                ),
                "rahinge": (related("RelativisticGAN @2646c0b, loss_D 8"),),
                "lsgan": (related("StructureFlow @1ac8f55"),),
                "nsgan": (related("EdgeConnect @3142579"), related("CTSDG @def0274")),
                "hinge": (related("generative_inpainting @3a53243"), related("PD-GAN @eec6306")),
                "wgan_gp": (related("GMCNN @08eb38f: lambda 10, five critic steps"),),
                "none": (replication("RKlazinga/MEDFE main.py @9b64dc3: disabled"),),
            },
        ),
    ]
    adv_weight: Annotated[
        float,
        Field(ge=0),
        Choice(
            "What is the weight of the adversarial term?",
            gap="hyperparameters",
            paper="stated",
            options={
                0.2: (
                    replication("RKlazinga training/loss.py @215a824", "I"),
                    release("options/base_options.py @9adf889"),
                ),
                0.1: (related("EdgeConnect @3142579"), related("CTSDG @def0274"), related("TSGL @e9f6438")),
                0.01: (related("AOT-GAN @2cd1afd"),),
                0.001: (related("GMCNN @08eb38f"),),
                1.0: (related("StructureFlow @1ac8f55"), related("generative_inpainting @3a53243")),
            },
            free=True,
            only_if=_ADVERSARIAL,
        ),
    ]
    global_region: Annotated[
        GlobalRegion,
        Choice(
            "Does a global discriminator see the whole image?",
            gap="adversarial loss",
            paper="stated",
            options={
                "whole": (release("@9adf889"), replication("RKlazinga training/loss.py @215a824")),
                "none": (inference("the component can be left out, as the replicators had to"),),
            },
            defensible="N",
            only_if=_ADVERSARIAL,
        ),
    ]
    local_region: Annotated[
        LocalRegion,
        Choice(
            "Which region does the local discriminator see?",
            gap="adversarial loss",
            paper="silent",
            options={
                "random_crop": (release("models/MEDFE.py @9adf889: independent of the hole"),),
                "hole_box": (replication("RKlazinga/MEDFE @9b64dc3"), related("GMCNN @08eb38f")),
                "none": (related("generative_inpainting @3a53243"), related("EdgeConnect @3142579")),
            },
            only_if=_ADVERSARIAL,
        ),
    ]
    local_network: Annotated[
        LocalNetwork,
        Choice(
            "Has the local discriminator weights of its own?",
            gap="adversarial loss",
            paper="silent",
            options={
                "separate": (release("@9adf889: two networks"),),
                "shared": (inference("a fully convolutional network can serve both"),),
            },
            only_if={
                **_ADVERSARIAL,
                "loss.local_region": ("random_crop", "hole_box"),
                "loss.global_region": ("whole",),
            },
        ),
    ]
    adv_input: Annotated[
        AdversarialInput,
        Choice(
            "What do the discriminators judge?",
            gap="adversarial loss",
            paper="silent",
            options={
                "raw": (release("models/MEDFE.py @9adf889"),),
                "composite": (replication("RKlazinga/MEDFE @9b64dc3"), related("GMCNN @08eb38f")),
                "raw_with_mask": (related("generative_inpainting @3a53243: mask channel"),),
                "conditional": (related("pix2pix"),),
            },
            only_if=_ADVERSARIAL,
        ),
    ]
    discriminator_factor: Annotated[
        float,
        Field(gt=0),
        Choice(
            "By what is each discriminator's own loss multiplied?",
            gap="adversarial loss",
            paper="silent",
            options={1.0: (release("@9adf889"),), 0.5: (related("CSA @f0b0712"),)},
            free=True,
            only_if=_ADVERSARIAL,
        ),
    ]


class PixelDetails(Group):
    """The pixel term and the branch supervision."""

    pixel_form: Annotated[
        PixelForm,
        Choice(
            "Over which pixels is the L1 taken?",
            gap="hyperparameters",
            paper="ambiguous",
            options={
                "whole": (release("models/MEDFE.py @9adf889"),),
                "hole_area": (replication("RKlazinga/MEDFE @9b64dc3: on the composite, rescaled by the hole's area"),),
                "valid_1_hole_6": (related("naoto0804 PConv @8d64e7e"), related("RFR @e1cad6a")),
                "valid_10_hole_60": (related("CTSDG @def0274"),),
                "valid_1_hole_5": (related("TSGL @e9f6438"),),
            },
        ),
    ]
    pixel_weight: Annotated[
        float,
        Field(ge=0),
        Choice(
            "What is the weight of the pixel term?",
            gap="hyperparameters",
            paper="stated",
            options={
                1.0: (replication("RKlazinga training/loss.py @215a824", "I"), release("models/MEDFE.py @9adf889")),
                100.0: (related("Shift-Net @a353431"), related("CSA @f0b0712"), related("pix2pix")),
            },
            free=True,
        ),
    ]
    structure_weight: Annotated[
        float,
        Field(ge=0),
        Choice(
            "What is the weight of the structure supervision?",
            gap="hyperparameters",
            paper="stated",
            options={
                1.0: (replication("RKlazinga training/loss.py @215a824", "I"), release("models/MEDFE.py @9adf889")),
                0.0: (inference("the component can be left out, as the replicators had to"),),
            },
            free=True,
        ),
    ]
    texture_weight: Annotated[
        float,
        Field(ge=0),
        Choice(
            "What is the weight of the texture supervision?",
            gap="hyperparameters",
            paper="stated",
            options={
                1.0: (replication("RKlazinga training/loss.py @215a824", "I"), release("models/MEDFE.py @9adf889")),
                0.0: (inference("the component can be left out, as the replicators had to"),),
            },
            free=True,
        ),
    ]
    branch_factor: Annotated[
        float,
        Field(gt=0),
        Choice(
            "How often does the gradient of the branch supervision count?",
            gap="hyperparameters",
            paper="contradicted",
            options={
                1.0: (replication("RKlazinga training/loss.py @215a824"),),
                3.0: (release("models/MEDFE.py @9adf889: counted three times", "C"),),
                4.0: (replication("MEDFE-CAE @74226cf, original mode"),),
                32.0: (replication("MEDFE-CAE @74226cf, new mode"),),
            },
            free=True,
        ),
    ]


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
                0.1: (replication("RKlazinga training/loss.py @215a824", "I"), related("StructureFlow @1ac8f55")),
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
            paper="stated",
            options={
                250.0: (replication("RKlazinga training/loss.py @215a824", "I"), release("@9adf889")),
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
            paper="stated",
            options={
                "vgg16": (replication("RKlazinga training/loss.py @215a824", "I"), release("models/loss.py @d7d5aaa")),
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
                "raw": (release("models/MEDFE.py @9adf889"),),
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


class LossParams(VggDetails, PixelDetails, AdversarialDetails):
    """All terms of the losses."""

    vgg_weights: VggWeights = Field(
        description="imagenet: the trained weights, refused where they cannot be had; random: untrained features"
    )
    vgg_width: float = Field(
        gt=0, le=1, description="share of VGG's channels; less than 1 with random weights only (scale)"
    )
