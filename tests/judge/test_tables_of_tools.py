"""Tables as other tools export them: each is read as a person would read it, says so, or is refused with its remedy.

All but the odd ones hold the same twenty runs: two optimisers by two learning rates by five seeds.
"""

import bz2
import gzip
import io
import json
import lzma
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from repro.errors import UserError
from repro.judge.declaration import Flags, read_declaration, write_declaration
from repro.judge.lines import list_lines
from repro.judge.table import read_table
from repro.judge.verdicts import Judgement, judge_table

LOSS = Flags(outcome=("val_loss:lower",), margin=0.1)
_DRAWS = np.random.default_rng(5).normal(size=20)
RUNS = pd.DataFrame(
    [
        {"opt": opt, "lr": lr, "seed": seed, "val_loss": round(1 + 0.3 * (opt == "sgd") + 0.05 * (lr == 0.01), 5)}
        for opt in ("adam", "sgd")
        for lr in (0.001, 0.01)
        for seed in range(5)
    ]
).assign(val_loss=lambda table: (table["val_loss"] + 0.02 * _DRAWS).round(5))
EFFECT = float(RUNS[RUNS["opt"] == "sgd"]["val_loss"].mean() - RUNS[RUNS["opt"] == "adam"]["val_loss"].mean())
N = len(RUNS)
STAMPS = [f"2024-05-0{1 + place % 9}T10:{place:02d}:11.000Z" for place in range(N)]
CODES = [f"{1103515245 * (place + 7) % 2**32:08x}" for place in range(N)]


def write(folder: Path, content: Any, name: str = "runs.csv") -> Path:
    file = folder / name
    text = content.to_csv(index=False) if isinstance(content, pd.DataFrame) else content
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


def judge(file: Path, flags: Flags = LOSS) -> Judgement:
    declared = read_declaration(str(file), flags)
    return judge_table(read_table(declared.table), declared)


def roles(found: Judgement) -> dict[str, str]:
    return {column.name: column.role for column in found.columns}


def pack(text: str) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("runs.csv", text)
    return stream.getvalue()


PLAIN = RUNS.to_csv(index=False)
SAME: dict[str, tuple[str, str | bytes]] = {
    "comments first": ("t.csv", "# exported 2024-05-01 by ann, all runs\n# units: nats\n" + PLAIN),
    "numpy's header": ("t.csv", "# opt,lr,seed,val_loss\n" + PLAIN.partition("\n")[2]),
    "carriage returns alone": ("t.csv", PLAIN.replace("\n", "\r")),
    "two files put together": ("t.csv", PLAIN + PLAIN.partition("\n")[0] + "\n"),
    "gzip": ("t.csv.gz", gzip.compress(PLAIN.encode())),
    "bzip2": ("t.csv.bz2", bz2.compress(PLAIN.encode())),
    "xz": ("t.csv.xz", lzma.compress(PLAIN.encode())),
    "zip": ("t.zip", pack(PLAIN)),
    "gzipped JSON lines": ("t.jsonl.gz", gzip.compress(RUNS.to_json(orient="records", lines=True).encode())),
    "Markdown": ("t.md", "| opt | lr | seed | val_loss |\n|:--|--:|---|---|\n" + "".join(
        f"| {' | '.join(map(str, row))} |\n" for row in RUNS.itertuples(index=False, name=None))),
    "JSON of pandas": ("t.json", RUNS.to_json()),
    "JSON in an object": ("t.json", json.dumps({"project": "x", "runs": RUNS.to_dict("records")}, indent=1)),
    "R's row names": ("t.csv", "".join(f"{n}," * (n > 0) + line for n, line in enumerate(PLAIN.splitlines(True)))),
    "a comma after each line": ("t.csv", PLAIN.replace("\n", ",\n").replace("val_loss,", "val_loss")),
    "R's index and NA": ("t.csv", RUNS.assign(note="NA").to_csv(quoting=2)),
    "semicolons of a spreadsheet": ("t.csv", "sep=;\r\n" + RUNS.to_csv(index=False, sep=";", decimal=",")),
    "numbers spelt in several ways": ("t.csv", PLAIN.replace(",0.001,", ",1e-3,", 3).replace(",0.01,", ",1E-02,", 3)),
    "a printed minus and a dash": ("t.csv", RUNS.assign(note=["-", "\u22120.5"] * 10).to_csv(index=False)),
    "a row of totals": ("t.csv", PLAIN + f"Average,,,{RUNS['val_loss'].mean()}\n"),
    "copies under new names": ("t.csv", pd.concat([RUNS, RUNS[:6]]).assign(id=[f"r{n}" for n in range(26)]).to_csv()),
}  # fmt: skip


