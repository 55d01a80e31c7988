"""A step beside that of a commit: turns, ratios, and the worktree that is gone afterwards."""

import subprocess
from pathlib import Path

from benchmarks import against
from benchmarks.against import Turn, compare, difference, worktree


def test_ratios_are_those_of_the_rounds(monkeypatch) -> None:
    seconds = {"ours": iter([1.0, 2.0, 4.0]), "theirs": iter([2.0, 2.0, 12.0])}
    monkeypatch.setattr(against.paths, "PROJECT", Path("ours"))
    monkeypatch.setattr(against, "take_turn", lambda tree, _: Turn(next(seconds[tree.name]), {"pixel": 1.0}))
    row = compare("paper:screening:8", Path("theirs"), 3)
    assert row == "| paper:screening:8 | 2.0000 | 2.0000 | 2.00 (1.00 to 3.00) | 0.0e+00 |"


def test_terms_that_differ_or_are_missing_show() -> None:
    one, other = Turn(1.0, {"pixel": 1.0, "style": 2.0}), Turn(1.0, {"pixel": 1.0, "style": 1.0})
    assert difference((one, other)) == 1.0
    assert difference((one, one)) == 0.0
    assert difference((one, Turn(1.0, {"pixel": 1.0}))) == float("inf")


def test_the_worktree_holds_the_commit_and_is_gone_afterwards(tmp_path, monkeypatch) -> None:
    def git(*arguments: str) -> str:
        identity = ("-c", "user.name=a", "-c", "user.email=a@example.org")
        command = ["git", "-C", str(tmp_path), *identity, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    monkeypatch.setattr(against.paths, "PROJECT", tmp_path)
    git("init", "--quiet")
    file = tmp_path / "file"
    for content in ("old", "new"):
        file.write_text(content)
        git("add", "file")
        git("commit", "--quiet", "-m", content)
    with worktree("HEAD~1") as tree:
        assert (tree / "file").read_text() == "old"
    assert file.read_text() == "new"
    assert not tree.exists()
    assert len(git("worktree", "list").splitlines()) == 1
