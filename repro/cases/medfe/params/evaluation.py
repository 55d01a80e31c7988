"""Parameters of the evaluation: which checkpoint, and by which protocol its images become numbers."""

from typing import Annotated, Literal

from pydantic import Field

from repro.audit.ledger.choice import Choice
from repro.audit.ledger.source import inference, related, release
from repro.cases.medfe.params.group import Group

CheckpointChoice = Literal["last", "best"]
Output = Literal["composite", "raw"]
Rounding = Literal["none", "round", "truncate"]
SsimWindow = Literal["gaussian_11", "uniform_7", "uniform_51"]
Colour = Literal["rgb", "grey"]


class EvaluationParams(Group):
    """The headline protocol; every row of the results holds composite and raw output alike."""

    checkpoint: Annotated[
        CheckpointChoice,
        Choice(
            "Is the last checkpoint evaluated, or the best on the validation split?",
            gap="evaluation",
            paper="silent",
            options={
                "last": (release("data/dataprocess.py @9adf889 has no validation split"),),
                "best": (inference("what users with a validation split do"),),
            },
        ),
    ]
    output: Annotated[
        Output,
        Choice(
            "Is the network's raw output measured, or the composite that keeps the known pixels?",
            gap="evaluation",
            paper="silent",
            options={
                "composite": (release("test.py @9adf889"), related("RFR @e1cad6a"), related("CTSDG @def0274")),
                "raw": (release("models/MEDFE.py @9adf889: the losses use the raw output"),),
            },
            defensible="N",
        ),
    ]
    rounding: Annotated[
        Rounding,
        Choice(
            "How do values in [0, 255] become bytes before they are measured?",
            gap="evaluation",
            paper="silent",
            options={
                "none": (inference("measured as computed"),),
                "round": (related("AOT-GAN metric.py @2cd1afd: uint8 images"),),
                "truncate": (release("test.py @9adf889"),),
            },
        ),
    ]
    ssim_window: Annotated[
        SsimWindow,
        Choice(
            "Which window does SSIM average over?",
            gap="evaluation",
            paper="silent",
            options={
                "gaussian_11": (related("MAT @d273d89"), related("LaMa @786f593")),
                "uniform_7": (related("AOT-GAN metric.py @2cd1afd"),),
                "uniform_51": (related("EdgeConnect scripts/metrics.py @3142579"),),
            },
            defensible="N",
        ),
    ]
    colour: Annotated[
        Colour,
        Choice(
            "Are PSNR and SSIM computed on colour or on grey images?",
            gap="evaluation",
            paper="silent",
            options={
                "rgb": (related("StructureFlow scripts/metrics.py @1ac8f55"), related("AOT-GAN metric.py @2cd1afd")),
                "grey": (related("EdgeConnect scripts/metrics.py @3142579"),),
            },
            defensible="N",
        ),
    ]
    batch_size: int = Field(ge=1, description="images per forward pass of the evaluation; no effect on the numbers")
    baselines: bool = Field(description="also fill every hole by the classical baselines")
