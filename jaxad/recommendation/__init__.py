"""Which detector to try first: rules, and the results that they rest on.

`recommend` is also `jaxad.recommend`. The results are a csv file in this folder, which
`experiments/recommend/collect.py` writes from sweeps; it is read when it is first needed.
"""

from jaxad.recommendation.choose import Recommendation, named, recommend
from jaxad.recommendation.commands import Source, suggest_commands
from jaxad.recommendation.evidence import Measured, read_results, write_results
from jaxad.recommendation.situation import Situation

__all__ = [
    "Measured",
    "Recommendation",
    "Situation",
    "Source",
    "named",
    "read_results",
    "recommend",
    "suggest_commands",
    "write_results",
]
