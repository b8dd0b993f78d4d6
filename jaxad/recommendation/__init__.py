"""Recommendations of a detector: rules, and the results that they are based on.

`recommend` is also `jaxad.recommend`. The results are a csv file in this folder, which
`experiments/recommend/collect.py` writes from sweeps; it is read when it is first needed.
"""

from jaxad.recommendation.choose import Recommendation, label_detector, recommend
from jaxad.recommendation.commands import DataSource, suggest_commands
from jaxad.recommendation.evidence import Measurement, read_measurements, write_measurements
from jaxad.recommendation.situation import Situation

__all__ = [
    "DataSource",
    "Measurement",
    "Recommendation",
    "Situation",
    "label_detector",
    "read_measurements",
    "recommend",
    "suggest_commands",
    "write_measurements",
]
