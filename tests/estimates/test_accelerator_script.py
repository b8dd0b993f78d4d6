"""The benchmark of accelerators, on this machine and with tiny sizes."""

import csv
import importlib.util
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "accelerator.py"


@pytest.fixture
def script(monkeypatch):
    monkeypatch.syspath_prepend(str(SCRIPT.parent))
    spec = importlib.util.spec_from_file_location("accelerator", SCRIPT)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def measure(script, tmp_path, monkeypatch, capsys):
    """Run the script with tiny sizes; return its rows and what it prints."""
    out = tmp_path / "results" / "accelerator.csv"

    def run(*more):
        monkeypatch.setattr(sys, "argv", [str(SCRIPT), "--tiny", "--out", str(out), *more])
        script.main()
        rows = list(csv.DictReader(out.read_text().splitlines())) if out.exists() else []
        return rows, capsys.readouterr().out

    return run


def test_it_goes_on_where_it_was_cut_off(script, measure, monkeypatch):
    every = script.list_measurements
    quick = ["deep_sad table, seeds: 1", "convolution, plain", "convolution, spectral"]

    def leave(names):
        kept = lambda sizes: [one for one in every(sizes) if one[0] in names]  # noqa: E731
        monkeypatch.setattr(script, "list_measurements", kept)

    leave(quick)
    rows, out = measure("--minutes", "0")
    assert rows == [] and "stopped" in out
    leave(quick[:2])
    first, _ = measure()
    leave(quick)
    rows, out = measure()
    assert [row["measurement"] for row in rows] == quick
    assert rows[:2] == first and out.startswith(quick[2])


@pytest.mark.slow
def test_it_measures_all(script, measure, monkeypatch):
    """Side by side, seeds of the table alone: the others take long to compile."""
    several = tuple(f"seeds: {count}" for count in script.TINY.seeds)
    listed = [
        one
        for one in script.list_measurements(script.TINY)
        if not one[0].endswith(several) or one[0].startswith("deep_sad table")
    ]
    monkeypatch.setattr(script, "list_measurements", lambda sizes: listed)
    rows, _ = measure()
    names, want = [row["measurement"] for row in rows], [name for name, *_ in listed]
    assert names == [name for name in want if name in names]
    assert all("PyTorch" in name for name in set(want) - set(names))
    values = {row["measurement"]: float(row["value"]) for row in rows}
    assert min(values.values()) > 0 or values["scores against those of the CPU"] == 0
    again, out = measure()
    assert again == rows and all("PyTorch" in line for line in out.splitlines())
