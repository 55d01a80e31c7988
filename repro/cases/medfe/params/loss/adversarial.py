"""Details of the adversarial game: its form, who plays, and what is judged."""

from typing import Annotated, Literal

from pydantic import Field

from repro.audit.ledger.choice import Choice
from repro.audit.ledger.source import inference, related, release, replication
from repro.cases.medfe.params.conditions import NO_ADVERSARY
from repro.cases.medfe.params.group import Group
from repro.cases.medfe.params.sources import PROBABLY_THE_PAPERS

Adversarial = Literal["ralsgan", "ragan", "rahinge", "lsgan", "nsgan", "hinge", "wgan_gp", "none"]
GlobalRegion = Literal["whole", "none"]
LocalRegion = Literal["random_crop", "hole_box", "none"]
LocalNetwork = Literal["separate", "shared"]
AdversarialInput = Literal["raw", "composite", "composite_with_mask", "conditional"]


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
                    PROBABLY_THE_PAPERS,
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
            paper="ambiguous",
            options={
                0.2: (
                    PROBABLY_THE_PAPERS,
                    release("options/base_options.py @9adf889"),
                ),
                0.1: (related("EdgeConnect @3142579"), related("CTSDG @def0274"), related("TSGL @e9f6438")),
                0.01: (related("AOT-GAN @2cd1afd"),),
                0.001: (related("GMCNN @08eb38f"),),
                1.0: (related("StructureFlow @1ac8f55"), related("generative_inpainting @3a53243")),
            },
            free=True,
            unless=NO_ADVERSARY,
        ),
    ]
    global_region: Annotated[
        GlobalRegion,
        Choice(
            "Does a global discriminator see the whole image?",
            gap="adversarial loss",
            paper="ambiguous",
            options={
                "whole": (
                    release("@9adf889"),
                    PROBABLY_THE_PAPERS,
                ),
                "none": (inference("the component can be left out, as the replicators had to"),),
            },
            defensible="N",
            unless=NO_ADVERSARY,
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
            unless=NO_ADVERSARY,
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
            only_if={"model.discriminator_head": ("patch",)},
            unless={**NO_ADVERSARY, "loss.local_region": ("none",), "loss.global_region": ("none",)},
        ),
    ]
    adv_input: Annotated[
        AdversarialInput,
        Choice(
            "What do the discriminators see?",
            gap="adversarial loss",
            paper="silent",
            options={
                "raw": (release("models/MEDFE.py @9adf889"),),
                "composite": (replication("RKlazinga/MEDFE @9b64dc3"), related("GMCNN @08eb38f")),
                "composite_with_mask": (related("generative_inpainting @3a53243: mask channel"),),
                "conditional": (related("pix2pix"),),
            },
            unless=NO_ADVERSARY,
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
            unless=NO_ADVERSARY,
        ),
    ]
