"""The data sets of the paper in the form in which their publishers give them out: Places365, CelebA, Paris StreetView.

Downloads go through torchvision. The publishers' lists are read here and not by torchvision's classes, which keep a
tuple for each image, also read the labels, and refuse every list whose checksum is not the publisher's, a shortened one
too. A list is not trusted: a name that leaves the data set is refused.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

from repro import paths
from repro.cases.medfe.data.arrays import SplitName
from repro.cases.medfe.data.datasets.catalogue import Catalogue
from repro.cases.medfe.data.datasets.download import download_celeba, download_places365
from repro.cases.medfe.data.files import LeftOut, list_files
from repro.errors import UserError

PLACES365_LISTS: Mapping[SplitName, tuple[str, str]] = {
    "train": ("places365_train_standard.txt", "data_256_standard"),
    "test": ("places365_val.txt", "val_256"),
}
"""List file and image folder of each split of the 256-pixel variant, named as torchvision unpacks them."""

CELEBA_LIST = "celeba/list_eval_partition.txt"
CELEBA_IMAGES = "celeba/img_align_celeba"
CELEBA_SPLITS: Mapping[str, SplitName] = {"0": "train", "1": "validation", "2": "test"}

PLACES365_DOWNLOADED = (
    "filelist_places365-standard.tar",
    "categories_places365.txt",
    "places365_test.txt",
    "train_256_places365standard.tar",
    "val_256.tar",
)
CELEBA_DOWNLOADED = (
    "celeba/img_align_celeba.zip",
    "celeba/list_attr_celeba.txt",
    "celeba/identity_CelebA.txt",
    "celeba/list_bbox_celeba.txt",
    "celeba/list_landmarks_align_celeba.txt",
)
"""What a download of torchvision leaves beside what is needed; a test holds it against torchvision."""

PARIS_FOLDERS: Mapping[SplitName, str] = {"train": "paris_train_original", "test": "paris_eval_gt"}


def open_places365(root: str) -> Catalogue:
    """Returns Places365 (standard, 256 px): train from its training list, test from its validation list.

    The publisher's test images are not used; papers on inpainting evaluate on `val`. Source: SPL README @35d5329.

    Raises:
        UserError: not on disk, and the download failed.
    """
    needed = [item for pair in PLACES365_LISTS.values() for item in pair]
    folder = _complete(root, needed, download_places365, PLACES365_DOWNLOADED)
    names: dict[SplitName, Sequence[str]] = {
        split: [_inside(f"{images}/{line.split()[0].lstrip('/')}", listing) for line in _lines(folder / listing)]
        for split, (listing, images) in PLACES365_LISTS.items()
    }
    return _catalogue(root, folder, names)


def open_celeba(root: str) -> Catalogue:
    """Returns CelebA (aligned and cropped) in its publisher's three splits.

    Raises:
        UserError: not on disk, and the download failed; or a line of the list is not of its form.
    """
    folder = _complete(root, [CELEBA_LIST, CELEBA_IMAGES], download_celeba, CELEBA_DOWNLOADED)
    names: dict[SplitName, list[str]] = {split: [] for split in CELEBA_SPLITS.values()}
    for line in _lines(folder / CELEBA_LIST):
        name, _, part = line.partition(" ")
        if part.strip() not in CELEBA_SPLITS:
            raise UserError(
                f"{CELEBA_LIST}: {line!r} is not an image name and 0, 1 or 2; put the publisher's file there."
            )
        names[CELEBA_SPLITS[part.strip()]].append(_inside(f"{CELEBA_IMAGES}/{name}", CELEBA_LIST))
    return _catalogue(root, folder, names)


def open_paris_streetview(root: str) -> Catalogue:
    """Returns Paris StreetView, which its authors give out on request: training images, and the evaluation images.

    Raises:
        UserError: not on disk.
    """
    folder = _complete(root, list(PARIS_FOLDERS.values()), None)
    names: dict[SplitName, Sequence[str]] = {}
    left_out: list[LeftOut] = []
    for split, images in PARIS_FOLDERS.items():
        listed, refused = list_files(folder / images)
        names[split] = [f"{images}/{name}" for name in listed]
        left_out += [LeftOut(f"{images}/{item.file}", item.reason) for item in refused]
    return _catalogue(root, folder, names, left_out)


def _catalogue(
    root: str, folder: Path, names: Mapping[SplitName, Sequence[str]], left_out: Sequence[LeftOut] = ()
) -> Catalogue:
    for split, listed in names.items():
        if not listed:
            raise UserError(f"data.root={root}: no image for the split {split}; the data set is not complete.")
    return Catalogue(names, lambda name: {name: folder / name}, left_out)


def _complete(
    root: str, needed: Sequence[str], download: Callable[[Path], None] | None, downloaded: Sequence[str] = ()
) -> Path:
    """Returns the folder of the data set once all that is needed is there.

    What is missing is downloaded into an empty folder, or one in which a download was interrupted; a folder with
    anything else in it is the user's, perhaps in another layout, and gigabytes would not help.
    """
    folder = paths.locate(root)
    problem = ""
    if _missing(folder, needed) and (foreign := _foreign(folder, [*needed, *downloaded])):
        problem = f"; it holds {', '.join(foreign[:3])}{', ...' if len(foreign) > 3 else ''}, so nothing is downloaded"
    elif download is not None and _missing(folder, needed):
        try:
            download(folder)
        except Exception as error:  # network, disk, checksum, an absent optional package: each ends in one message
            problem = f" and the download failed ({type(error).__name__}: {_first_line(error)})"
    missing = _missing(folder, needed)
    if missing:
        origin = "its authors, who give it out on request" if download is None else "its publisher"
        raise UserError(
            f"data.root={root}: {', '.join(missing)} not there{problem}.\n"
            f"Get the data set from {origin}, and unpack it so that {root} holds: {', '.join(needed)}"
        )
    return folder


def _missing(folder: Path, needed: Sequence[str]) -> list[str]:
    return [item for item in needed if not (folder / item).exists()]


def _foreign(folder: Path, known: Sequence[str]) -> list[str]:
    """Returns what lies in a folder, or in one of its folders that hold known files, and is not known."""
    holders = {PurePosixPath(), *(PurePosixPath(item).parent for item in known)}
    ours = {PurePosixPath(item) for item in known} | holders
    found = [
        holder / item.name for holder in holders if (folder / holder).is_dir() for item in (folder / holder).iterdir()
    ]
    return sorted(str(item) for item in found if item not in ours)


def _lines(listing: Path) -> Iterator[str]:
    # what is not UTF-8 cannot name an image of the publisher; it is then left out as missing
    with listing.open(encoding="utf-8", errors="backslashreplace") as stream:
        yield from (line.strip() for line in stream if line.strip())


def _inside(name: str, listing: str) -> str:
    if ".." in PurePosixPath(name).parts:
        raise UserError(f"{listing}: {name!r} leaves the data set; put the publisher's file there.")
    return name


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [""])[0]
