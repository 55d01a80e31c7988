"""Every number of a page is rebuilt from kept rows, and one that was changed is named with both values."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from repro.bundle.readme import find_quoted, find_unfounded
from repro.errors import UserError
from repro.kept import rebuilding
from repro.kept.folder import PAGE, find_damage, read_kept, read_report
from repro.kept.page import read_section
from repro.kept.rebuilding import Difference, rebuild
from repro.kept.study import KeptStudy, read_study, write_study


def test_a_study_comes_back_as_it_was(kept: KeptStudy) -> None:
    files = write_study(kept)
    back = read_study(files, "here")
    assert write_study(back) == files
    assert back.plan == kept.plan
    assert back.results.rows.to_dict("list") == kept.results.rows.to_dict("list")
    assert back.made == kept.made


def test_an_untouched_page_agrees(report: Path) -> None:
    files = read_report(report)
    rebuilt = rebuild(files[PAGE].decode(), read_kept(files, "here"))
    assert not rebuilt.differences
    assert not rebuilt.reworded
    assert not find_damage(report, files)
    assert rebuilt.agree > 100
    assert rebuilt.pictures >= 1
    assert rebuilt.unseen == ["own"]


def changed(page: str, section: str, old: str, new: str) -> str:
    start = page.index(f'data-section="{section}"')
    place = page.index(old, start)
    return page[:place] + new + page[place + len(old) :]


@pytest.mark.fault("damage", "kept report")
def test_a_changed_number_verdict_or_picture_is_named_with_both_values(report: Path) -> None:
    files = read_report(report)
    page, kept = files[PAGE].decode(), read_kept(files, "here")
    for section, old, new in (("cost", ">1.2 s<", ">1.3 s<"), ("failures", "1 failed", "2 failed")):
        (difference,) = rebuild(changed(page, section, old, new), kept).differences
        assert {difference.kept, difference.rebuilt} == {old.strip("><").split()[0], new.strip("><").split()[0]}
    verdict = next(word for word in ("matters", "undecided", "equivalent") if f">{word}</span>" in page)
    assert Difference("Ledger: average kind", "proven", verdict) in [
        item._replace(where="Ledger: average kind")
        for item in rebuild(changed(page, "ledger", f">{verdict}</span>", ">proven</span>"), kept).differences
    ]
    swapped = changed(page, "curve", "base64,", "base64,AAAA")
    assert [item.rebuilt for item in rebuild(swapped, kept).differences] == ["another picture"]


@pytest.mark.fault("damage", "kept report")
def test_a_changed_sentence_is_told(report: Path) -> None:
    """A report that is signed anew may lie in words where its numbers are right; they are held beside ours."""
    files = read_report(report)
    page, kept = files[PAGE].decode(), read_kept(files, "here")
    lies = (
        changed(page, "trust", "</p>", " All details are equivalent.</p>"),
        page.replace("</body>", "<p>All details are equivalent.</p></body>"),
        page.replace("</body>", "<h2>One</h2><h2>All details are equivalent.</h2></body>"),
        page.replace("</body>", "<script>say('All details are equivalent.')</script></body>"),
    )
    for lie in lies:
        (passage,) = rebuild(lie, kept).reworded
        assert "All details are equivalent." in passage.kept
        assert "All details are equivalent." not in passage.rebuilt


@pytest.mark.fault("damage", "kept report")
def test_a_section_that_is_gone_is_missed(report: Path) -> None:
    files = read_report(report)
    page = files[PAGE].decode().replace('data-section="cost"', 'data-section="other"')
    assert rebuild(page, read_kept(files, "here")).differences[0].rebuilt == "a section of the page"


def test_another_version_may_differ_in_the_last_digit_alone(report: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = read_report(report)
    kept = read_kept(files, "here")
    page = changed(files[PAGE].decode(), "cost", ">1.2 s<", ">1.3 s<")
    monkeypatch.setattr(rebuilding, "describe_statistics", lambda: dict(kept.computed_with) | {"numpy": "0.0"})
    rebuilt = rebuild(page, kept)
    assert [item.kept for item in rebuilt.rounded] == ["1.3"]
    assert not rebuilt.differences
    assert rebuild(changed(page, "cost", ">1.3 s<", ">1.5 s<"), kept).differences


@pytest.mark.fault("damage", "kept report")
def test_evidence_that_was_changed_is_named(report: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(report, tmp_path / "first"))
    (copy / "evidence" / "runs.csv").write_text("run\n")
    (copy / "evidence" / "more.txt").write_text("")
    (copy / "evidence" / "made.json").unlink()
    said = find_damage(copy, read_report(copy))
    assert [line.split(":")[0] for line in said] == [
        f"evidence/{name}" for name in ("made.json", "more.txt", "runs.csv")
    ]
    with pytest.raises(UserError, match=r"lacks made\.json"):
        read_kept(read_report(copy), str(copy))


def test_places_of_a_table_are_told_by_caption_row_and_column() -> None:
    table = (
        "<figure><figcaption>Effects</figcaption><table><thead><tr><th>detail</th><th>estimate</th></tr></thead>"
        '<tbody><tr><th scope="row">a.b</th><td>-0.25 <code>x=1</code> 95 %</td></tr></tbody></table></figure>'
    )
    (said,) = read_section(table).said.values()
    assert said.where == "Effects: a.b, estimate"
    assert said.values == ("-0.25", "x=1", "95")


README = """\
# A

1.25 is no page's.

## B

See [1.77](reports/studies/first/study_report.html): 2.38 and 0.69, [Apache 2.0](LICENSE).
"""


def test_numbers_of_a_readme_have_to_stand_on_the_page() -> None:
    quoted = find_quoted(README)
    assert [(item.line, item.number) for item in quoted] == [(7, "2.38"), (7, "0.69")]
    section = {"effects": read_section("<p>2.38 dB, 0.71</p>")}
    assert find_unfounded(quoted, lambda _: section) == ["line 7: 0.69 is on no rebuilt page of first; nearest: 0.71"]


@pytest.mark.parametrize("module", ["repro.kept.rebuilding", "repro.bundle.verifying", "repro.bundle.agreement"])
def test_checking_needs_neither_torch_nor_dvc_nor_git(module: str) -> None:
    code = f"import sys, {module}; print([n for n in ('torch', 'dvc', 'mlflow', 'git', 'rocrate') if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
