"""Details of the bilateral propagation activation."""

from typing import Annotated, Literal

from pydantic import Field

from repro.audit.ledger.choice import Choice
from repro.audit.ledger.source import inference, paper, related, release, replication
from repro.cases.medfe.params.group import Group

SpatialWindow = Literal["grid", "window_33"]
RangeSimilarity = Literal["sigmoid_product", "sigmoid_sum", "cosine"]
BilateralLayout = Literal["transposed", "reshaped"]

_PROPAGATION = {"model.bilateral": ("propagation",)}


class BilateralDetails(Group):
    """What the formula of the spatial and of the range term leaves open."""

    bilateral_sigma: Annotated[
        float,
        Field(gt=0),
        Choice(
            "How wide is the Gaussian of the spatial term, in positions of the branch grid?",
            gap="hyperparameters",
            paper="silent",
            options={
                1.5: (release("util/util.py @9adf889"),),
                96.0: (replication("RKlazinga bpa.py @9b64dc3: variance (3 * 32)^2, marked as a guess"),),
            },
            free=True,
            only_if=_PROPAGATION,
        ),
    ]
    spatial_window: Annotated[
        SpatialWindow,
        Choice(
            "Does the spatial term see the whole grid, or 33 by 33 positions?",
            gap="hyperparameters",
            paper="ambiguous",
            options={
                "grid": (release("models/PCconv.py @9adf889"),),
                "window_33": (replication("RKlazinga bpa.py @9b64dc3"),),
            },
            only_if=_PROPAGATION,
            visible="the branch grid has more than 17 positions a side, image_px above 136, and sigma is wide",
        ),
    ]
    range_similarity: Annotated[
        RangeSimilarity,
        Choice(
            "How is the similarity of two positions in the range term computed?",
            gap="hyperparameters",
            paper="ambiguous",
            options={
                "sigmoid_product": (release("models/PCconv.py @9adf889"),),
                "sigmoid_sum": (replication("RKlazinga bpa.py @9b64dc3: adds instead of multiplying"),),
                "cosine": (related("CTSDG cfa.py @def0274: softmax of 10 times the cosine"),),
            },
            defensible="N",
            only_if=_PROPAGATION,
        ),
    ]
    bilateral_layout: Annotated[
        BilateralLayout,
        Choice(
            "Is the matrix of positions by channels transposed when it becomes a map again?",
            gap="rescaling",
            paper="contradicted",
            options={
                "transposed": (paper("abstract: features propagate between positions", "I"), inference("the formula")),
                "reshaped": (
                    release("models/PCconv.py @9adf889: read back without transposing", "C"),
                    replication("RKlazinga bpa.py @9b64dc3: reshapes without permute"),
                    related("MFCL @1c33b1e"),
                    related("TSGL @e9f6438"),
                    related("dl-lab @f6f028d"),
                ),
            },
            defensible="N",
            only_if=_PROPAGATION,
        ),
    ]
