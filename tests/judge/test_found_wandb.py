"""Runs in W&B: by the package itself and a server of its protocol where it is installed, and by a stand-in."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from threading import Thread

import pytest

KEY = "a" * 40
PAGE = 2
"""Runs that the server gives at once, however many are asked for."""
RUNS = [
    {
        "config": {"opt": {"value": "ab"[n % 2]}, "model": {"value": {"depth": 3}}, "seed": {"value": n // 2}},
        "summary": {"loss": 1.5 + n, "eval": {"acc": 0.5}, "_step": 9, "note": "text", "opt": 1},
        "state": "finished" if n else "crashed",
    }
    for n in range(5)
]

SEARCH = """
import json, sys
from repro.errors import UserError
from repro.judge.found_wandb import search_wandb

try:
    print(search_wandb(sys.argv[1]).to_json(orient="records"))
except UserError as error:
    print(json.dumps(str(error)))
"""

STAND_IN = """
import json

class Run:
    def __init__(self, number, told):
        self.name, self.state, self.summary_metrics = f"run-{number}", told["state"], told["summary"]
        self.config = {name: item["value"] for name, item in told["config"].items()}

class Api:
    def runs(self, path, filters=None, order="+created_at", per_page=50, include_sweeps=False, lazy=True):
        assert not lazy
        if path != "ours/paper":
            raise ValueError("Could not find project " + path)
        return iter([Run(number, told) for number, told in enumerate(json.loads(RUNS))])
"""


class Server(BaseHTTPRequestHandler):
    """Answers the two queries of `wandb.Api().runs` as W&B does: who asks, and a page of runs."""

    asked: list[str]

    def log_message(self, *_: object) -> None:
        """Says nothing."""

    def do_POST(self) -> None:  # the name is that of http.server
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        given = body.get("variables") or {}
        if "viewer" in body["query"]:
            viewer = {"id": "1", "entity": "ours", "username": "us", "email": "", "flags": "{}", "teams": {"edges": []}}
            known = self.headers["Authorization"].endswith("YWE=")  # of a key that ends in aa, in base 64
            data: dict[str, object] = {"viewer": viewer if known else None}
        else:
            self.asked.append(body["query"])
            data = {"project": list_page(given) if given["project"] == "paper" else None}
        answer = json.dumps({"data": data}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)


def list_page(given: dict[str, object]) -> dict[str, object]:
    first = int(str(given["cursor"] or 0))
    edges = []
    for number, run in list(enumerate(RUNS))[first : first + PAGE]:
        node = {"id": str(number), "name": f"id{number}", "displayName": f"run-{number}", "projectId": "1", "tags": []}
        node |= {"config": json.dumps(run["config"]), "summaryMetrics": json.dumps(run["summary"])}
        node |= {
            "state": run["state"],
            "systemMetrics": "{}",
            "createdAt": "2026-01-01T00:00:00Z",
            "user": {"name": "us"},
        }
        edges.append({"node": node, "cursor": str(number + 1)})
    more = first + PAGE < len(RUNS)
    return {
        **{"internalId": "1", "runCount": len(RUNS), "readOnly": False},
        "runs": {"edges": edges, "pageInfo": {"endCursor": str(first + PAGE), "hasNextPage": more}},
    }


@contextmanager
def serve() -> Iterator[tuple[str, list[str]]]:
    """Yields the address of a server, and the queries for runs that it was asked."""
    asked: list[str] = []
    handler = type("Asked", (Server,), {"asked": asked})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()


def search(project: str, folder: Path, **variables: str) -> object:
    """Returns the rows of a project, or the message."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("WANDB_")}
    own = {"HOME": str(folder), "WANDB_SILENT": "true", "WANDB_ERROR_REPORTING": "false"}
    done = subprocess.run(
        [sys.executable, "-c", SEARCH, project],
        env=kept | own | variables,
        cwd=folder,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def check_rows(rows: object) -> None:
    assert isinstance(rows, list)
    assert [row["run_name"] for row in rows] == [f"run-{n}" for n in range(5)]
    assert [row["status"] for row in rows] == ["crashed", *["finished"] * 4]
    assert rows[3] == {
        **{"run_name": "run-3", "status": "finished", "opt": "b", "model.depth": 3, "seed": 1},
        **{"loss": 4.5, "eval.acc": 0.5, "summary.opt": 1},
    }


def test_runs_are_read_as_the_package_gives_them(tmp_path: Path) -> None:
    package = tmp_path / "wandb"
    package.mkdir()
    (package / "__init__.py").write_text(f"RUNS = {json.dumps(RUNS)!r}\n{STAND_IN}")
    check_rows(search("ours/paper", tmp_path, PYTHONPATH=f"{tmp_path}{os.pathsep}{Path(__file__).parents[2]}"))
    told = search("ours/other", tmp_path, PYTHONPATH=f"{tmp_path}{os.pathsep}{Path(__file__).parents[2]}")
    assert told == "wandb:ours/other: Could not find project ours/other"


needs_wandb = pytest.mark.skipif(find_spec("wandb") is None, reason="W&B's package, the extra wandb, is not installed")


@needs_wandb
def test_the_package_reads_all_pages_of_a_server_and_no_run_by_itself(tmp_path: Path) -> None:
    with serve() as (address, asked):
        check_rows(search("ours/paper", tmp_path, WANDB_BASE_URL=address, WANDB_API_KEY=KEY))
    assert len(asked) == 3
    assert all("query Runs(" in query for query in asked)


@needs_wandb
@pytest.mark.parametrize(
    ("project", "key", "said"),
    [
        ("ours/other", KEY, "wandb:ours/other: Could not find project other"),
        ("ours/paper", "b" * 40, "invalid credentials"),
        ("ours/paper", "", "No API key configured"),
    ],
    ids=["no project", "wrong key", "no key"],
)
def test_what_the_server_refuses_is_one_line(tmp_path: Path, project: str, key: str, said: str) -> None:
    with serve() as (address, _):
        told = search(project, tmp_path, WANDB_BASE_URL=address, **({"WANDB_API_KEY": key} if key else {}))
    assert isinstance(told, str)
    assert said in told
    assert "\n" not in told
