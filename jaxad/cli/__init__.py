"""The command line: `jaxad list`, `jaxad run`, `jaxad fit`, `jaxad score`."""

from jaxad.cli.app import main

__all__ = ["main"]
