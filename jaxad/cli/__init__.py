"""The command line: `jaxad list`, `run`, `fit`, `score`, `audit`, `sweep`, `report`."""

from jaxad.cli.app import main

__all__ = ["main"]
