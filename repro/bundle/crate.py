"""The metadata of a bundle: an RO-Crate 1.2 that tells of each file what it is, and how one follows from another.

Two actions (profile Process Run Crate): the runs were made by the code under audit, the page by this toolkit. Dates are
those of the plan, so that the same study is described by the same bytes.

Source: RO-Crate Metadata Specification 1.2; Process Run Crate 0.5.
"""

import json
from collections.abc import Mapping
from hashlib import sha256
from importlib.metadata import version
from pathlib import PurePosixPath
from typing import Any, Final

from repro.bundle import contents
from repro.bundle.citation import Citation
from repro.extras import DISTRIBUTION
from repro.kept import study as kept_study
from repro.kept.folder import PAGE
from repro.kept.study import FOLDER, KeptStudy

VERSION: Final = "1.2"
PROFILE: Final = "https://w3id.org/ro/wfrun/process/0.5"
_FORMATS: Final = {
    ".json": "application/json",
    ".csv": "text/csv",
    ".xz": "application/x-xz",
    ".html": "text/html",
    ".ipynb": "application/x-ipynb+json",
    ".png": "image/png",
    ".md": "text/markdown",
    ".yaml": "application/yaml",
    ".cff": "application/yaml",
}
_TOLD: Final = {
    PAGE: "Report of the study: verdicts, effects, figures",
    contents.NOTEBOOK: "Notebook that rebuilds the report from the evidence",
    contents.PARAMS: "Complete parameters and seeds of every variant",
    contents.ENVIRONMENT: "Versions, hardware and threads of the runs and of the statistics",
    contents.CODE: "Hashes of the code that made the runs, and of the data that they read",
    contents.STUDY: "The study as it was declared",
    contents.GUIDE: "How to verify this bundle",
    f"{FOLDER}/{kept_study.PLAN}": "Frozen plan: design, variants, runs, deviations, looks",
    f"{FOLDER}/{kept_study.LEDGER}": "Ledger: the details that the paper leaves open, their options and sources",
    f"{FOLDER}/{kept_study.MADE}": "What each run was made from",
    f"{FOLDER}/{kept_study.RUNS}": "What became of each run",
    f"{FOLDER}/{kept_study.ROWS}": "What was measured: a line for each unit and metric, a column for each run",
    f"{FOLDER}/{kept_study.PROTOCOLS}": "The same under other evaluation protocols",
    "LICENSE": "Licence",
    "CITATION.cff": "How to cite the project, and the papers that it audits",
    "CREDITS.md": "Data of others that are used, with their terms",
}


