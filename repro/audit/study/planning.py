"""From a declared study to its plan: variants and runs, checked against the ledger.

A case enters by its params tree, the baseline's values in it, and a function that names a variant.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel

from repro.audit.ledger.choice import show_value
from repro.audit.ledger.conditions import find_inert
from repro.audit.study.constrained_designs import combine, occurring
from repro.audit.study.declaration import NamedStudy, Study, with_seed
from repro.audit.study.levels import canonical, choose_levels
from repro.audit.study.metric import Metric
from repro.audit.study.plan import LeftOut, Plan, Role, Run, Variant, fingerprint_of
from repro.audit.study.space import NotAllowedError, Settings, Space, show_settings
from repro.audit.study.stack import Parts, find_parts
from repro.errors import UserError

Identify = Callable[[Mapping[str, Any]], str]
"""Gives the id of the variant that has some values; the seed does not enter it."""


def make_plan(
    named: NamedStudy,
    tree: type[BaseModel],
    baseline: Mapping[str, Any],
    identify: Identify,
    now: datetime,
    metrics: Sequence[Metric] | None = None,
    base: Mapping[str, Any] | None = None,
) -> Plan:
    """Returns the plan of a study.

    Args:
        named: the study and its name.
        tree: root of the params tree, whose details carry a `Choice`.
        baseline: all values of the baseline, under dotted keys.
        identify: from all values to the id of their variant.
        now: the time that the plan is dated with.
        metrics: what runs measure; None: whatever the study names.
        base: all values of the base, of a stack.

    Raises:
        UserError: the study names what there is not, or asks for what cannot be had; one or two lines with a remedy.
    """
    name, study = with_seed(named)
    space = Space(tree, baseline)
    try:
        _check_metrics(study, metrics)
        whole = Parts(study, []) if base is None else find_parts(study, space, base)
        return _make(name, whole, space, identify, now, study.model_dump(mode="json"))
    except NotAllowedError as error:
        raise UserError(f"study {name}: the baseline is not allowed: {error}") from None
    except UserError as error:
        raise UserError(f"study {name}: {error}") from None


def _make(
    name: str, parts: Parts, space: Space, identify: Identify, now: datetime, declaration: dict[str, Any]
) -> Plan:
    study = parts.study
    asked = choose_levels(study, space)
    settings, left_out, passed_over = combine(study, asked, space)
    levels = occurring(asked, settings)
    _check_claims(study, levels, left_out, space)
    variants = _variants(study, settings, space, identify)
    values = space.values
    runs = _runs(study, variants)
    return Plan(
        study=name,
        fingerprint=fingerprint_of(declaration, values, variants, runs),
        frozen=now.astimezone(UTC).isoformat(timespec="seconds"),
        declaration=declaration,
        values=values,
        levels=levels,
        variants=variants,
        runs=runs,
        left_out=[*parts.left_out, *left_out],
        deviations=[],
        passed_over=passed_over,
    )


def _variants(study: Study, settings: list[dict[str, Any]], space: Space, identify: Identify) -> list[Variant]:
    """Returns the baseline, the arms and the controls; two arms with the same values are one."""
    found: dict[str, Variant] = {}

    def add(role: Role, departures: Settings) -> None:
        resolved = space.resolve(departures)
        variant = identify(resolved)
        if variant not in found:
            found[variant] = Variant(id=variant, role=role, settings={key: resolved[key] for key in departures})
        elif role in ("negative control", "positive control"):
            same = found[variant]
            raise UserError(
                f"controls: {role} ({show_settings(departures)}) is the same variant as "
                f"{f'the {same.role} {show_settings(same.settings)}'.strip()}; give it another value"
            )

    add("baseline", {})
    for row in settings:
        add("arm", row)
    if study.controls.negative is not None:
        _check_negative_control(study.controls.negative, space)
        add("negative control", _control("negative control", study.controls.negative, space))
    if study.controls.positive is not None:
        add("positive control", _control("positive control", study.controls.positive.settings, space))
    return list(found.values())


def _runs(study: Study, variants: list[Variant]) -> list[Run]:
    """Returns the runs by seed, so that a sweep that was stopped has whole replicates."""
    many = max(study.seeds, study.baseline_seeds)
    return [
        Run(id=f"{variant.id}-s{seed}", variant=variant.id, seed=seed)
        for seed in range(many)
        for variant in variants
        if seed < (study.seeds if variant.role == "arm" else many)
    ]


def _control(role: str, settings: Settings, space: Space) -> Settings:
    unknown = [key for key in settings if key not in space.values]
    if unknown:
        raise UserError(f"controls: {role}: {unknown[0]} is not a parameter")
    try:
        space.resolve(settings)
    except NotAllowedError as error:
        raise UserError(f"controls: {role}: {show_settings(settings)} is not allowed: {error}") from None
    return settings


def _check_negative_control(settings: Settings, space: Space) -> None:
    for key, value in settings.items():
        choice = space.choices.get(key)
        if choice is not None and find_inert(choice, value) is None:
            raise UserError(
                f"controls: negative control: {key} is a detail of the ledger, whose options may well change the "
                "outcome; a negative control sets what changes nothing but the random stream"
            )


def _check_metrics(study: Study, metrics: Sequence[Metric] | None) -> None:
    if metrics is None:
        return
    records = {metric.name: metric for metric in metrics}
    for name in study.metrics:
        if name not in records:
            raise UserError(f"metrics: {name} is not what runs measure: {', '.join(records)}")
        if obstacle := records[name].obstacle():
            raise UserError(f"metrics: {name} cannot be computed here: {obstacle}")


def _check_claims(study: Study, levels: Mapping[str, list[Any]], left_out: list[LeftOut], space: Space) -> None:
    for claim in study.claims:
        said = f"claims: {claim.text!r}"
        if claim.metric not in study.metrics:
            raise UserError(f"{said}: {claim.metric} is none of the metrics: {', '.join(study.metrics)}")
        if claim.detail not in study.details:
            raise UserError(f"{said}: {claim.detail} is not varied; add it to details, or take the claim out")
        better, than = (canonical(claim.detail, option, space) for option in (claim.better, claim.than))
        if better == than:
            raise UserError(f"{said}: better and than are the same option")
        for option in (better, than):
            if option in levels.get(claim.detail, []):
                continue
            reasons = [item.reason for item in left_out if item.settings == {claim.detail: option}]
            why = f"is left out: {reasons[0]}" if reasons else "is not among the options; add it"
            raise UserError(f"{said}: {claim.detail}={show_value(option)} {why}")
