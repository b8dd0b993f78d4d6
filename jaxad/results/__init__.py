"""Results on disk: one row a (data set, normal class, detector, setting, seed), only appended to.

A folder of results holds parquet files that are never changed. Each is written under another
name and renamed when it is complete, so that whoever reads the folder never sees half of one. Its
name ends in the digest of its content, so that damage is noticed.
"""

from jaxad.results.cell import (
    METRICS,
    SHARES,
    AuditMetrics,
    Cell,
    CellInfo,
    Failure,
    config_hash,
    describe_machine,
    describe_setting,
    merge_cells,
)
from jaxad.results.files import (
    append_cell,
    join_tables,
    list_files,
    read_file,
    read_results,
    split_name,
    write_file,
)

__all__ = [
    "METRICS",
    "SHARES",
    "AuditMetrics",
    "Cell",
    "CellInfo",
    "Failure",
    "append_cell",
    "config_hash",
    "describe_machine",
    "describe_setting",
    "join_tables",
    "list_files",
    "merge_cells",
    "read_file",
    "read_results",
    "split_name",
    "write_file",
]
