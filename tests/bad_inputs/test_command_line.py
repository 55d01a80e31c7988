"""Bad input on the command line: each ends with exit status 2 and a short message, and leaves nothing behind."""

import sys
from pathlib import Path

import pytest

from repro.cli import main

LONG = "x" * 300
WORDS = {"LONG": LONG, "NINES": "9" * 5000, "DEEP": "[" * 4000}
"""What stands for what is too long to be read here."""
MOST_LINES, MOST_LETTERS = 3, 420

NO_STUDY = "no study can be called"
TOO_MUCH = "more than 50,000 values"
CIRCLE = "an alias stands inside what it stands for"
DEEP = "nested more than 40 deep"
USAGE = "Usage: repro"

STUDY_FILES = [
    ("none.yaml", "none.yaml cannot be read (No such file or directory)"),
    ("folder", "folder is a folder; expected a YAML file"),
    ("fifo", "fifo is no regular file"),
    ("/dev/zero", "/dev/zero is no regular file"),
    ("loop", "loop cannot be read (Too many levels of symbolic links)"),
    ("bin", "bin is no YAML: byte 128 is no UTF-8"),
    ("bomb.yaml", TOO_MUCH),
    ("self.yaml", CIRCLE),
    ("deep.yaml", DEEP),
    ("long.yaml", "more than 256 KiB"),
    ("tag.yaml", "could not determine a constructor for the tag"),
    ("date.yaml", "month must be in 1..12"),
    ("twice.yaml", 'duplicate key "a"'),
    ("list.yaml", "list.yaml declares no study"),
    ("empty.yaml", "empty.yaml declares no study"),
    ("file/x.yaml", "file/x.yaml cannot be read (Not a directory)"),
]
NAMES = ["..", ".", "ablations/...yaml", "ablations/..", "LONG.yaml", "-- -x.yaml"]
"""What cannot name a study."""