@pytest.mark.parametrize("name", SAME)
def test_the_same_runs_in_the_form_of_another_tool_have_the_same_verdict(tmp_path: Path, name: str) -> None:
    found = judge(write(tmp_path, SAME[name][1], SAME[name][0]))
    opt = next(line for line in list_lines(found) if line.detail == "opt")
    assert opt.estimate == pytest.approx(EFFECT, abs=1e-9)
    assert opt.verdict == "matters"
    assert found.noise.df == 16
    assert found.word == "seed"


def of_wandb() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "Name": [f"glowing-sun-{n}" for n in range(N)],
            "State": "finished",
            "Tags": ["", "baseline, v2"] * 10,
            "Created": STAMPS,
            "Runtime": range(3600, 3600 + N),
            "Hostname": [f"gpu{n % 4}" for n in range(N)],
            "GPU Type": ["A100", "V100"] * 10,
            "Commit": ["a1b2c3d", "deadbee"] * 10,
            "config.optimizer.name": RUNS["opt"],
            "lr": RUNS["lr"],
            "seed": RUNS["seed"],
            "_step": 999,
            "train/loss": RUNS["val_loss"] - 0.1,
            "val_loss": RUNS["val_loss"],
        }
    )


def of_mlflow() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "Start Time": STAMPS,
            "Duration": [f"{n % 5 + 1}.{n % 9}min" for n in range(N)],
            "Run ID": CODES,
            "Source Name": "train.py",
            "Status": "FINISHED",
            "lr": RUNS["lr"],
            "optimizer": RUNS["opt"],
            "seed": RUNS["seed"],
            "val_loss": RUNS["val_loss"],
        }
    )


def of_ray() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "val_loss": RUNS["val_loss"],
            "timestamp": range(1714550000, 1714550000 + N),
            "training_iteration": [8 if n == 7 else 20 for n in range(N)],
            "trial_id": CODES,
            "date": STAMPS,
            "time_total_s": 30 + _DRAWS,
            "pid": range(1000, 1000 + N),
            "config/lr": RUNS["lr"],
            "config/optimizer": RUNS["opt"],
            "config/seed": RUNS["seed"],
            "config/layers": "[64, 64]",
            "logdir": [f"train_{n}" for n in range(N)],
        }
    )


def of_slurm() -> pd.DataFrame:
    elapsed = [f"00:1{n % 6}:11" for n in range(N)]
    return RUNS.assign(JobID=range(1000, 1000 + N), State="COMPLETED", Elapsed=elapsed, Partition=["a", "b"] * 10)


def of_dvc() -> pd.DataFrame:
    names = ["workspace", "main", *(f"branchy-{n}" for n in range(N - 2))]
    kinds = ["", "baseline", *["branch_commit"] * (N - 2)]
    return RUNS.assign(Experiment=names, rev=CODES, typ=kinds, Created=STAMPS)


