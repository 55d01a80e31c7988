"""Parameters of the optimisers; what a schedule says in epochs becomes a share of the training."""

from typing import Annotated, Literal

from pydantic import Field

from repro.audit.ledger.choice import Choice
from repro.audit.ledger.source import inference, related, release, replication
from repro.cases.medfe.params.conditions import NO_ADVERSARY
from repro.cases.medfe.params.group import Group

Schedule = Literal["constant_then_linear", "constant", "step", "finetune"]
Initialisation = Literal["normal", "xavier", "kaiming", "default"]
DiscriminatorInitialisation = Literal["same", "default"]


class OptimisationParams(Group):
    """Adam for generator and discriminators."""

    learning_rate: Annotated[
        float,
        Field(gt=0, le=1),
        Choice(
            "What is the generator's learning rate?",
            gap="hyperparameters",
            paper="silent",
            options={
                2e-4: (release("options @9adf889"), related("CSA @f0b0712"), related("RFR @e1cad6a")),
                1e-4: (related("StructureFlow @1ac8f55"), related("EdgeConnect @3142579")),
                1e-3: (replication("RKlazinga/MEDFE @9b64dc3"),),
                1e-5: (related("GMCNN @08eb38f"),),
                5e-4: (related("TSGL @e9f6438"),),
                8e-4: (related("dl-lab @f6f028d"),),
            },
            free=True,
        ),
    ]
    discriminator_ratio: Annotated[
        float,
        Field(gt=0, le=100),
        Choice(
            "What is the discriminators' learning rate, in units of the generator's?",
            gap="hyperparameters",
            paper="silent",
            options={
                1.0: (release("options @9adf889"),),
                0.1: (
                    related("EdgeConnect @3142579"),
                    related("CTSDG D2G_LR @def0274"),
                    replication("RKlazinga @9b64dc3"),
                ),
                0.2: (related("TSGL @e9f6438: 5e-4 and 1e-4"),),
            },
            free=True,
            unless=NO_ADVERSARY,
        ),
    ]
    betas: Annotated[
        tuple[Annotated[float, Field(ge=0, lt=1)], Annotated[float, Field(ge=0, lt=1)]],
        Choice(
            "Which betas has Adam?",
            gap="hyperparameters",
            paper="silent",
            options={
                (0.5, 0.999): (release("options @9adf889"), related("Shift-Net @a353431"), related("CSA @f0b0712")),
                (0.0, 0.9): (related("EdgeConnect @3142579"),),
                (0.0, 0.999): (related("StructureFlow @1ac8f55"),),
                (0.9, 0.999): (replication("RKlazinga/MEDFE @9b64dc3: torch's default"), related("RFR @e1cad6a")),
            },
            free=True,
        ),
    ]
    schedule: Annotated[
        Schedule,
        Choice(
            "How does the learning rate change?",
            gap="hyperparameters",
            paper="silent",
            options={
                "constant_then_linear": (release("options @9adf889: 20 of 120 epochs, then to zero", "C"),),
                "constant": (related("StructureFlow @1ac8f55"), related("RFR @e1cad6a")),
                "step": (related("TSGL @e9f6438: StepLR, 0.1; here at each third of the training"),),
                "finetune": (related("naoto0804 PConv @8d64e7e: to a quarter, with frozen norms; here the rate only"),),
            },
        ),
    ]
    critic_steps: Annotated[
        int,
        Field(ge=1, le=20),
        Choice(
            "How many steps do the discriminators take for one of the generator?",
            gap="adversarial loss",
            paper="silent",
            options={1: (release("@9adf889"),), 5: (related("GMCNN @08eb38f, with wgan_gp"),)},
            free=True,
            unless=NO_ADVERSARY,
        ),
    ]
    initialisation: Annotated[
        Initialisation,
        Choice(
            "How are the generator's convolutions initialised?",
            gap="hyperparameters",
            paper="silent",
            options={
                "normal": (release("models/networks.py @9adf889: standard deviation 0.02"),),
                "xavier": (related("StructureFlow @1ac8f55"),),
                "kaiming": (related("naoto0804 PConv @8d64e7e"),),
                "default": (replication("RKlazinga/MEDFE @9b64dc3: torch's own"),),
            },
        ),
    ]
    discriminator_initialisation: Annotated[
        DiscriminatorInitialisation,
        Choice(
            "Does the initialisation reach the discriminators?",
            gap="hyperparameters",
            paper="silent",
            options={
                "same": (inference("one rule for all networks"),),
                "default": (release("models/networks.py @9adf889: it misses spectrally normalised weights", "C"),),
            },
            unless={"optimisation.initialisation": ("default",), **NO_ADVERSARY},
        ),
    ]