REFUSED: list[tuple[str, str]] = [
    *((f"plan {file}", said) for file, said in STUDY_FILES),
    *((f"{command} {name}", NO_STUDY) for command in ("plan", "sweep", "report", "verify", "export") for name in NAMES),
    ("sweep none.yaml", "none.yaml cannot be read"),
    ("sweep ablations/first.yaml", "has not been planned; freeze its design first: repro plan"),
    ("sweep ablations/first.yaml --budget 2h", "a budget belongs to --until decided"),
    ("sweep ablations/first.yaml --until decided --budget 2x", "expected a number with its unit"),
    ("sweep ablations/first.yaml --until decided --budget infh", "expected a number with its unit"),
    ("sweep ablations/first.yaml --until decided --budget -2h", "expected a number with its unit"),
    ("sweep ablations/first.yaml --until decided --budget 2h --runs 3", "give one of them"),
    ("sweep ablations/first.yaml -j 0", USAGE),
    ("sweep ablations/first.yaml --until never", USAGE),
    ("sweep ablations/first.yaml --gpus-per-run nan", USAGE),
    ("report", "the case means has no report of its active variant; name a study"),
    ("report none", "`repro plan` freezes a study"),
    ("verify none.zip", "none.zip cannot be read"),
    ("verify fifo.zip", "fifo.zip is no regular file; expected a bundle"),
    ("verify a b", "expected one study, one bundle, or two bundles"),
    ("verify --rerun 2", "repro verify STUDY --rerun K"),
    ("verify none --rerun 0", USAGE),
    ("export none -o folder", "folder is a folder\n  name a file in it"),
    ("export none -o file/x.zip", "file/x.zip cannot be written: file is a file"),
    ("export none -o LONG.zip", "file name too long\n  give it a shorter name"),
    ("export none --checklist what", USAGE),
    ("use none --scale small", "there is no reading none; there are: paper"),
    ("use ../x --scale small", "there is no reading ../x; there are: paper"),
    ("use ablations/readings/paper.yaml --scale small", "there is no reading ablations/readings/paper.yaml"),
    ("use paper --scale none", "there is no scale none; there are: small"),
    ("use paper --scale ../scales/small", "there is no scale ../scales/small"),
    ("use paper --scale small average.kind=mode", "average.kind is mode; allowed: mean, median"),
    ("use paper --scale small average", "'average' is no key=value"),
    ("use paper --scale small =1", "'=1' is no key=value"),
    ("use paper --scale small average.kind=[", "is no YAML (expected the node content"),
    ("use paper --scale small average.kind=mean average.kind=median", "average.kind is given twice"),
    ("use paper --scale small a.b.c=1", "a is not a parameter"),
    ("use paper --scale small average=1", "average is 1; expected keys with values"),
    ("use paper --scale small average..kind=mean", "average. is not a parameter"),
    ("use paper --scale small seed=null", "seed is null; expected a valid integer"),
    ("use paper --scale small seed=1e999", "seed is inf; expected a finite number"),
    ("use paper --scale small seed=NINES", "Exceeds the limit (4300 digits)"),
    ("use paper --scale small seed=*a", "found undefined alias 'a'"),
    ("use paper --scale small seed=&a[*a]", CIRCLE),
    ("use paper --scale small seed=!!python/object:os.system", "could not determine a constructor"),
    ("use paper --scale small seed=DEEP", DEEP),
    ("use paper --scale small seed=2020-13-45", "month must be in 1..12"),
    ("use paper --scale small LONG=1", "is not a parameter"),
    ("run --dry-run average.kind=mode", "this variant: average.kind is mode; allowed: mean, median"),
    ("run --dry-run x=1", "x is not a parameter"),
    ("run --dry-run x", "'x' is no key=value"),
    ("diff paper none", "no reading, file, experiment, commit or logged variant goes by the name none"),
    ("diff paper folder", "goes by the name folder"),
    ("diff paper fifo", "goes by the name fifo"),
    ("diff paper bin", "bin is no YAML"),
    ("diff paper bomb.yaml", TOO_MUCH),
    ("diff paper self.yaml", CIRCLE),
    ("diff paper deep.yaml", DEEP),
    ("diff paper list.yaml", "list.yaml is no params file"),
    ("diff paper empty.yaml", "empty.yaml is no params file"),
    ("diff paper -- --all", "goes by the name --all"),
    ("diff paper LONG", "file name too long"),
    ("diff paper a.yaml", "no parameter in common"),
    ("details --gap none", "no detail fits"),
    ("details --status none", USAGE),
    ("details extra", USAGE),
    ("nonsense", USAGE),
    ("new file", "file is a file, where a folder is expected"),
    ("new .", ". is not empty; name a new folder"),
    ("new folder", "folder is not empty; name a new folder"),
    ("new file/x", "file/x cannot be written: file is a file"),
    ("new LONG", "file name too long"),
    ("judge none.csv --outcome loss:lower", "none.csv: no such file"),
    ("judge folder --outcome loss:lower", "folder is a folder"),
    ("judge fifo --outcome loss:lower", "fifo: no such file"),
    ("judge bin --outcome loss:lower", "bin is no text"),
    ("judge t.csv", "which column is the outcome?"),
    ("judge t.csv --outcome loss:down", "which way is better?"),
    ("judge t.csv --outcome x:lower", "there is no column 'x'"),
    ("judge t.csv --outcome loss:lower --margin 0", "expected a number above 0"),
    ("judge t.csv --outcome loss:lower --seed x", "seed: there is no column 'x'"),
    ("judge t.csv --outcome loss:lower --out file", "file is a file, where a folder is expected"),
    ("judge t.csv --outcome loss:lower --out file/x", "file/x cannot be written: file is a file"),
    ("judge t.csv --outcome loss:lower --out site", "site holds 'index.html', and no judgement"),
    ("judge t.csv --outcome loss:lower --out LONG", "file name too long"),
    ("judge t.csv --outcome loss:lower --emit none", "--emit none: no such launcher"),
    ("judge t.csv --outcome loss:lower --budget 0", "expected a number of runs, 1 or more"),
    ("judge t.csv --outcome loss:lower --format none", USAGE),
    ('judge t.csv --outcome loss:lower --emit shell --command "', "No closing quotation"),
    ("judge none.yaml", "none.yaml cannot be read"),
    ("judge bomb.yaml", TOO_MUCH),
    ("judge self.yaml", CIRCLE),
    ("judge deep.yaml", DEEP),
    ("judge list.yaml", "list.yaml declares no table"),
    ("judge wandb:x", "expected wandb:ENTITY/PROJECT"),
    ("judge t.csv --outcome loss:lower --stack a.yaml none.yaml", "none.yaml cannot be read"),
    ("judge t.csv --outcome loss:lower --stack a.yaml a.yaml", "do not differ"),
    ("judge t.csv --outcome loss:lower --stack a.yaml self.yaml", CIRCLE),
    ("judge t.csv --outcome loss:lower --stack a.yaml bomb.yaml", TOO_MUCH),
    ("judge t.csv --outcome loss:lower --stack a.yaml list.yaml", "list.yaml is no mapping"),
    ("judge t.csv --outcome loss:lower --stack a.yaml b.yaml", "within which margin? add --margin"),
    ("judge t.csv --loop --format html", "a loop is not shown as html"),
    ("judge t.csv --loop --budget 3", "--loop has no batch"),
    ("judge t.csv --loop --outcome loss:best", "expected loss:lower or loss:higher"),
    ("inpaint file file -o folder", "folder is a folder\n  name a file in it"),
    ("evaluate file -o folder", "folder holds 'mine.txt', which this command did not make"),
    ("evaluate file -o file", "file is a file, where a folder is expected"),
    ("publish none", "git knows no commit 'none'"),
    ("publish -- -x", "git knows no commit '-x'"),
]


@pytest.mark.fault("input", "command line")
@pytest.mark.parametrize(("line", "said"), REFUSED, ids=[f"{n}-{line[:50]}" for n, (line, _) in enumerate(REFUSED)])
def test_a_bad_command_ends_with_one_message(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], line: str, said: str
) -> None:
    words = [_spell(word) for word in line.split()]
    monkeypatch.setattr(sys, "argv", ["repro", *words])
    before = {item for item in project.rglob("*") if ".repro" not in item.parts}
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    out, told = capsys.readouterr()
    assert said in told
    assert not out
    if said != USAGE:
        assert told.startswith("repro: ")
        assert told.count("\n") <= MOST_LINES
        assert len(told) <= MOST_LETTERS
    assert {item for item in project.rglob("*") if ".repro" not in item.parts} == before, "nothing half-written"
    assert (project / "folder" / "mine.txt").read_text() == "mine"


def _spell(word: str) -> str:
    for short, whole in WORDS.items():
        word = word.replace(short, whole)
    return word
