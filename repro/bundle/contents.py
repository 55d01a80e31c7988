"""What a bundle holds, member by member: what is kept, what follows from it, and what the project says of itself."""

import base64
import json
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from repro.audit.ledger.values import flatten
from repro.bundle.notebook import make_notebook
from repro.kept.folder import PAGE
from repro.kept.page import find_sections
from repro.kept.study import KeptStudy, encode_json

METADATA: Final = "ro-crate-metadata.json"
NOTEBOOK: Final = "study_report.ipynb"
PARAMS, ENVIRONMENT, CODE, STUDY, GUIDE = "params.json", "environment.json", "code.json", "study.yaml", "README.md"
FIGURES: Final = "figures"
PROJECT_FILES: Final = ("LICENSE", "CITATION.cff", "CREDITS.md")
"""What a project says of itself; taken where there is one."""
_PICTURE: Final = re.compile(r'src="data:image/png;base64,([A-Za-z0-9+/=]+)"')


def derive_members(kept: KeptStudy, page: str) -> dict[str, bytes]:
    """Returns all members that follow from evidence and page, by name."""
    return {
        NOTEBOOK: make_notebook(page, kept.plan.declared.title),
        PARAMS: encode_json(_params(kept)),
        ENVIRONMENT: encode_json(_environment(kept)),
        GUIDE: _guide(kept).encode(),
        **_figures(page),
    }


def _params(kept: KeptStudy) -> dict[str, Any]:
    """Returns the complete params of every variant under dotted keys; a run has these and its seed."""
    plan = kept.plan.grown()
    variants = {
        variant.id: {
            "role": variant.role,
            "settings": variant.settings,
            "params": {**kept.plan.values, **variant.settings},
        }
        for variant in plan.variants
    }
    seeds = {variant: [run.seed for run in plan.runs if run.variant == variant] for variant in variants}
    return {variant: {**told, "seeds": seeds[variant]} for variant, told in variants.items()}


def _environment(kept: KeptStudy) -> dict[str, Any]:
    """Returns in which environments how many runs were made, and with what the page was computed."""
    environments = (flatten(dict(made.environment)) for made in kept.made.values())
    found = Counter(json.dumps(told, sort_keys=True, ensure_ascii=False) for told in environments)
    runs = [{"runs": count, "environment": json.loads(told)} for told, count in found.items()]
    return {"runs": runs, "statistics": dict(kept.computed_with)}


def _figures(page: str) -> dict[str, bytes]:
    found = {}
    for name, source in find_sections(page).items():
        for number, picture in enumerate(_PICTURE.findall(source), 1):
            found[f"{FIGURES}/{name}-{number}.png"] = base64.b64decode(picture)
    return found


def _guide(kept: KeptStudy) -> str:
    plan = kept.plan.grown()
    return (
        f"# {plan.declared.title}\n\n"
        f"Study `{plan.study}` of the case `{kept.case}`: {len(plan.variants)} variants, {len(plan.runs)} runs, frozen "
        f"{plan.frozen[:10]} with fingerprint `{plan.fingerprint}`.\n\n"
        f"[{PAGE}]({PAGE}) is what was found. Every number of it follows from evidence/rows.csv.xz, and anybody can "
        "see that it does:\n\n"
        "    pip install repro-audit\n    repro verify BUNDLE.zip\n\n"
        "which checks the SHA-256 of every file, and computes every number and verdict again. "
        "SHA256SUMS can be read by `sha256sum -c` as well. The sums are no signature: compare that of the archive "
        "itself with the one that its authors have published.\n"
    )


def describe_code(code: str, files: Mapping[str, str], inputs: list[Mapping[str, str]]) -> bytes:
    """Returns hashes of code and data as JSON.

    Args:
        code: over all code that can change a number of a run.
        files: SHA-256 of the syntax tree of each file; empty where the working tree has other code than the runs.
        inputs: SHA-256 of each folder of shared data, by name.
    """
    return encode_json({"code": code, "files": dict(files), "inputs": inputs})


def read_project(root: Path, study: str) -> dict[str, bytes]:
    """Returns the project's own files: licence, citation, credits, and the study as it was declared."""
    found = {name: (root / name).read_bytes() for name in PROJECT_FILES if (root / name).is_file()}
    declared = root / "ablations" / f"{study}.yaml"
    return found | ({STUDY: declared.read_bytes()} if declared.is_file() else {})


def without_places(content: bytes, places: Mapping[str, str]) -> bytes:
    """Returns text with folders of this machine replaced, e.g. the user's home by `~`; longer ones first."""
    for place in sorted(places, key=len, reverse=True):
        content = re.sub(
            rb"(?<![\w./~-])" + re.escape(place.encode()) + rb"(?=[/\"'\s\\<&:;,)\]]|$)",
            places[place].encode(),
            content,
        )
    return content