def describe_bundle(kept: KeptStudy, members: Mapping[str, bytes], citation: Citation) -> bytes:
    """Returns the metadata file.

    Args:
        kept: the study.
        members: all other files, but for the list of checksums, which holds this one's.
        citation: authors, licence and papers, as the project says.
    """
    from rocrate.model.contextentity import ContextEntity
    from rocrate.rocrate import ROCrate

    crate = ROCrate(version=VERSION)
    crate.metadata.extra_contexts.append({"sha256": "https://w3id.org/ro/terms/workflow-run#sha256"})

    def add(identifier: str, kind: str | list[str], **properties: Any) -> Any:
        return crate.add(ContextEntity(crate, identifier, properties={"@type": kind, **properties}))

    files = {
        name: crate.add_file(dest_path=name, properties=_properties(name, content)) for name, content in members.items()
    }
    date = max([kept.plan.frozen[:10], *(look.date for look in kept.plan.looks)])
    authors = [add(f"#author-{i}", kind, name=name) for i, (kind, name) in enumerate(citation.authors, 1)]
    papers = [
        add(paper.url or f"#paper-{i}", "ScholarlyArticle", **paper.properties())
        for i, paper in enumerate(citation.papers, 1)
    ]
    outcomes = [
        add(f"#metric-{name}", "PropertyValue", name=name, description=_describe_metric(kept, name))
        for name in kept.plan.declared.metrics
    ]
    codes = sorted({made.code for made in kept.made.values()})
    told = {"name": f"code of the case {kept.case}", "version": " ".join(codes), "url": contents.CODE}
    audited = add("#code-under-audit", "SoftwareApplication", **told)
    told = {"name": DISTRIBUTION, "version": version(DISTRIBUTION), "url": contents.GUIDE}
    toolkit = add("#toolkit", "SoftwareApplication", **told)
    evidence = [
        item for name, item in files.items() if kept_study.is_evidence(name) and not name.endswith(kept_study.PLAN)
    ]
    plan = files[f"{FOLDER}/{kept_study.PLAN}"]
    shown = [
        item for name, item in files.items() if name == PAGE or PurePosixPath(name).parent.name == contents.FIGURES
    ]
    actions = [
        add("#runs", "CreateAction", name="Runs", description=_describe(kept), endTime=date),
        add("#report", "CreateAction", name="Report", description="Statistics, figures and page.", endTime=date),
    ]
    for action, instrument, given, made in zip(
        actions, (audited, toolkit), ([plan, files[contents.PARAMS]], [plan, *evidence]), (evidence, shown), strict=True
    ):
        action["instrument"], action["object"], action["result"], action["agent"] = instrument, given, made, authors[0]
    crate.name, crate.description, crate.datePublished = kept.plan.declared.title, _describe(kept), date
    root = crate.root_dataset
    root["author"], root["publisher"], root["mentions"] = _single(authors), authors[0], [*actions, *papers]
    root["variableMeasured"] = _single(outcomes)
    if cited := [paper for paper in papers if "://" in paper.id]:  # the format wants an address of what is cited
        root["citation"] = _single(cited)
    root["license"] = _licence(add, files, citation)
    root["conformsTo"] = add(PROFILE, ["CreativeWork", "Profile"], name="Process Run Crate", version="0.5")
    content = crate.metadata.generate()
    content["@graph"].sort(key=lambda entity: (entity["@id"] != contents.METADATA, entity["@id"]))
    return kept_study.encode_json(content, sort_keys=True)


def find_misdescribed(metadata: bytes, members: Mapping[str, bytes]) -> list[str]:
    """Returns one line for each file that the metadata tells otherwise than it is, or does not name, or has alone."""
    try:
        graph = json.loads(metadata)["@graph"]
        told = {str(item["@id"]): item["sha256"] for item in graph if "sha256" in item}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return [f"{contents.METADATA}: damaged, no RO-Crate"]
    missing = [f"{name}: missing, though {contents.METADATA} describes it" for name in told if name not in members]
    return missing + [
        f"{contents.METADATA}: describes {name} with another SHA-256, or not at all"
        for name, content in members.items()
        if told.get(name) != sha256(content).hexdigest()
    ]


def _properties(name: str, content: bytes) -> dict[str, Any]:
    known = {"encodingFormat": _FORMATS.get(PurePosixPath(name).suffix, "text/plain")}
    told = _TOLD.get(name) or f"Figure of the report, section {PurePosixPath(name).stem}"
    return {
        "name": PurePosixPath(name).name,
        "description": told,
        "contentSize": str(len(content)),
        "sha256": sha256(content).hexdigest(),
        **known,
    }


def _licence(add: Any, files: Mapping[str, Any], citation: Citation) -> Any:
    if citation.licence:
        return add(
            f"https://spdx.org/licenses/{citation.licence}",
            "CreativeWork",
            name=citation.licence,
            description=citation.licence,
        )
    if "LICENSE" in files:
        return files["LICENSE"]
    return add("#no-licence", "CreativeWork", name="no licence", description="The project states no licence.")


def _describe(kept: KeptStudy) -> str:
    plan, states = kept.plan.grown(), kept.results.runs["status"].value_counts()
    runs = ", ".join(f"{count} {status}" for status, count in states.items())
    return (
        f"Reproducibility audit of the case {kept.case}: study {plan.study}, design {plan.declared.design}, "
        f"{len(plan.levels)} details, {len(plan.variants)} variants, runs: {runs}."
    )


def _describe_metric(kept: KeptStudy, name: str) -> str:
    note = kept.metrics.get(name)
    return name if note is None else f"{note.title}{f', {note.unit}' if note.unit else ''}: {note.how}"


def _single(items: list[Any]) -> Any:
    """Returns the only item of a list, or the list, as the format recommends."""
    return items[0] if len(items) == 1 else items
