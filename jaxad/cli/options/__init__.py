"""The options of the commands. tyro turns the classes into options, docstrings into `--help`."""

from jaxad.cli.options.choosing import Recommend
from jaxad.cli.options.cleaning import Clean
from jaxad.cli.options.detectors import Audit, Explain, Fit, List, Monitor, Score
from jaxad.cli.options.estimates import Compile
from jaxad.cli.options.studies import Report, Run, Sweep
from jaxad.cli.options.verification import Verify

__all__ = [
    "Audit",
    "Clean",
    "Compile",
    "Explain",
    "Fit",
    "List",
    "Monitor",
    "Recommend",
    "Report",
    "Run",
    "Score",
    "Sweep",
    "Verify",
]
