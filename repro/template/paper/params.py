"""What the paper leaves open. Replace the three details by those of your paper; the ledger is derived from them."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from repro import Choice
from repro.audit.ledger.source import inference, paper, related


class Group(BaseModel):
    """A group of parameters; no field has a default, since DVC could not see it."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Model(Group):
    """The classifier."""

    loss: Annotated[
        Literal["hinge", "log_loss"],
        Choice(
            "Which loss is minimised?",
            gap="loss",  # <- groups of details in the ledger are yours to name
            paper="silent",  # <- stated, ambiguous, silent or contradicted
            options={  # <- each value with where it was read; see repro.audit.ledger.source
                "hinge": (related("scikit-learn: the default of SGDClassifier"),),
                "log_loss": (inference("the usual choice where probabilities are wanted"),),
            },
        ),
    ]
    average: Annotated[
        bool,
        Choice(
            "Are the weights averaged over the steps?",
            gap="training",
            paper="ambiguous",
            options={False: (paper("section 3: not mentioned", "I"),), True: (inference("common for SGD"),)},
        ),
    ]
    centred: Annotated[
        bool,
        Choice(
            "Is the mean image taken off?",
            gap="data",
            paper="silent",
            options={True: (inference("usual preprocessing"),), False: (inference("the raw images"),)},
        ),
    ]


class Training(Group):
    """What is no detail of the paper: how much is run."""

    rate: float = Field(gt=0, description="learning rate")
    images: int = Field(ge=100, le=1000, description="training images")
    stream: int = Field(ge=0, description="another draw of the order, and nothing else: the negative control")


class Params(Group):
    """The whole tree; `seed` is the replicate."""

    model: Model
    training: Training
    seed: int = Field(ge=0)
