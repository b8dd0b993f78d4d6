"""The command line, run in this process."""

from typing import NamedTuple

import pytest

from jaxad.cli import main


class Ended(NamedTuple):
    """The exit code of a command and what it wrote."""

    code: int
    out: str
    err: str


@pytest.fixture
def cli(tmp_path, monkeypatch, capsys):
    """The program, run in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("JAXAD_DATA", raising=False)

    def run(*argv):
        code = main([str(arg) for arg in argv])
        return Ended(code, *capsys.readouterr())

    return run
