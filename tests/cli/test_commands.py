"""The command line as a user types it, in a copy of what it needs."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from ruamel.yaml import YAML
from typer.testing import CliRunner

from case_project import name_case
from prepared_on_disk import write_prepared
from repro import paths
from repro.audit.ledger.choice import walk_details
from repro.audit.ledger.table import select_details, to_markdown
from repro.audit.ledger.values import flatten
from repro.cases.medfe.case import CASE
from repro.cases.medfe.checkpoint import Checkpoint, save_checkpoint
from repro.cases.medfe.evaluation.baselines import evaluate_baselines
from repro.cases.medfe.model import Generator
from repro.cases.medfe.params import Params, load_params
from repro.cases.medfe.training.loop import train
from repro.cli import app, ledger, main, medfe, plan, report, sweep, variants
from repro.errors import UserError
from tiny import PARAMS_FILE

ROOT = Path(__file__).parents[2]
READINGS = ("paper", "release", "replication")


def call(*arguments: str) -> str:
    """Returns what a command prints; what it raises goes on."""
    result = CliRunner().invoke(app, list(arguments), catch_exceptions=False, env={"COLUMNS": "300"})
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture
def project(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    shutil.copy(PARAMS_FILE, tmp_path)
    name_case(tmp_path)
    return tmp_path


def test_details_are_counted_by_gap_and_status() -> None:
    shown = call("details")
    found = list(walk_details(Params))
    assert f"{len(found)} details, {sum(len(detail.choice.options) for detail in found)} options" in shown
    assert "by gap: hyperparameters" in shown
    assert "by what the paper says: silent" in shown
    assert all(detail.key in shown for detail in found)


def test_details_can_be_filtered_and_read_by_programs() -> None:
    rows = json.loads(call("details", "--gap", "adversarial", "--json"))
    assert {row["gap"] for row in rows} == {"adversarial loss"}
    assert "loss.adv" in {row["key"] for row in rows}
    assert all(row["paper"] == "stated" for row in json.loads(call("details", "--status", "stated", "--json")))
    kinds = [
        {source["kind"] for option in row["options"] for source in option["sources"]}
        for row in json.loads(call("details", "--source", "replication", "--json"))
    ]
    assert all("replication" in kind for kind in kinds)
    with pytest.raises(UserError, match="no detail fits"):
        call("details", "--gap", "nonsense")


def test_the_generated_ledger_is_current() -> None:
    expected = to_markdown(select_details(Params), CASE.title)
    assert (ROOT / "ablations" / "DETAILS.md").read_text() == expected, "run: repro generate"
    assert call("details", "--markdown") == expected


def test_generated_files_are_checked_and_brought_up_to_date(project) -> None:
    (project / "ablations").mkdir()
    code = project / "repro"
    code.symlink_to(ROOT / "repro")
    assert call("generate").splitlines() == [f"wrote {file}" for file in (paths.SCHEMA, paths.LEDGER)]
    assert call("generate", "--check") == call("generate") == ""
    (project / paths.LEDGER).write_text("by hand\n")
    stale = CliRunner().invoke(app, ["generate", "--check"])
    assert (stale.exit_code, stale.output) == (1, f"{paths.LEDGER} is not up to date; run: repro generate\n")
    assert (project / paths.LEDGER).read_text() == "by hand\n", "a check writes nothing"
    assert call("generate") == f"wrote {paths.LEDGER}\n"
    assert (project / paths.LEDGER).read_text() == (ROOT / paths.LEDGER).read_text()


def test_a_folder_that_names_no_case_is_told_how_to(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    for command in (
        ("details",),
        ("plan", "a.yaml"),
        ("sweep", "a.yaml"),
        ("use", "paper"),
        ("generate",),
        ("report",),
    ):
        with pytest.raises(UserError, match=r"there is no pyproject\.toml .*\n  name it in pyproject\.toml"):
            call(*command)


@pytest.mark.parametrize("scale", ["laptop", "gpu"])
@pytest.mark.parametrize("reading", READINGS)
def test_use_writes_a_valid_file_and_keeps_its_comments(project, reading: str, scale: str) -> None:
    call("use", reading, "--scale", scale, "seed=3", "model.stream_kernels=[3,5]")
    params = load_params(project / "params.yaml")
    assert params.seed == 3
    assert params.model.stream_kernels == (3, 5)
    assert params.data.image_px == {"laptop": 64, "gpu": 256}[scale]
    assert "$schema=params.schema.json" in (project / "params.yaml").read_text().splitlines()[0]


def test_the_way_back_is_to_use_the_reading_again(project) -> None:
    call("use", "paper", "--scale", "laptop", "seed=0")
    before = (project / "params.yaml").read_text()
    call("use", "replication", "--scale", "gpu")
    assert (project / "params.yaml").read_text() != before
    call("use", "paper", "--scale", "laptop")
    assert (project / "params.yaml").read_text() == before


def test_use_leaves_the_file_alone_when_something_is_wrong(project) -> None:
    before = (project / "params.yaml").read_text()
    for arguments, message in (
        (("use", "papper"), "there is no reading papper; there are: paper, release, replication"),
        (("use", "paper", "--scale", "huge"), "there is no scale huge"),
        (("use", "paper", "loss.adv=hing"), "loss.adv is hing"),
        (("use", "paper", "loss.adv"), "no key=value"),
        (("use", "paper", "loss.adv=[1"), "no YAML"),
        (("use", "paper", "loss.adv.deep=1"), "is not a parameter"),
    ):
        with pytest.raises(UserError, match=message):
            call(*arguments)
    assert (project / "params.yaml").read_text() == before


@pytest.mark.fault("input", "params.yaml")
@pytest.mark.parametrize(("text", "message"), [(None, "is missing"), ("loss: [1", "no YAML"), ("", "no parameters")])
def test_use_says_how_to_get_a_broken_file_back(project, text: str | None, message: str) -> None:
    (project / "params.yaml").unlink()
    if text is not None:
        (project / "params.yaml").write_text(text)
    with pytest.raises(UserError, match=f"(?s){message}.*git checkout params.yaml"):
        call("use", "paper")


def test_every_reading_is_complete_and_sets_nothing_else() -> None:
    details = {detail.key: detail for detail in walk_details(Params)}
    for reading in READINGS:
        values = YAML(typ="safe").load((ROOT / "ablations" / "readings" / f"{reading}.yaml").read_text())
        flat = {key: tuple(value) if isinstance(value, list) else value for key, value in flatten(values).items()}
        assert flat.keys() == details.keys()
        assert all(value in details[key].choice.options for key, value in flat.items())


@pytest.mark.usefixtures("project")
def test_diff_lists_at_least_twenty_details_with_sources() -> None:
    shown = call("diff", "paper", "release")
    count = int(shown.splitlines()[-1].split()[0])
    assert count >= 20
    assert "model.structure_tap" in shown
    assert "models/Encoder.py @d7d5aaa" in shown
    with pytest.raises(UserError, match="goes by the name"):
        call("diff", "paper", "nobody")


@pytest.mark.usefixtures("project")
def test_run_checks_before_it_calls_dvc() -> None:
    shown = call("run", "loss.adv=hinge", "model.norm=batch", "--dry-run")
    assert "dvc exp run -S loss.adv=hinge -S model.norm=batch" in shown
    with pytest.raises(UserError, match=r"loss\.adv is hing"):
        call("run", "loss.adv=hing")


@pytest.mark.usefixtures("project")
def test_a_user_error_ends_with_status_two_and_one_message(monkeypatch, capsys) -> None:
    monkeypatch.setattr("sys.argv", ["repro", "diff", "paper", "nobody"])
    with pytest.raises(SystemExit) as raised:
        main()
    assert raised.value.code == 2
    assert capsys.readouterr().err.startswith("repro: ")


def test_a_folder_below_the_project_is_refused(monkeypatch, capsys) -> None:
    for command, status in (("details", 2), ("--help", 0)):
        monkeypatch.setattr("sys.argv", ["repro", command])
        monkeypatch.chdir(Path(__file__).parent)
        with pytest.raises(SystemExit) as raised:
            main()
        assert raised.value.code == status
    assert capsys.readouterr().err.startswith("repro: this folder lies below the project's root")


def test_inpaint_keeps_known_pixels_of_a_photograph_of_any_size(tmp_path) -> None:
    params, prepared, masks = write_prepared(tmp_path)
    params = params.model_copy(update={"training": params.training.model_copy(update={"steps": 1})})
    train(params, prepared, masks, tmp_path / "train", tmp_path / "states")
    rng = np.random.default_rng(0)
    photo, hole = rng.integers(0, 256, (75, 131, 3), dtype=np.uint8), np.zeros((75, 131), dtype=np.uint8)
    hole[60:, 100:] = 255
    Image.fromarray(photo).save(tmp_path / "photo.png")
    Image.fromarray(hole).save(tmp_path / "mask.png")
    checkpoint = str(tmp_path / "train" / "checkpoint.pt")
    files = [str(tmp_path / name) for name in ("photo.png", "mask.png")]
    call("inpaint", *files, "-o", str(tmp_path / "out.png"), "--checkpoint", checkpoint)
    filled = np.array(Image.open(tmp_path / "out.png"))
    assert filled.shape == photo.shape
    assert np.array_equal(filled[hole == 0], photo[hole == 0])
    assert not np.array_equal(filled[hole > 0], photo[hole > 0])
    Image.fromarray(hole // 255).save(tmp_path / "ones.png")
    call("inpaint", files[0], str(tmp_path / "ones.png"), "-o", str(tmp_path / "same.png"), "--checkpoint", checkpoint)
    assert np.array_equal(np.array(Image.open(tmp_path / "same.png")), filled)
    Image.fromarray(hole[:50]).save(tmp_path / "small.png")
    Image.fromarray(0 * hole).save(tmp_path / "black.png")
    for photo_name, mask_name, out, message in (
        ("photo.png", "small.png", "a.png", "is 131x50, .* is 131x75"),
        ("photo.png", "black.png", "a.png", "nothing to fill"),
        ("photo.png", "mask.png", "a.jpg", "lossless"),
        ("photo.png", "absent.png", "a.png", "cannot be read"),
        ("train/history.csv", "mask.png", "a.png", "cannot be read"),
    ):
        with pytest.raises(UserError, match=message):
            call(
                "inpaint",
                str(tmp_path / photo_name),
                str(tmp_path / mask_name),
                "-o",
                str(tmp_path / out),
                "--checkpoint",
                checkpoint,
            )
        assert not (tmp_path / out).exists()


def test_evaluate_measures_an_imported_or_trained_checkpoint(tmp_path, monkeypatch) -> None:
    params, prepared, masks = write_prepared(tmp_path)
    evaluate_baselines(prepared, masks, params.evaluation, tmp_path / "baselines")
    weights = Generator(params.model).state_dict()
    model = params.model.model_dump(mode="json")
    save_checkpoint(tmp_path / "release.pt", Checkpoint(model, {"imported": ["EN.pkl"]}, weights, weights))
    for name, folder in (("PREPARED", prepared), ("MASKS", masks), ("BASELINES", tmp_path / "baselines")):
        monkeypatch.setattr(f"repro.paths.{name}", folder)
    monkeypatch.chdir(tmp_path)
    YAML().dump(params.resolved(), tmp_path / "params.yaml")
    call("evaluate", "release.pt", "-o", "measured")
    figures = json.loads((tmp_path / "measured" / "metrics.json").read_text())
    assert figures["psnr_hole_db"] > 0
    with pytest.raises(UserError, match="is missing"):
        call("evaluate", "absent.pt", "-o", "nothing")
    assert not (tmp_path / "nothing").exists()
    call("evaluate", "release.pt", "-o", "measured")
    for folder, message in ((".", "which this command did not make"), ("release.pt", "is a file")):
        with pytest.raises(UserError, match=message):
            call("evaluate", "release.pt", "-o", folder)
    assert (tmp_path / "params.yaml").is_file()


def test_the_readme_counts_the_ledger_as_it_is_and_names_every_command() -> None:
    readme = (ROOT / "README.md").read_text()
    found = list(walk_details(Params))
    assert f"{len(found)} details, {sum(len(detail.choice.options) for detail in found)} options" in readme
    for module in (ledger, variants, plan, sweep, report, medfe):
        for command in module.COMMANDS:
            assert command.__name__.replace("_", "-") in readme
