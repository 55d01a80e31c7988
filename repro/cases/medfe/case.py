"""MEDFE as a case under audit.

Source: Liu et al., Rethinking Image Inpainting via a Mutual Encoder-Decoder with Feature Equalizations, ECCV 2020.
"""

from repro import paths
from repro.case import Input, ResultFiles, UnitGroups
from repro.cases.medfe.metrics.records import METRICS
from repro.cases.medfe.params import Params
from repro.paper_case import PaperCase

_HERE = "repro.cases.medfe"

CASE = PaperCase(
    name="medfe",
    title="What the MEDFE paper leaves open",
    params=Params,
    metrics=METRICS,
    folder=paths.ABLATIONS,
    make_run=f"{_HERE}.study:make_run",
    inputs=(
        Input(
            "photographs",
            f"{_HERE}.inputs:make_photographs",
            params=("data",),
            check=f"{_HERE}.split_folders:check_photographs",
        ),
        Input("holes", f"{_HERE}.inputs:make_holes", params=("masks",), needs=("photographs",)),
    ),
    more_sections=f"{_HERE}.report.fills:SECTIONS",
    vocabulary=(f"{_HERE}.params",),
    preload=(f"{_HERE}.study",),
    threads_key="runtime.threads",
    unit_groups=UnitGroups(f"{paths.EVALUATE.name}/{paths.IMAGES}", unit="image", group="photograph"),
    build_report=f"{_HERE}.report.build:build_report",
    results=ResultFiles(
        rows=f"{paths.EVALUATE.name}/{paths.IMAGES}",
        figures=f"{paths.EVALUATE.name}/{paths.METRICS}",
        record=f"{paths.TRAIN.name}/{paths.RECORD}",
        folders=(paths.TRAIN.name, paths.EVALUATE.name, paths.BASELINES.name),
        history=f"{paths.TRAIN.name}/{paths.HISTORY}",
        text=("method", "photograph", "bucket", "output"),
    ),
)