OPTIONS = {
    "W&B": (of_wandb(), ["config.optimizer.name", "lr"], "seed"),
    "MLflow": (of_mlflow(), ["lr", "optimizer"], "seed"),
    "Ray Tune": (of_ray(), ["config/lr", "config/optimizer"], "config/seed"),
    "Slurm": (of_slurm(), ["opt", "lr"], "seed"),
    "DVC": (of_dvc(), ["opt", "lr"], "seed"),
    "Hydra": (RUNS.assign(overrides=[f"opt={o},lr={v},seed={s}" for o, v, s, _ in RUNS.values]), ["opt", "lr"], "seed"),
    "dates": (RUNS.assign(day=[f"0{1 + n % 5}/05/2024" for n in range(N)]), ["opt", "lr"], "seed"),
    "a name for each": (RUNS.assign(variant=RUNS["opt"] + "_" + RUNS["lr"].astype(str)), ["opt", "lr"], "seed"),
    "a product": (RUNS.assign(bs=[32, 64] * 10, lr_bs=RUNS["lr"] * ([32, 64] * 10)), ["opt", "lr", "bs"], "seed"),
    "random_state": (RUNS.rename(columns={"seed": "random_state"}), ["opt", "lr"], "random_state"),
    "rng": (RUNS.rename(columns={"seed": "rng"}), ["opt", "lr"], "rng"),
    "like a metric": (RUNS.assign(loss_weight=[0.1, 1] * 10), ["opt", "lr", "loss_weight"], "seed"),
    "booleans in two spellings": (RUNS.assign(amp=["True", "1", "False", "0"] * 5), ["opt", "lr", "amp"], "seed"),
    "none is an option": (RUNS.assign(aug=["none", "mixup"] * 10), ["opt", "lr", "aug"], "seed"),
}  # fmt: skip


@pytest.mark.parametrize("name", OPTIONS)
def test_details_and_seed_are_those_that_a_person_would_take(tmp_path: Path, name: str) -> None:
    table, details, seed = OPTIONS[name]
    found = judge(write(tmp_path, table))
    taken = {column: role for column, role in roles(found).items() if role in ("detail", "numeric detail", "seed")}
    assert taken == {**dict.fromkeys(details, "detail"), seed: "seed"}
    assert not found.refused
    assert "(blank)" not in str(found.options)


@pytest.mark.parametrize("name", OPTIONS)
def test_what_was_inferred_gives_the_same_verdicts_when_it_is_given_back(tmp_path: Path, name: str) -> None:
    found = judge(write(tmp_path, OPTIONS[name][0]))
    write_declaration(found.declared, tmp_path / "judge.yaml")
    again = judge(tmp_path / "judge.yaml", Flags())
    assert list_lines(again) == list_lines(found)
    assert again.noise == found.noise


SPLITS = RUNS.pivot_table(index=["opt", "lr"], columns="seed", values="val_loss").reset_index()


@pytest.mark.parametrize(
    ("pattern", "word"),
    [("split{}_val_loss", "fold"), ("val_loss_fold{}", "fold"), ("val_loss (seed={})", "seed"), ("seed_{}", "seed")],
)
def test_a_column_a_seed_is_made_a_row_a_run(tmp_path: Path, pattern: str, word: str) -> None:
    wide = SPLITS.rename(columns={seed: pattern.format(seed) for seed in range(5)})
    file = write(tmp_path, wide.assign(mean_val_loss=SPLITS[list(range(5))].mean(axis=1)))
    found = judge(file)
    assert roles(found)[word] == "seed"
    opt = next(line for line in list_lines(found) if line.detail == "opt")
    assert opt.estimate == pytest.approx(EFFECT, abs=1e-9)
    assert any(f"5 columns, {pattern.format(0)} to {pattern.format(4)}, hold a {word} each" in s for s in found.said)
    assert any("share training data" in sentence for sentence in found.said) == (word == "fold")
    mean = judge(file, Flags(outcome=("mean_val_loss:lower",)))
    assert mean.refused.startswith("no variant was run twice")
    write_declaration(found.declared, tmp_path / "judge.yaml")
    assert list_lines(judge(tmp_path / "judge.yaml", Flags())) == list_lines(found)


