"""The sweep's loop with processes that are no trainings: failures, kills, other sweeps, and the end of the parent."""

import io
import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock

from repro.cases.medfe.case import CASE
from repro.runs.progress import Standing, describe, duration, plain_console, shown
from repro.runs.record import Given, RunRecord, lock_file, read_record, write_evidence
from repro.runs.recorder import Recorder
from repro.runs.scheduler import ATTEMPTS, Sweep
from repro.runs.status import Work
from repro.runs.workers import LocalWorkers
from sweep_project import children_of, kill, wait_for
from tiny import tiny_params

ROOT = Path(__file__).parents[2]
GIVEN = Given("code", {})
RUN = """
import hashlib, json, os, signal, sys
from pathlib import Path
run, flag = sys.argv[1:]
assert flag == "--attached"
with open("started", "a") as stream:
    stream.write(run + "\\n")
print("working on", run, flush=True)
def write(status, folder):
    folder.mkdir(parents=True, exist_ok=True)
    given = {"code": "", "inputs": {}}
    reason = "no such option" if status == "failed" else ""
    values = dict(status=status, reason=reason, key="key", given=given, seconds=1.0, joules=None, environment={})
    text = json.dumps(values)
    (folder / "run.json").write_text(text)
    (folder / "SHA256SUMS").write_text(hashlib.sha256(text.encode()).hexdigest() + "  run.json\\n")
match run.split("-")[0]:
    case "good": write("ok", Path("results/runs") / run)
    case "diverging": write("diverged", Path("results/runs") / run)
    case "failing":
        write("failed", Path(".repro/runs"))
        (Path(".repro/runs") / "run.json").rename(Path(".repro/runs") / (run + ".json"))
    case "troubled": sys.exit("run " + run + ": lost: OSError: [Errno 28] No space left on device")
    case "crashing": os.kill(os.getpid(), signal.SIGSEGV)
    case "dying": os.kill(os.getpid(), signal.SIGKILL)
    case "waiting": sys.stdin.read()
"""


class Silent(Recorder):
    """Records nothing, and keeps what it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.given: list[str] = []

    def add(self, run: str) -> None:
        self.given.append(run)

    def tick(self) -> None:
        pass


@pytest.fixture
def workers(tmp_path, monkeypatch) -> LocalWorkers:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    (tmp_path / "run.py").write_text(RUN)
    return LocalWorkers(CASE, 2, (sys.executable, str(tmp_path / "run.py")))


def sweep_over(runs: list[str], workers: LocalWorkers) -> tuple[Sweep, Silent, list[str]]:
    events: list[str] = []
    of_each = (dict.fromkeys(runs, same) for same in (tiny_params(), GIVEN, "key"))
    work = Work(*of_each, runs, [], [], [])
    recorder = Silent()
    return Sweep(work, workers, recorder, lambda _, event: events.append(event) if event else None), recorder, events


def test_every_run_ends_somehow_and_is_counted(workers: LocalWorkers) -> None:
    runs = ["good-s0", "failing-s0", "diverging-s0", "dying-s0", "crashing-s0", "troubled-s0", "good-s1"]
    sweep, recorder, events = sweep_over(runs, workers)
    sweep.run()
    standing = sweep.standing()
    assert (standing.done, standing.diverged, standing.failed, standing.running) == (2, 1, 2, [])
    assert standing.lost == 2
    assert sorted(recorder.given) == ["diverging-s0", "good-s0", "good-s1"]
    assert sweep.failures == {"failing-s0": "no such option", "crashing-s0": "killed by signal 11, 3 times"}
    no_space = "OSError: [Errno 28] No space left on device"
    assert sweep.lost == {"dying-s0": "killed by signal 9, 3 times", "troubled-s0": no_space}
    for run in ("dying-s0", "crashing-s0"):
        assert Path("started").read_text().split().count(run) == ATTEMPTS
    assert sum("started again" in event for event in events) == 2 * (ATTEMPTS - 1)
    assert any(event.startswith(f"troubled-s0: lost: {no_space} (log: ") for event in events)

    for run in sweep.lost:
        assert read_record(run) is None, "the next sweep tries it again"
    for run in sweep.failures:
        recorded = read_record(run)
        assert recorded is not None
        assert (recorded.status, recorded.key, recorded.reason) == ("failed", "key", sweep.failures[run])


@pytest.mark.fault("at once", "sweeps")
def test_a_run_of_another_sweep_is_waited_for_and_not_made_twice(workers: LocalWorkers) -> None:
    sweep, recorder, _ = sweep_over(["good-s0", "good-s1"], workers)
    lock_file("good-s1").parent.mkdir(parents=True)
    with FileLock(lock_file("good-s1")):
        assert not workers.start("good-s1", tiny_params())
        folder = Path("results/runs/good-s1")
        folder.mkdir(parents=True)
        record = RunRecord("ok", "", "key", GIVEN, 1.0, None)
        write_evidence(folder, record)
    sweep.run()
    assert sweep.standing().done == 2
    assert recorder.given == ["good-s0"]
    assert Path("started").read_text().split() == ["good-s0"]


@pytest.mark.fault("kill", "sweep, its processes")
@pytest.mark.usefixtures("workers")
def test_no_process_outlives_a_killed_sweep(tmp_path) -> None:
    code = """
import sys, time
from repro.runs.workers import LocalWorkers
from tiny import tiny_params
from repro.cases.medfe.case import CASE
workers = LocalWorkers(CASE, 2, (sys.executable, "run.py"))
workers.start("waiting-s0", tiny_params())
workers.start("waiting-s1", tiny_params())
time.sleep(60)
"""
    environment = {"PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"}
    parent = subprocess.Popen([sys.executable, "-c", code], cwd=tmp_path, env=environment)
    wait_for(lambda: (tmp_path / "started").exists() and len((tmp_path / "started").read_text().split()) == 2)
    (server,) = children_of(parent.pid)
    runs = children_of(server)
    assert len(runs) == 2
    kill(parent.pid)
    parent.wait()
    wait_for(lambda: not any(map(is_alive, [server, *runs])), seconds=5)


def is_alive(process: int) -> bool:
    stat = Path(f"/proc/{process}/stat")
    return stat.is_file() and stat.read_text().rpartition(")")[2].split()[0] != "Z"


def test_what_a_run_says_is_shown_as_it_is() -> None:
    stream = io.StringIO()
    with shown("study", plain_console(stream, width=200)) as show:
        show(Standing(1, 0, 0, 1, [], 1, 1.0, 1), "a-s0: failed: [/pytorch/pair.cc:525] closed [type=int]")
    assert stream.getvalue().startswith("a-s0: failed: [/pytorch/pair.cc:525] closed [type=int]  (")


def test_the_time_that_is_left_follows_from_the_rate() -> None:
    standing = Standing(10, 3, 1, 1, ["a"], ended=2, seconds=60.0, slots=2)
    assert standing.per_minute == 2
    assert standing.left_s == pytest.approx(150)
    assert describe(standing) == "3 of 10 done, 1 diverged, 1 running, 1 failed, 2.0 runs/min, 2 min left"
    assert Standing(10, 0, 0, 0, [], 0, 0.0, 1).left_s is None
    assert [duration(seconds) for seconds in (5, 600, 7200)] == ["5 s", "10 min", "2.0 h"]
