"""The data sets that photographs come from; each gives a `Catalogue` and opens no image."""

from typing import assert_never

from repro.cases.medfe.data.datasets import folder, installed, published
from repro.cases.medfe.data.datasets.catalogue import Catalogue
from repro.cases.medfe.params.data import DataParams


def open_dataset(params: DataParams) -> Catalogue:
    """Returns the catalogue of the chosen data set; downloads what is missing where its publisher allows that.

    Raises:
        UserError: the data set is not on disk and cannot be downloaded, or holds nothing.
    """
    match params.source:
        case "photos":
            return installed.open_photos()
        case "folder":
            return folder.open_folder(params.root)
        case "places365":
            return published.open_places365(params.root)
        case "celeba":
            return published.open_celeba(params.root)
        case "paris_streetview":
            return published.open_paris_streetview(params.root)
        case _:
            assert_never(params.source)
