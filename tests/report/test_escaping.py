"""Names and titles with signs of a format's own: shown as they are, never obeyed."""

import csv
import html
import io
import json
import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jaxad.report import make_tables, render_page
from jaxad.report.pictures import draw_pictures
from jaxad.report.tables import make_table
from jaxad.sweep import expand, load_experiment
from jaxad.utils.escaping import escape_csv, escape_label, escape_latex, escape_markdown

HOSTILE = [
    "=cmd|' /C calc'!A0", "a|b", "$x$ and $", "_a_b_", "<script>alert(1)</script>", "one\ntwo",
    r"\input{/etc/passwd}", "100 % & #1 {x} ~ ^", "**bold** `code` [a](b)", "@SUM(A1)", "\t=1",
    "**", "&lt;b&gt;", '"quoted", \'too\'',
]  # fmt: skip


@pytest.fixture
def hostile(tmp_path):
    """An experiment, its jobs and rows, in which each name and title is hostile."""
    detectors = ["autoencoder", "deep_sad", "hsc"]
    names = [
        f"{{name = '{name}', title = {json.dumps(title)}}}"
        for name, title in zip(detectors * len(HOSTILE), HOSTILE, strict=False)
    ]
    path = tmp_path / "hostile.toml"
    path.write_text(
        f"title = {json.dumps(' '.join(HOSTILE))}\n"
        f"datasets = {json.dumps(HOSTILE)}\ndetectors = [{', '.join(names)}]\n"
        f"contamination = [0.0, 0.1]\nseeds = 2\nmetrics = ['auroc']\n"
        f"notes = {json.dumps(HOSTILE)}\n"
    )
    experiment = load_experiment(path)
    classes = [[(0, HOSTILE[i]), (1, HOSTILE[i - 1])] for i in range(len(HOSTILE))]
    jobs = expand(experiment, classes=classes)
    rows = pd.DataFrame(
        [
            {"job": job.name, "seed": seed, "auroc": 0.5 + (i % 7) / 20, "error": None}
            for i, job in enumerate(jobs)
            for seed in (0, 1)
        ]
    )
    return (
        experiment,
        jobs,
        rows.assign(
            device="cpu", seconds_compile=1.0, seconds_run=1.0, time=pd.Timestamp("2026-01-01")
        ),
    )


def shown(text):
    return "".join(c if c.isprintable() else " " for c in text)


def cells_of(line):
    """The cells of a row in Markdown, as GitHub shows their text."""
    cells = re.split(r"(?<!\\)\|", line)[1:-1]
    return [html.unescape(re.sub(r"\\([!-/:-@[-`{-~])", r"\1", cell)).strip() for cell in cells]


def test_markdown_shows_each_title_and_name_in_one_cell(hostile):
    lines = make_tables(*hostile).splitlines()
    table = [line for line in lines if line.startswith("| ")]
    assert len({len(cells_of(line)) for line in table}) == 1
    assert cells_of(table[0])[3:] == [shown(title).strip() for title in HOSTILE]
    assert {cells_of(line)[0] for line in table[2:]} >= {shown(name).strip() for name in HOSTILE}
    assert "<script" not in "".join(lines)


def test_latex_has_no_command_of_a_title(hostile):
    text = make_tables(*hostile, "latex")
    table = [line for line in text.splitlines() if not line.startswith("%")]
    commands = {found[1] for found in re.finditer(r"\\([a-zA-Z]+|.)", "\n".join(table))}
    assert commands <= {
        "textbf", "textbackslash", "textasciicircum", "textasciitilde", "textless", "textgreater",
        "pm", "dagger", "begin", "end", "toprule", "midrule", "bottomrule", *"{}$&#%_\\",
    }  # fmt: skip
    rows = [line for line in table if line.endswith(r" \\")]
    assert {len(re.findall(r"(?<!\\)&", row)) for row in rows} == {2 + len(HOSTILE)}
    rest = [line for line in text.splitlines() if line.startswith("%")]
    assert rest[0] == f"% {' '.join(' '.join(HOSTILE).split())}"


def test_csv_has_no_formula(hostile):
    rows = list(csv.reader(io.StringIO(make_tables(*hostile, "csv"))))
    assert len({len(row) for row in rows}) == 1
    assert len(rows) == 1 + len(hostile[1])
    for cell in {cell for row in rows for cell in row}:
        assert cell[:1] not in ("=", "@", "\t") and (cell[:1] not in ("+", "-") or float(cell))
    assert "'=cmd|' /C calc'!A0" in {row[0] for row in rows}


class Text(HTMLParser):
    """The tags and the text of a page."""

    def __init__(self):
        super().__init__()
        self.tags, self.text = set(), []

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)

    def handle_data(self, data):
        self.text.append(data)


def test_a_page_has_no_tag_of_a_title(hostile):
    experiment, jobs, rows = hostile
    made = [make_table("auroc", jobs, rows, {})]
    page = Text()
    page.feed(render_page("text", experiment, made, {}, rows))
    assert page.tags <= {
        "html", "meta", "title", "style", "h1", "h2", "table", "tr", "th", "td", "b", "p", "ul",
        "li", "pre",
    }  # fmt: skip
    assert set(HOSTILE) <= set(page.text)


def test_figures_draw_titles_as_they_are(hostile):
    _, jobs, rows = hostile
    figures = draw_pictures([make_table("auroc", jobs, rows, {})], jobs, rows)
    for figure in figures.values():
        figure.canvas.draw()
    legend = figures["auroc-curves-contamination"].legends[0].get_texts()
    assert len(legend) == len(HOSTILE)
    assert all(text._preprocess_math(text.get_text())[1] is False for text in legend)


@given(st.text(alphabet=st.characters(codec="utf-8") | st.sampled_from("\\{}$&#%_^~|*<>`=+-@\n")))
def test_any_text_is_escaped(text):
    latex = escape_latex(text)
    assert latex.isprintable() or not latex
    assert not re.search(
        r"(?<!\\)[$&#%_^~]", latex.replace(r"$\pm$", "").replace(r"$^\dagger$", "")
    )
    assert "\n" not in escape_markdown(text) and "<" not in escape_markdown(text)
    assert not re.search(r"(?<!\\)\|", re.sub(r"\\\\", "", escape_markdown(text)))
    assert "$" not in escape_label(text).replace(r"\$", "")
    kept = escape_csv(text)
    assert kept in (text, f"'{text}")


@pytest.mark.parametrize("value", ["-1", "+2.5e3", "-inf", -1, 2.5, None, np.float64(3), "a=b", ""])
def test_numbers_and_other_text_stay_as_they_are_in_csv(value):
    assert escape_csv(value) is value
