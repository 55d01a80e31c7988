"""Commands on photographs and checkpoints: `inpaint`, `evaluate`, `import-release`, `export-release`."""

from pathlib import Path
from typing import Annotated

import typer

from repro import paths
from repro.audit.ledger.yaml_text import check_regular
from repro.extras import require
from repro.refusals import check_file, check_folder

CHECKPOINT = "expected a checkpoint"
Output = Annotated[Path, typer.Option("-o", "--output", help="Where to write; replaced if it is there.")]


def inpaint(
    photo: Annotated[Path, typer.Argument(help="Any photograph.")],
    mask: Annotated[Path, typer.Argument(help="An image of the same size, white in the hole.")],
    output: Output,
    checkpoint: Annotated[Path, typer.Option(help="A trained or an imported checkpoint.")] = paths.TRAIN
    / paths.CHECKPOINT,
) -> None:
    """Fill the hole of a photograph; known pixels come back untouched, as 8-bit RGB."""
    require("medfe")
    check_file(output)
    check_regular(checkpoint, CHECKPOINT)
    from repro.cases.medfe.inpainting import inpaint_file

    said = inpaint_file(checkpoint, photo, mask, output)
    print(f"wrote {output}\n  {said}")


def evaluate(
    checkpoint: Annotated[Path, typer.Argument(help="A trained or an imported checkpoint.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="A new folder, or that of an earlier evaluation.")],
) -> None:
    """Measure a checkpoint on the test holes that `dvc repro baselines` has prepared."""
    require("medfe")
    from repro.cases.medfe.evaluation.fills import FILES
    from repro.cases.medfe.evaluation.model import evaluate_model
    from repro.cases.medfe.params import load_params

    check_folder(output, FILES)
    check_regular(checkpoint, CHECKPOINT)
    params = load_params(paths.PARAMS)
    evaluate_model(checkpoint, paths.PREPARED, paths.MASKS, paths.BASELINES, params.evaluation, params.runtime, output)
    print(f"wrote {output}/{paths.METRICS}, {paths.IMAGES} and {paths.GRID}")


def import_release(
    en: Annotated[Path, typer.Argument(metavar="EN.pkl", help="The authors' encoder.")],
    de: Annotated[Path, typer.Argument(metavar="DE.pkl", help="Their decoder.")],
    medfe: Annotated[Path, typer.Argument(metavar="MEDEF.pkl", help="What stands between.")],
    output: Output,
) -> None:
    """Make a checkpoint of ours from the authors' files."""
    require("medfe")
    check_file(output)
    for file in (en, de, medfe):
        check_regular(file, CHECKPOINT)
    from repro.cases.medfe.release import import_release as convert

    convert(en, de, medfe, output)
    print(f"wrote {output}")


def export_release(
    checkpoint: Annotated[Path, typer.Argument(help="A checkpoint with the release's tensors.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="The folder to write into.")],
) -> None:
    """Write EN.pkl, DE.pkl and MEDEF.pkl from a checkpoint of ours."""
    require("medfe")
    check_folder(output)
    check_regular(checkpoint, CHECKPOINT)
    from repro.cases.medfe.checkpoint import load_generator
    from repro.cases.medfe.release import export_release as convert

    convert(load_generator(checkpoint, "last"), output)
    print(f"wrote {output}/EN.pkl, DE.pkl and MEDEF.pkl")


COMMANDS = (inpaint, evaluate, import_release, export_release)
