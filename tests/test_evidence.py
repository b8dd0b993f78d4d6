"""The numbers that pages of detectors give as evidence are in tables made from stored results."""

import functools
import re

import pytest
from test_docs import DOCS, META, PAGES, hooks, load_script, tables

claims = load_script("claims")

NUMBER = re.compile(r"(?<![\w.])\d+\.\d+(?!\w|\.\d)")
PLAIN = re.compile(r"[*\d.± ()†-]*")  # a cell of numbers
# How rows and columns are named that are of a page's detectors, besides their names and the title.
OTHER_NAMES = {
    "contradicting": ("contradicting", "baseline", "lambda"),
    "deep_sad": ("SAD + AnoOnly", "SAD + LOE"),
    "fcdd": ("confetti",),
    "forecasters": ("baseline", "lambda"),
    "mcd": ("MVE",),
    "ocsvm": ("OC-SVM",),
    "tabular_classifier": ("CatBoost", "logistic", "XGBoost", "LightGBM"),
}

page_of = pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)


def flatten(text: str) -> str:
    """Return the words of a text between spaces, so that `deep_sad` and Deep SAD are the same."""
    return f" {' '.join(re.findall('[a-z0-9]+', text.lower()))} "


def list_names(path) -> set[str]:
    """List how the tables name the detectors of a page."""
    meta = META[path]
    names = {*meta["detectors"], *OTHER_NAMES.get(path.stem, ())}
    return {flatten(name) for name in names | {meta["title"]}}


@functools.cache
def find_numbers(text: str) -> dict[str, set[str]]:
    """Find the numbers of the tables that hooks make of a page, with the labels of their cells.

    The labels are the head of the column and the words of the row, flattened.
    """
    made = tables.on_page_markdown(text, None, None, None)
    made = claims.on_page_markdown(made, None, None, None)
    typed, found, head = set(text.splitlines()), {}, []
    for line in made.splitlines():
        if not line.startswith("|") or line in typed:
            head = []
            continue
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        head = head or cells
        words = [cell for cell in cells if not PLAIN.fullmatch(cell)]
        for title, cell in zip(head, cells, strict=True):
            for number in NUMBER.findall(cell):
                found.setdefault(number, set()).add(flatten(" ".join([title, *words])))
    return found


def read_evidence(path) -> tuple[list[str], list[dict[str, set[str]]]]:
    """Read the items of a page's evidence, and the numbers of the tables it has or links."""
    section = path.read_text().partition("\n## Evidence\n")[2].partition("\n## Source\n")[0]
    linked = set(re.findall(r"\]\(\.\./((?:explanation|howto)/[\w-]+\.md)", section))
    assert linked, "evidence is in the pages of results: link them"
    texts = [section, *((DOCS / name).read_text() for name in sorted(linked))]
    return re.split(r"\n(?=- |\n)", section), [find_numbers(text) for text in texts]


@page_of
def test_numbers_stand_in_a_row_or_column_of_a_detector_that_the_item_is_about(path):
    """Metrics are in %, so at least 10; smaller numbers are settings and differences."""
    items, places = read_evidence(path)
    measured = NUMBER.findall(hooks.tabulate_results(META[path]["detectors"]))
    for item in items:
        about = [page for page in PAGES if any(n in flatten(item) for n in list_names(page))]
        names = set().union(*(list_names(page) for page in {path, *about}))
        for number in NUMBER.findall(item):
            if float(number) < 10 or number in measured:
                continue
            labels = set().union(*(place.get(number, ()) for place in places))
            assert labels, f"{number} is in no table made from results that the page links"
            assert any(name in label for name in names for label in labels), (
                f"{number} is in the tables, but in no row or column of {sorted(names)}"
            )


def test_numbers_typed_into_a_page_are_no_evidence():
    page = "| detector | auroc |\n| --- | --- |\n| knn | 12.3 |\n\nknn has 45.6.\n"
    assert find_numbers(page) == {}


def test_labels_are_those_of_the_row_and_of_the_column():
    found = find_numbers("<!-- results anoonly/table_1_mvtec auroc means -->\n")
    assert any(" deep sad anoonly " in label for labels in found.values() for label in labels)
    assert all(label for labels in found.values() for label in labels)
