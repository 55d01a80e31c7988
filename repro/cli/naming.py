"""What a user may call a set of params: a reading, a file, an experiment, a commit, or the id of a logged variant."""

from pathlib import Path
from typing import Any

from repro.audit.ledger.readings import list_readings, load_reading
from repro.audit.ledger.values import override_values, shorten
from repro.audit.ledger.yaml_text import parse_yaml, read_yaml
from repro.case import Case
from repro.errors import UserError
from repro.paths import PARAMS
from repro.revisions import commit_revision, committed_params, experiments

Values = dict[str, Any]


def find_params(case: Case, name: str) -> Values:
    """Returns the nested params that a name stands for; the first of the above that fits.

    Raises:
        UserError: nothing goes by that name, or the file is no params file.
    """
    if name in list_readings(case.folder):
        return load_reading(case.folder, name)
    if Path(name).is_file():
        return _read(Path(name))
    for experiment in experiments():
        if name in (experiment.label, experiment.label.split("/")[-1]):
            return _committed(name, experiment.commit)
    try:
        commit = commit_revision(name).commit
    except UserError:
        return _logged(case, name)
    return _committed(name, commit)


def _committed(name: str, commit: str) -> Values:
    values = dict(committed_params(commit))
    if not values:
        raise UserError(f"{name} is a commit without a {PARAMS}")
    return values


def _read(file: Path) -> Values:
    values = read_yaml(file)
    if not isinstance(values, dict):
        raise UserError(f"{file} is no params file: expected groups of parameters")
    return values


def _logged(case: Case, variant: str) -> Values:
    from repro.tracking import has_store, logged_variants

    values: Values = {}
    if has_store():
        logged = logged_variants(case)
        texts = logged.params.loc[logged.runs["variant"] == variant].head(1).to_dict("records")
        for text in texts:
            given = {str(key): value for key, value in text.items() if isinstance(value, str)}
            override_values(values, {key: parse_yaml(value, f"{variant}, {key}") for key, value in given.items()})
    if not values:
        raise UserError(f"no reading, file, experiment, commit or logged variant goes by the name {shorten(variant)}")
    return values
