"""What the mixtures of a stack cannot tell apart, in sentences."""

from collections.abc import Mapping, Sequence
from typing import Any

from repro.audit.study.aliases import alias_table, describe_aliases, list_groups
from repro.audit.study.plan import Plan, Variant
from repro.storage import hash_json


def tell_aliases(levels: Mapping[str, list[Any]], rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Says what mixtures cannot tell apart: in a sentence, and the pairs that are one contrast.

    Args:
        levels: of each part its two options.
        rows: of each mixture the parts that depart from the first.
    """
    variants = [Variant(id=hash_json(row)[:12], role="arm" if row else "baseline", settings=dict(row)) for row in rows]
    declaration = {
        **{
            "title": "",
            "reading": "",
            "scale": "",
            "details": {},
            "design": "random" if len(levels) > 1 else "one_at_a_time",
        },
        **{"seeds": 2, "metrics": {"outcome": {"direction": "lower", "margin": 1.0, "why": ""}}},
    }
    plan = Plan(
        **{"study": "stack", "fingerprint": "", "frozen": "", "runs": [], "left_out": [], "deviations": []},
        declaration=declaration,
        levels=dict(levels),
        variants=variants,
    )
    groups = list_groups(alias_table(plan))
    full = [
        f"{effect} = {others}"
        for effect, others, strength in zip(groups["effect"], groups["aliases"], groups["strength"], strict=True)
        if float(strength) > 1 - 1e-9
    ]
    return [describe_aliases(plan), *full]
