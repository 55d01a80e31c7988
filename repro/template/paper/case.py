"""The case: everything that `repro` asks of a paper, in one declaration."""

from pathlib import Path

from paper.params import Params
from repro import Metric, PaperCase

CASE = PaperCase(
    name="my-paper",
    title="What the paper leaves open",
    params=Params,
    metrics=(
        Metric(
            "accuracy",
            "accuracy",
            "higher",
            decimals=3,
            how="share of test images whose digit is right",
            margin=0.01,  # <- below this you would not call it a difference; say why before you run
            why="one test image in a hundred",
        ),
    ),
    folder=Path(__file__).parents[1] / "ablations",
    make_run="paper.run:make_run",
    vocabulary=("paper.params",),  # edits of the ledger alone make no run anew
)
