"""Results on disk: one row a (data set, normal class, detector, setting, seed), only appended to.

A folder of results holds parquet files that are never changed. Each is written under another
name and renamed when it is complete, so that whoever reads the folder never sees half of one. Its
name ends in the digest of its content, so that damage is noticed, and an index names the files, so
that one that is missing is noticed.
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
from jaxad.results.index import (
    check_index_file,
    find_missing,
    find_unlisted,
    list_index_files,
    update_index,
)

__all__ = [
    "METRICS",
    "SHARES",
    "AuditMetrics",
    "Cell",
    "CellInfo",
    "Failure",
    "append_cell",
    "check_index_file",
    "config_hash",
    "describe_machine",
    "describe_setting",
    "find_missing",
    "find_unlisted",
    "join_tables",
    "list_files",
    "list_index_files",
    "merge_cells",
    "read_file",
    "read_results",
    "split_name",
    "update_index",
    "write_file",
]
