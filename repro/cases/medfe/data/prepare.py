"""Photographs of any data set become square crops with structure targets, split by photograph.

One photograph at a time, each file decoded once. Neither the order nor a single bit depends on the number of threads.
"""

import csv
import sys
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from PIL import Image
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from repro.cases.medfe.data.arrays import COLUMNS, INDEX, SPLITS, SplitName
from repro.cases.medfe.data.crops import RESAMPLING, CropBox, choose_crop_boxes, cut
from repro.cases.medfe.data.datasets import open_dataset
from repro.cases.medfe.data.datasets.catalogue import Catalogue
from repro.cases.medfe.data.files import LeftOut
from repro.cases.medfe.data.preparation_report import LEFT_OUT, REPORT, PreparationReport
from repro.cases.medfe.data.reading import View, read_photographs
from repro.cases.medfe.data.split import Pool, assign_split, make_pools
from repro.cases.medfe.data.writing import SplitWriter
from repro.cases.medfe.params.data import DataParams
from repro.checksums import write_checksums
from repro.errors import UserError
from repro.storage import write_json, written_folder

DUPLICATE = "same bytes as another file"


def prepare_photographs(params: DataParams, folder: Path) -> None:
    """Writes the crops of all splits, their structure targets, the index and the report.

    Args:
        params: data set, split, crops and structure.
        folder: takes the results once all is written; see `repro.cases.medfe.data.arrays` for its form.

    Raises:
        UserError: the data set is missing, or too few of its files can be read to fill every split.
    """
    catalogue = open_dataset(params)
    with written_folder(folder) as partial, _pillow_warnings():
        report = PreparationReport(partial)
        for item in catalogue.left_out:
            report.leave_out(item)
        with ExitStack() as stack:
            index = csv.writer(stack.enter_context((partial / INDEX).open("w", newline="", encoding="utf-8")))
            index.writerow(COLUMNS)
            writers = {split: stack.enter_context(SplitWriter(partial, split, params, index)) for split in SPLITS}
            _fill(writers, catalogue, params, report)
        _require_all_splits(report, params)
        write_json(partial / REPORT, _describe(params) | report.summary())
        write_checksums(partial)
    if report.files_left_out:
        files = report.files_left_out + report.files_read
        print(f"{report.files_left_out} of {files} files left out; why stands in {folder / LEFT_OUT}", file=sys.stderr)


def _fill(
    writers: dict[SplitName, SplitWriter], catalogue: Catalogue, params: DataParams, report: PreparationReport
) -> None:
    seen: set[bytes] = set()
    pools = make_pools(catalogue.published, params)
    with _progress() as progress:
        task = progress.add_task("photographs", total=sum(_expected(pool) for pool in pools))
        for pool in pools:
            given: Counter[SplitName] = Counter()
            with closing(read_photographs(pool.names, catalogue.find_views)) as arriving:
                for name, views in arriving:
                    progress.advance(task)
                    if images := _sift(views, seen, report):
                        split = assign_split(pool, given)
                        given[split] += 1
                        report.add_photograph(split, name, images)
                        _write_crops(writers[split], name, images, params, report)
                    if given.total() == pool.limit:
                        break


def _sift(views: list[View], seen: set[bytes], report: PreparationReport) -> dict[str, Image.Image]:
    """Returns the views that gave an image which has not come before; the others are reported as left out."""
    images = {}
    for view in views:
        if view.image is None:
            report.leave_out(LeftOut(view.file, view.refusal))
        elif view.digest in seen:
            report.leave_out(LeftOut(view.file, DUPLICATE))
        else:
            seen.add(view.digest)
            report.add_conversions(view.conversions)
            images[view.file] = view.image
    return images


def _write_crops(
    writer: SplitWriter, photograph: str, views: dict[str, Image.Image], params: DataParams, report: PreparationReport
) -> None:
    count = params.crops_per_photo if writer.split == "train" else params.evaluation_crops_per_photo
    files = list(views)
    sizes_px = [views[file].size for file in files]
    boxes = choose_crop_boxes(sizes_px, count, params.resize, params.image_px, params.split_seed, photograph)
    for view, box in boxes:
        writer.append(photograph, files[view], box, cut(views[files[view]], box))
        report.images[writer.split] += 1
        report.upsampled[writer.split] += _is_upsampled(box, params.image_px)


def _is_upsampled(box: CropBox, image_px: int) -> bool:
    return min(box.width_px, box.height_px) < image_px


def _require_all_splits(report: PreparationReport, params: DataParams) -> None:
    empty = [split for split in SPLITS if not report.photographs[split]]
    if empty:
        reasons = "; ".join(f"{count} x {reason}" for reason, count in report.summary()["left_out_reasons"].items())
        raise UserError(
            f"data.source={params.source}, data.root={params.root}: no photograph for {', '.join(empty)}: "
            f"{report.photographs.total()} can be used, {report.files_left_out} files are left out ({reasons}).\n"
            "At least one photograph is needed for each of train, validation and test."
        )


def _describe(params: DataParams) -> dict[str, object]:
    return {
        "source": params.source,
        "image_px": params.image_px,
        "resize": params.resize,
        "resampling": f"Pillow {RESAMPLING.name.lower()}, antialiased",
        "structure": params.structure.model_dump(),
        "left_out_file": LEFT_OUT,
    }


def _expected(pool: Pool) -> int:
    return len(pool.names) if pool.limit is None else min(pool.limit, len(pool.names))


def _progress() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=Console(stderr=True))


@contextmanager
def _pillow_warnings() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        warnings.filterwarnings("ignore", module="PIL", category=UserWarning)  # odd metadata in the user's files
        yield
