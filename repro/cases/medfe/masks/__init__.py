"""Hole masks, True where there is a hole: drawn once, kept packed, read by training and evaluation."""

from repro.cases.medfe.masks.arrays import Masks, open_masks
from repro.cases.medfe.masks.making import make_masks

__all__ = ["Masks", "make_masks", "open_masks"]
