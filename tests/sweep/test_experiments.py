"""The experiments of this repository: every file is read, in every size."""

from pathlib import Path

import pytest

from jaxad.sweep import load_experiment

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "experiments").glob("*/*.toml"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_an_experiment_has_a_quick_size_and_the_numbers_that_it_names(path):
    for size in ("quick", None):
        experiment = load_experiment(path, size)
        if "file" in experiment.published:
            assert Path(experiment.published["file"]).is_file()
    titles = {variant.title for source in experiment.sources for variant in source.variants}
    assert set(experiment.published.get("methods", {})) <= titles


def test_make_runs_them_all():
    assert FILES
    assert "for file in experiments/*/*.toml" in (ROOT / "Makefile").read_text()
