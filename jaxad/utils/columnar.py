"""Checks of what parquet and Arrow files declare, against their sizes, before they are read."""

import struct
from typing import Any

from jaxad.utils.packed import MOST_RATIO, check_ratio

__all__ = ["check_batches", "check_parquet"]

MOST_VALUES = 2**27  # of a parquet file, or `MOST_RATIO` for each of its bytes
_DICTIONARY, _BATCH = 2, 3  # kinds of messages of Arrow


def check_parquet(metadata: Any, size: int) -> None:
    """Check how much more a parquet file declares than it holds.

    Args:
        metadata: The metadata of the file, as pyarrow gives them.
        size: The bytes of the file.

    Raises:
        ValueError: It declares values that are far larger than the file, or far more of them.
    """
    groups = [metadata.row_group(i) for i in range(metadata.num_row_groups)]
    check_ratio(size, sum(group.total_byte_size for group in groups))
    rows = max(metadata.num_rows, sum(group.num_rows for group in groups))
    if rows * metadata.num_columns > max(MOST_VALUES, MOST_RATIO * size):
        raise ValueError(f"{size} bytes with {rows} rows of {metadata.num_columns} columns")


def check_batches(file: Any, size: int) -> None:
    """Check what the packed buffers of an Arrow file (feather) declare to unpack to.

    Args:
        file: The messages of the file, as a file of pyarrow at its first one.
        size: The bytes of the file.

    Raises:
        ValueError: It is far more than the file has.
        Exception: The file is broken.
    """
    import pyarrow as pa

    total = 0
    for message in pa.ipc.MessageReader.open_stream(file):
        body = message.body
        for start in _find_packed_buffers(message.metadata.to_pybytes()):
            length = int.from_bytes(body[start : start + 8].to_pybytes(), "little", signed=True)
            total += max(length, 0)  # -1 where it was left unpacked
        check_ratio(size, total)


def _find_packed_buffers(message: bytes) -> list[int]:
    """Return where the packed buffers of a message start in its body.

    A message is a flatbuffer (https://arrow.apache.org/docs/format/Columnar.html), which pyarrow
    does not show: a table starts with the distance to the list of the distances of its fields.
    """

    def read(place: int, kind: str) -> int:
        return struct.unpack_from(f"<{kind}", message, place)[0]

    def follow(place: int) -> int:
        return place + read(place, "I")

    def find(table: int, field: int) -> int | None:
        fields = table - read(table, "i")
        there = 4 + 2 * field < read(fields, "H")
        distance = read(fields + 4 + 2 * field, "H") if there else 0
        return table + distance if distance else None

    table = follow(0)
    kind, header = find(table, 1), find(table, 2)
    if kind is None or header is None or read(kind, "B") not in (_DICTIONARY, _BATCH):
        return []
    batch = follow(header)
    if read(kind, "B") == _DICTIONARY:
        data = find(batch, 1)
        if data is None:
            return []
        batch = follow(data)
    buffers, packed = find(batch, 2), find(batch, 3)
    if buffers is None or packed is None:
        return []
    vector = follow(buffers)
    places = (vector + 4 + 16 * i for i in range(read(vector, "I")))
    return [read(place, "q") for place in places if read(place + 8, "q") >= 8]
