"""How the audit reaches this case: the baseline of a study, the params of one of its cells, and a variant's id.

Dotted keys with values flow in and out. Knows nothing of designs and of results.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from repro.audit.ledger.choice import show_value
from repro.audit.ledger.values import flatten, override_values
from repro.cases.medfe.params.reading import parse_params
from repro.cases.medfe.params.tree import Params
from repro.cases.medfe.readings.merging import Values, load_common, merge_reading

if TYPE_CHECKING:
    from repro.audit.study.declaration import Study

_MAX_NAMED = 3
"""So many settings name a variant in a message."""


def load_baseline(study: "Study") -> dict[str, Any]:
    """Returns the complete values of a study's baseline, under dotted keys, as JSON holds them.

    The study's settings go before the scale, the scale before the reading, and all of them before
    `ablations/common.yaml`, which holds what none of them says: params.yaml has no say in it.

    Raises:
        UserError: there is no such reading or scale, or the result is not allowed.
    """
    values = flatten(load_common()) | merge_reading(study.reading, study.scale) | study.settings
    origin = f"the study's baseline ({study.reading} at scale {study.scale}, with its settings)"
    return flatten(_parse(values, origin).resolved())


def resolve(baseline: Mapping[str, Any], settings: Mapping[str, Any], seed: int) -> Params:
    """Returns the params of one cell.

    Args:
        baseline: of `load_baseline`.
        settings: dotted keys by which the variant departs from it.
        seed: the training seed.

    Raises:
        UserError: the combination is not allowed.
    """
    shown = [f"{key}={show_value(value)}" for key, value in list(settings.items())[:_MAX_NAMED]] or ["the baseline"]
    named = ", ".join([*shown, "..."] if len(settings) > len(shown) else shown)
    return _parse({**baseline, **settings, "seed": seed}, f"the study, at {named}")


def identify(values: Mapping[str, Any]) -> str:
    """Returns the id of the variant that has these values under dotted keys; the seed does not count.

    Raises:
        UserError: they are not allowed.
    """
    return _parse(values, "the study").variant()


def _parse(values: Mapping[str, Any], origin: str) -> Params:
    nested: Values = {}
    override_values(nested, values)
    return parse_params(nested, origin)