HISTORY = pd.DataFrame({"Step": [1, 2], "adam-0 - val_loss": [2, 1], "adam-0 - val_loss__MIN": [2, 1]})
LONG = (
    RUNS.assign(acc=1 - RUNS["val_loss"] / 4)
    .melt(["opt", "lr", "seed"], var_name="metric")
    .rename(columns={"value": "val_loss"})
)
REFUSED: dict[str, tuple[str, str | bytes | pd.DataFrame, str]] = {
    "W&B's chart": ("t.csv", HISTORY, "has a column for each run ('adam-0 - val_loss'), as a chart of W&B"),
    "a pivot": ("t.csv", SPLITS, "are 0 to 4 a seed each?\n  then call them seed_0 to seed_4"),
    "a name inside another": ("t.csv", RUNS.rename(columns={"val_loss": "metrics.val_loss"}), "has: metrics.val_"),
    "a mean and its spread": ("t.csv", RUNS.assign(val_loss="78.3 ± 0.4"), "a mean and its spread: give a row"),
    "the same in LaTeX": ("t.csv", RUNS.assign(val_loss="$78.3 \\pm 0.4$"), "a mean and its spread"),
    "digits in brackets": ("t.csv", RUNS.assign(val_loss="78.3(4)"), "a mean and its spread"),
    "percent here and there": ("t.csv", RUNS.assign(val_loss=["80%", "0.8"] * 10), "all of them in percent or none"),
    "OOM": ("t.csv", RUNS.assign(val_loss=["OOM", *RUNS["val_loss"][1:].astype(str)]), "'OOM' in row 1\n  expected"),
    "several metrics": ("t.csv", LONG, "column 'metric' names 2 metrics (val_loss, acc)"),
    "a title": ("t.csv", "Results of sweep 3,,,\n" + PLAIN, "names 1 of 4 columns ('Results of sweep 3')"),
    "a bare title": ("t.csv", "Results\n" + PLAIN, "the header 1\n  expected a header that names every column"),
    "fields without a name": ("t.csv", PLAIN.replace(",seed,val_loss", ""), "line 2 has 4 fields, the header 2"),
    "spaces": ("t.txt", RUNS.to_string(index=False), "fields are kept apart by spaces\n  expected commas"),
    "LaTeX": ("t.tex", PLAIN.replace(",", " & "), "fields are kept apart by &"),
    "HTML": ("t.html", RUNS.to_html(), "is a page of HTML"),
    "two files in a zip": ("t.zip", b"", "holds 2 files (a.csv, b.csv)\n  unpack it"),
    "a broken gzip": ("t.csv.gz", b"\x1f\x8b\x08broken", "what was packed with gzip is broken"),
    "Latin letters": ("t.csv", PLAIN.replace("sgd", "größer").encode("cp1252"), "line 12: no utf-8\n  save it"),
    "a log of one run": ("t.csv", "Wall time,Step,val_loss\n1.0,1,3\n2.0,2,2\n", "no column varies that could"),
    "the seed changes nothing": ("t.csv", RUNS.assign(val_loss=RUNS["lr"]), "the same val_loss to the last digit"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_read_in_one_way_is_refused_with_its_remedy(tmp_path: Path, name: str) -> None:
    file, content, said = REFUSED[name]
    path = write(tmp_path, content, file)
    if name == "two files in a zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("a.csv", PLAIN)
            archive.writestr("b.csv", PLAIN)
    try:
        told = judge(path).refused
    except UserError as error:
        told = str(error)
    assert said in told
    assert told.count("\n") <= 1


def told_of(folder: Path, table: pd.DataFrame, flags: Flags = LOSS) -> str:
    return "\n".join(judge(write(folder, table), flags).said)


TOLD: dict[str, tuple[pd.DataFrame, str]] = {
    "Optuna's pruned trials": (
        RUNS.assign(state=["COMPLETE"] * 18 + ["PRUNED", "FAIL"]),
        "2 runs failed by `state` (PRUNED, FAIL)",
    ),
    "Slurm's cancelled jobs": (
        RUNS.assign(State=["COMPLETED"] * 18 + ["CANCELLED by 1000", "NODE_FAIL"]),
        "2 runs failed by `State` (CANCELLED by 1000, NODE_FAIL)",
    ),
    "a run that goes on": (RUNS.assign(State=["running"] + ["finished"] * 19), "1 run not ended (`State`): left out"),
    "a run without a seed": (
        RUNS.assign(seed=RUNS["seed"].astype(float).where(RUNS.index != 4)),
        "1 run without a seed (row 5): paired with no other",
    ),
    "options spelt in two ways": (
        RUNS.assign(opt=["Adam", *RUNS["opt"][1:]]),
        "opt: Adam and adam may be one option; they count as 2",
    ),
    "a mean with its spread": (
        RUNS.rename(columns={"val_loss": "x_mean"}).assign(val_loss=RUNS["val_loss"], val_loss_std=0.1),
        "val_loss has its spread beside it (val_loss_std)",
    ),
    "a run a little shorter": (
        RUNS.assign(step=[95 if n == 3 else 100 for n in range(N)]),
        "1 run ended before the step of others with their options (row 4: 95 of 100)",
    ),
}


@pytest.mark.parametrize("name", TOLD)
def test_what_is_odd_is_told(tmp_path: Path, name: str) -> None:
    assert TOLD[name][1] in told_of(tmp_path, TOLD[name][0])


def test_a_floor_that_several_variants_meet_is_no_copied_run(tmp_path: Path) -> None:
    floor = RUNS.assign(val_loss=RUNS["val_loss"].where(RUNS["seed"] > 2, 0.0))
    assert "one run under several seeds" not in told_of(tmp_path, floor)
    copied = RUNS.assign(val_loss=RUNS["val_loss"].where((RUNS["seed"] > 2) | (RUNS["opt"] == "sgd"), 1.05))
    assert "one run under several seeds" in told_of(tmp_path, copied[copied["lr"] == 0.001])


def curve(*steps: int) -> pd.DataFrame:
    return pd.concat([RUNS.assign(step=step, val_loss=RUNS["val_loss"] + 1 / step - 0.25) for step in steps])


def test_of_an_outcome_that_is_logged_now_and_then_the_last_is_taken(tmp_path: Path) -> None:
    logged = curve(1, 2, 3, 4)
    extra = logged.assign(val_loss=np.nan, step=logged["step"] + 1)
    found = judge(write(tmp_path, pd.concat([logged[logged["step"] % 2 == 0], extra[extra["step"] % 2 == 1]])))
    opt = next(line for line in list_lines(found) if line.detail == "opt")
    assert opt.estimate == pytest.approx(EFFECT, abs=1e-9)
    assert opt.n == 5, "seeds, which two runs with each option share"


def test_a_run_that_diverges_has_failed(tmp_path: Path) -> None:
    logged = curve(1, 2, 3, 4)
    gone = (logged["opt"] == "sgd") & (logged["seed"] == 2) & (logged["step"] > 2)
    found = judge(write(tmp_path, logged.assign(val_loss=logged["val_loss"].where(~gone))))
    assert any("2 runs without a finite val_loss" in sentence for sentence in found.said)


def test_epochs_that_were_set_are_a_detail_and_those_that_were_logged_are_none(tmp_path: Path) -> None:
    lengths = pd.DataFrame(
        [{"epochs": e, "seed": s, "val_loss": 1 / e + 0.001 * s * e} for e in (10, 20, 40) for s in range(4)]
    )
    assert roles(judge(write(tmp_path, lengths)))["epochs"] == "detail"
    assert (
        roles(judge(write(tmp_path, RUNS.assign(epochs=[8 if n == 3 else 10 for n in range(N)]))))["epochs"] == "step"
    )


def test_runs_of_another_length_have_other_options(tmp_path: Path) -> None:
    lengths = pd.concat([RUNS.assign(total_steps=100 * n, step=100 * n) for n in range(1, 13)], ignore_index=True)
    shown = lengths.assign(val_loss=lengths["val_loss"] + 0.001 * _DRAWS[lengths.index % 17])
    assert "ended" not in told_of(tmp_path, shown)


def test_what_each_task_has_one_of_is_the_task_and_no_detail(tmp_path: Path) -> None:
    rows = [
        {"dataset": d, "lr": lr, "opt": o, "seed": s, "val_loss": 1 + 0.1 * (o == "b") + 0.01 * s * (d == "y")}
        for d, lr in (("x", 0.1), ("y", 0.01), ("z", 0.001))
        for o in "ab"
        for s in range(3)
    ]
    found = judge(write(tmp_path, pd.DataFrame(rows)))
    assert {column.name: column.why for column in found.columns}[
        "lr"
    ] == "each dataset has one: its effect is the dataset's"
    assert [line.detail for line in list_lines(found)] == ["opt"]


def test_one_name_of_few_levels_is_compared_where_nothing_else_varies(tmp_path: Path) -> None:
    for name in ("name", "group", "commit"):
        table = RUNS.rename(columns={"opt": name}).drop(columns="lr").assign(seed=list(range(10)) * 2)
        assert roles(judge(write(tmp_path, table)))[name] == "detail"


def test_trials_that_are_nested_in_a_study_are_one_run(tmp_path: Path) -> None:
    rows = [
        {"opt": o, "study": s, "trial": t, "val_loss": (o == "b") + 0.1 * _DRAWS[s] + 0.01 * _DRAWS[5 * s % 19 + t]}
        for o in "ab"
        for s in range(4)
        for t in range(3)
    ]
    file = write(tmp_path, pd.DataFrame(rows))
    file.with_name("judge.yaml").write_text(
        "table: runs.csv\noutcomes: {val_loss: {direction: lower}}\nseed: study\npaired: false\ndetails: [opt]\n"
    )
    found = judge(file.with_name("judge.yaml"), Flags())
    assert [(line.n, line.n_baseline) for line in list_lines(found)] == [(4, 4)]
    assert found.noise.df == 6


def test_percent_is_read_where_all_of_it_is(tmp_path: Path) -> None:
    found = judge(write(tmp_path, RUNS.assign(val_loss=[f"{100 * v:.3f} %" for v in RUNS["val_loss"]])))
    opt = next(line for line in list_lines(found) if line.detail == "opt")
    assert opt.estimate == pytest.approx(100 * EFFECT, abs=1e-2)


def test_blanks_stand_for_what_is_declared_when_it_is_given_back(tmp_path: Path) -> None:
    table = RUNS.assign(dropout=RUNS["opt"].map({"adam": np.nan, "sgd": 0.1})).drop(columns="opt")
    found = judge(write(tmp_path, table))
    write_declaration(found.declared, tmp_path / "judge.yaml")
    text = (tmp_path / "judge.yaml").read_text()
    declared = text.replace("absent: {}", "absent:\n  dropout: {value: 0.0, source: the code's default}")
    (tmp_path / "judge.yaml").write_text(declared.replace("(blank)", "0"))
    again = judge(tmp_path / "judge.yaml", Flags())
    (line,) = [line for line in list_lines(again) if line.detail == "dropout"]
    assert {line.option, line.baseline} == {"0", "0.1"}
    assert any("10 blanks stand for 0.0 (the code's default)" in sentence for sentence in again.said)
    write_declaration(again.declared, tmp_path / "judge.yaml")
    assert list_lines(judge(tmp_path / "judge.yaml", Flags())) == list_lines(again)
