"""Git holds the headline figures and nothing else of the results, so that a clone has something to compare with."""

import subprocess
from pathlib import Path

from ruamel.yaml import YAML

from repro import paths

ROOT = Path(__file__).parents[1]
PIPELINE = YAML(typ="safe").load((ROOT / "dvc.yaml").read_text())


def is_ignored(file: Path) -> bool:
    done = subprocess.run(["git", "check-ignore", "-q", "--no-index", str(file)], cwd=ROOT, check=False)
    return done.returncode == 0


def test_dvc_shows_one_file_of_metrics_that_git_holds():
    declared = {
        stage: definition["metrics"] for stage, definition in PIPELINE["stages"].items() if "metrics" in definition
    }
    assert declared == {"evaluate": [{str(paths.EVALUATE / paths.METRICS): {"cache": False}}]}
    assert not is_ignored(paths.EVALUATE / paths.METRICS)


def test_git_ignores_all_other_results():
    outputs = [
        Path(name) for stage in PIPELINE["stages"].values() for name in stage["outs"] if name.startswith("results/")
    ]
    assert len(outputs) > 5
    for output in [*outputs, paths.RUNS / "0123456789-s0", paths.TRAIN / paths.METRICS]:
        assert is_ignored(output / "file" if output.suffix == "" else output), output


def test_every_plot_is_of_an_output_and_its_template_is_there():
    outputs = {name for stage in PIPELINE["stages"].values() for name in stage["outs"]}
    for plot in PIPELINE["plots"]:
        [(name, definition)] = plot.items() if isinstance(plot, dict) else [(plot, {})]
        sources = definition["y"] if isinstance(definition.get("y"), dict) else [name]
        assert set(sources) <= outputs, name
        if "template" in definition:
            assert (ROOT / ".dvc" / "plots" / f"{definition['template']}.json").is_file()
