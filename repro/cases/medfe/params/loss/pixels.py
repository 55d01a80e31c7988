"""Details of the pixel term and of the branch supervision."""

from typing import Annotated, Literal

from pydantic import Field

from repro.audit.ledger.choice import Choice
from repro.audit.ledger.source import inference, related, release, replication
from repro.cases.medfe.params.group import Group
from repro.cases.medfe.params.sources import PROBABLY_THE_PAPERS

PixelForm = Literal["whole", "hole_area", "valid_1_hole_6", "valid_10_hole_60", "valid_1_hole_5"]


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
            paper="ambiguous",
            options={
                1.0: (
                    PROBABLY_THE_PAPERS,
                    release("models/MEDFE.py @9adf889"),
                ),
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
            paper="ambiguous",
            options={
                1.0: (
                    PROBABLY_THE_PAPERS,
                    release("models/MEDFE.py @9adf889"),
                ),
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
            paper="ambiguous",
            options={
                1.0: (
                    PROBABLY_THE_PAPERS,
                    release("models/MEDFE.py @9adf889"),
                ),
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
