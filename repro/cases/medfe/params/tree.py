"""The root of the params tree, the constraints between its groups, and the identity of a variant."""

import os
from functools import reduce
from pathlib import Path
from typing import Any, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from repro import paths
from repro.audit.ledger.choice import show_value, walk_details
from repro.audit.ledger.conditions import find_forbidding
from repro.audit.ledger.identity import variant_id
from repro.cases.medfe.params.augmentation import AugmentationParams
from repro.cases.medfe.params.data import DataParams
from repro.cases.medfe.params.evaluation import EvaluationParams
from repro.cases.medfe.params.group import Group
from repro.cases.medfe.params.loss import LossParams
from repro.cases.medfe.params.masks import MasksParams
from repro.cases.medfe.params.model import ModelParams
from repro.cases.medfe.params.optimisation import OptimisationParams
from repro.cases.medfe.params.runtime import RuntimeParams
from repro.cases.medfe.params.training import TrainingParams

MADE = (paths.PREPARED, paths.MASKS, paths.INPUTS, paths.RESULTS, paths.REPORT.parent)
"""Folders of the project in which the pipeline itself writes pictures."""


class Params(Group):
    """The active variant and its seed."""

    data: DataParams
    masks: MasksParams
    augmentation: AugmentationParams
    model: ModelParams
    loss: LossParams
    optimisation: OptimisationParams
    training: TrainingParams
    evaluation: EvaluationParams
    runtime: RuntimeParams
    seed: int = Field(ge=0, description="seed of initialisation, order, augmentation and local crops")

    @model_validator(mode="after")
    def _check_constraints(self) -> Self:
        if self.data.image_px % 2**self.model.depth:
            _refuse(
                "data.image_px", f"a multiple of {2**self.model.depth}, which model.depth={self.model.depth} halves"
            )
        for detail in walk_details(type(self)):
            if (key := find_forbidding(detail.choice, self.value(detail.key), self.value)) is not None:
                _refuse(detail.key, f"another option, or {key} another than {show_value(self.value(key))}")
        if self.loss.vgg_width != 1 and self.loss.vgg_weights != "random":
            _refuse("loss.vgg_width", "1 with loss.vgg_weights=imagenet, whose channels are what was trained")
        if self.training.validate_every_steps % self.training.log_every_steps:
            _refuse("training.validate_every_steps", "a multiple of training.log_every_steps")
        if self.training.checkpoint_every_steps % self.training.log_every_steps:
            _refuse("training.checkpoint_every_steps", "a multiple of training.log_every_steps")
        if self.loss.global_region == "none" and self.loss.local_region == "none" and self.loss.adv != "none":
            _refuse("loss.local_region", "a region for at least one discriminator, or loss.adv=none")
        files = "files" in (self.masks.source, self.masks.evaluation_source)
        if files and self.data.source != "photos" and _overlap(self.data.root, self.masks.root):
            _refuse("masks.root", f"apart from data.root={self.data.root}, or masks would be taken for photographs")
        for key, root, read in (
            ("data.root", self.data.root, self.data.source != "photos"),
            ("masks.root", self.masks.root, files),
        ):
            if read and (own := next((str(made) for made in MADE if _overlap(root, str(made))), None)) is not None:
                _refuse(key, f"apart from {own}, or pictures that the pipeline has made would be read")
        return self

    def value(self, key: str) -> Any:
        """Returns the value of a dotted key."""
        return reduce(getattr, key.split("."), self)

    def resolved(self) -> dict[str, Any]:
        """Returns the whole tree as plain values that JSON can hold."""
        return self.model_dump(mode="json")

    def variant(self) -> str:
        """Returns the id of the variant; see `variant_id`."""
        return variant_id(type(self), self.resolved())


def _overlap(one: str, other: str) -> bool:
    """Tells whether one of two folders lies in the other, or is the other."""
    first, second = (Path(os.path.abspath(root)) for root in (one, other))  # noqa: PTH100 # links stay as they are named
    return first.is_relative_to(second) or second.is_relative_to(first)


def _refuse(key: str, allowed: str) -> None:
    raise PydanticCustomError("constraint", "{key} must be {allowed}", {"key": key, "allowed": allowed})
