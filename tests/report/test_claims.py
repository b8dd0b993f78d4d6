"""Claims of papers: verdicts follow from results, and a wrong file is named."""

import importlib.util
import json
from pathlib import Path

import pytest

from jaxad.errors import ConfigError
from jaxad.report.claims import judge, read_claims

ROOT = Path(__file__).parents[2]
RESULTS = """dataset,detector,seed,auroc
one,A,0,0.9
one,A,1,0.8
one,B,0,0.7
two,A,0,0.5
two,B,0,0.6
"""
TEST = """results = "paper/table", metric = "auroc", left = { detector = "A" }, relation = "above"\
, right = { detector = "B" }"""
CLAIM = """
[[claim]]
id = "first"
paper = "Paper"
page = "paper"
text = "A is above | B."
published = "90.0 and 80.0"
"""


def load(path):
    spec = importlib.util.spec_from_file_location(f"script_{path.stem}_of_claims", ROOT / path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def write(tmp_path):
    """Write a file of claims beside results, and return its path."""
    (tmp_path / "paper" / "results").mkdir(parents=True)
    (tmp_path / "paper" / "results" / "table.csv").write_text(RESULTS)

    def file(rest, head=CLAIM):
        path = tmp_path / "claims.toml"
        path.write_text(head + rest)
        return path

    return file


@pytest.mark.parametrize(
    ("more", "verdict", "left", "right"),
    [
        ("", "holds", [220 / 3], [65]),
        (", by = 10", "does not hold", [220 / 3], [65]),
        (', each = "dataset"', "holds in part", [85, 50], [70, 60]),
        (', where = { dataset = "two" }', "does not hold", [50], [60]),
        (", percent = true", "holds", [2.2 / 3], [0.65]),
        (', drop = { column = "dataset", from = "one", to = "two" }', "holds", [35], [10]),
    ],
)
def test_a_verdict_is_computed(write, more, verdict, left, right):
    (claim,) = read_claims(write(f"tests = [{{ {TEST}{more} }}]"))
    assert judge(claim) == verdict
    (found,) = claim.comparisons
    assert [one.left for one in found] == pytest.approx(left)
    assert [one.right for one in found] == pytest.approx(right)


def test_the_right_side_can_be_in_another_file(write, tmp_path):
    (tmp_path / "paper" / "results" / "other.csv").write_text(
        "dataset,model,auroc\none,C,0.6\ntwo,C,0.4\n"
    )
    test = TEST.replace('detector = "B"', 'model = "C"')
    text = f'tests = [{{ {test}, other = "paper/other", each = "dataset" }}]'
    (claim,) = read_claims(write(text))
    assert [one.right for one in claim.comparisons[0]] == pytest.approx([60, 40])
    with pytest.raises(ConfigError, match="lost"):
        read_claims(write(text.replace("paper/other", "paper/lost")))


@pytest.mark.parametrize(
    ("relation", "number", "held"),
    [("near", 72.0, True), ("near", 70.0, False), ("below", 80.0, True), ("above", 73.0, False)],
)
def test_a_number_is_compared(write, relation, number, held):
    test = TEST.replace('"above"', f'"{relation}"').replace('{ detector = "B" }', str(number))
    (claim,) = read_claims(write(f"tests = [{{ {test}, by = 2 }}]"))
    assert (judge(claim) == "holds") == held


def test_a_claim_that_was_not_run_says_why(write):
    (claim,) = read_claims(write('why = "the data are not available"'))
    assert judge(claim) == "not run" and claim.why == "the data are not available"


@pytest.mark.parametrize(
    ("rest", "message"),
    [
        ("", "'first': needs either tests or `why`"),
        (f'why = "no"\ntests = [{{ {TEST} }}]', "needs either tests or `why`"),
        ("tests = [1]", "test 1: must be a table"),
        (f"tests = [{{ {TEST.replace('paper/table', 'paper/lost')} }}]", "lost.csv cannot be read"),
        (f"tests = [{{ {TEST.replace('auroc', 'aurok')} }}]", "Did you mean 'auroc'"),
        (f"tests = [{{ {TEST.replace('above', 'over')} }}]", "unknown relation 'over'"),
        (f"tests = [{{ {TEST.replace(chr(34) + 'A', chr(34) + 'C')} }}]", "no row of the results"),
        (f"tests = [{{ {TEST.replace('auroc', 'detector')} }}]", "detector: not a number"),
        (f"tests = [{{ {TEST}, each = 3 }}]", "each: 3 is of another type"),
        (f'tests = [{{ {TEST}, drop = {{ column = "seed" }} }}]', "has no from"),
        (f"tests = [{{ {TEST}, by = true }}]", "by: True is of another type"),
        ('why = "no"\nverdict = "holds"', "unknown key 'verdict'"),
        ('why = "no"\n' + CLAIM + 'why = "no"', "two claims have the id 'first'"),
    ],
)
def test_a_wrong_file_is_named(write, rest, message):
    with pytest.raises(ConfigError, match=r"claims\.toml") as error:
        read_claims(write(rest))
    assert message in str(error.value)


def test_a_file_without_claims_is_refused(write):
    with pytest.raises(ConfigError, match="has no"):
        read_claims(write("", head='title = "none"'))


def test_the_check_reads_the_claims(write, capsys):
    path, results = write(f"tests = [{{ {TEST} }}]"), load(Path("experiments/results.py"))
    assert results.main(["--root", str(path.parent), "check"]) == 0
    assert "claims: 1 holds" in capsys.readouterr().out
    (path.parent / "paper" / "results" / "table.csv").unlink()
    assert results.main(["--root", str(path.parent), "check"]) == 1
    assert "run its experiment" in capsys.readouterr().out


def test_a_page_shows_claims_and_stale_results(write, monkeypatch):
    path, claims = write(f"tests = [{{ {TEST} }}]"), load(Path("docs/claims.py"))
    monkeypatch.setattr(claims, "ROOT", path.parent)
    page = claims.on_page_markdown("text\n\n<!-- claims paper -->\n", None, None, None)
    assert "A is above \\| B." in page and "A and B: 73.3 > 65.0" in page and "**holds**" in page
    assert "(paper.md#claims)" in claims.on_page_markdown("<!-- claims -->", None, None, None)
    outcome = {"paper/results/table.csv": {"state": "stale"}}
    (path.parent / "results-check.json").write_text(json.dumps(outcome))
    assert "holds (stale results)" in claims.tabulate_claims(read_claims(path))
    with pytest.raises(ValueError, match="no claim for the page 'other'"):
        claims.tabulate_page(read_claims(path), "other")


def test_the_claims_of_the_repository_can_be_judged():
    """That every results file and column that they name is there; no number is compared."""
    assert all(judge(claim) for claim in read_claims(ROOT / "experiments" / "claims.toml"))
