"""What the project says it needs and is: pins, hashes, lower bounds and metadata agree, and hold no address."""

import json
import re
import tomllib
from itertools import chain
from pathlib import Path

from packaging.requirements import Requirement
from ruamel.yaml import YAML

ROOT = Path(__file__).parent.parent
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PROJECT = PYPROJECT["project"]
PINS = [Requirement(pin) for pin in PYPROJECT["tool"]["uv"]["constraint-dependencies"]]
LOCK = (ROOT / "requirements.lock").read_text()


def locked(text: str) -> dict[str, list[str]]:
    """Returns the SHA-256 hashes of each package of a lock by its name, version and marker."""
    blocks = re.split(r"\n(?=[\w.-]+==)", text.partition("\n")[2].strip().replace(" \\\n", "\n"))
    return {str(Requirement(first.strip())): rest for first, *rest in (block.split("\n") for block in blocks)}


def test_the_lock_holds_every_pin_with_hashes() -> None:
    found = locked(LOCK)
    assert found.keys() == {str(pin) for pin in PINS}, "run: python .ci/pin.py"
    for name, hashes in found.items():
        assert hashes, name
        assert all(re.fullmatch(r"    --hash=sha256:[0-9a-f]{64}", line) for line in hashes), name


def test_the_lock_holds_no_address() -> None:
    assert not re.search(r"://|@ |^-|index|/", LOCK.partition("\n")[2], re.MULTILINE)


def test_a_lock_that_lacks_a_hash_or_names_an_address_would_be_found() -> None:
    assert locked("# head\na==1 \\\n    --hash=sha256:00\nb==2\n") == {"a==1": ["    --hash=sha256:00"], "b==2": []}


def test_every_requirement_has_a_lower_bound_that_its_pins_keep() -> None:
    listed = [*PROJECT["dependencies"], *chain(*PROJECT["optional-dependencies"].values())]
    for requirement in map(Requirement, listed):
        assert {item.operator for item in requirement.specifier} & {">=", "=="}, requirement
        own = [pin for pin in PINS if pin.name == requirement.name.lower()]
        assert own or requirement.name == "wandb", requirement
        versions = [next(iter(pin.specifier)).version for pin in own]
        assert all(requirement.specifier.contains(version, prereleases=True) for version in versions), requirement


def test_citation_and_codemeta_say_what_the_project_says() -> None:
    citation = YAML(typ="safe").load((ROOT / "CITATION.cff").read_text())
    codemeta = json.loads((ROOT / "codemeta.json").read_text())
    assert citation["version"] == codemeta["version"] == PROJECT["version"]
    assert citation["license"] == codemeta["license"].rpartition("/")[2] == PROJECT["license"]
    assert codemeta["description"] == PROJECT["description"]
    assert citation["keywords"] == codemeta["keywords"]
    assert citation["references"][0]["doi"] in codemeta["referencePublication"]["@id"]
    assert [author["name"] for author in citation["authors"]] == [author["name"] for author in codemeta["author"]]
    for name in (codemeta["softwareRequirements"], codemeta["readme"], codemeta["releaseNotes"]):
        assert (ROOT / name).is_file()


def test_every_file_that_the_readme_names_as_evidence_is_there() -> None:
    text = (ROOT / "README.md").read_text()
    linked = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text)
    assert len(linked) > 20
    assert [name for name in linked if not (ROOT / name).exists()] == []
