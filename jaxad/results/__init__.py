"""Results on disk: one row a (data set, normal class, detector, setting, seed), only appended to.

A folder of results holds parquet files that are never changed. Each is written under another
name and renamed when it is complete, so that whoever reads the folder never sees half of one.
"""

from jaxad.results.cell import (
    METRICS,
    SHARES,
    Asked,
    Cell,
    Failure,
    Found,
    circumstances,
    config_hash,
    setting_of,
)
from jaxad.results.files import append_cell, files_of, joined, read_file, read_results

__all__ = [
    "METRICS",
    "SHARES",
    "Asked",
    "Cell",
    "Failure",
    "Found",
    "append_cell",
    "circumstances",
    "config_hash",
    "files_of",
    "joined",
    "read_file",
    "read_results",
    "setting_of",
]
