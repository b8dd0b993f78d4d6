"""Which detector to try first: rules, and the results that they rest on.

`recommend` is also `jaxad.recommend`. The results are a csv file in this folder, which
`experiments/recommend/collect.py` writes from sweeps; it is read when it is first needed.
"""

from jaxad.recommend.choose import Recommendation, named, recommend
from jaxad.recommend.commands import Source, commands
from jaxad.recommend.evidence import Measured, read_results, write_results
from jaxad.recommend.situation import Situation

__all__ = [
    "Measured",
    "Recommendation",
    "Situation",
    "Source",
    "commands",
    "named",
    "read_results",
    "recommend",
    "write_results",
]
