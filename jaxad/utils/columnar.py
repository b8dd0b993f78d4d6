"""Checks of what parquet and Arrow files declare, against their sizes, before they are read."""

import struct
from collections.abc import Iterator
from typing import Any

from jaxad.utils.packed import MOST_RATIO, check_ratio

__all__ = ["check_batches", "check_parquet"]

MOST_VALUES = 2**27  # of a parquet file, or `MOST_RATIO` for each of its bytes
_DICTIONARY, _BATCH = 2, 3  # kinds of messages of Arrow
_MAGIC = b"ARROW1"


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
    """Check what the packed buffers of an Arrow file (feather) or stream declare to unpack to.

    Args:
        file: The file, as pyarrow opens it.
        size: The bytes of the file.

    Raises:
        ValueError: It is far more than the file has.
        Exception: The file is broken.
    """
    total = 0
    for message in _read_messages(file, size):
        body = message.body
        for start in _find_packed_buffers(message.metadata.to_pybytes()):
            length = int.from_bytes(body[start : start + 8].to_pybytes(), "little", signed=True)
            total += max(length, 0)  # -1 where it was left unpacked
        check_ratio(size, total)


def _read_messages(file: Any, size: int) -> Iterator[Any]:
    """Yield the dictionaries and batches of rows, which the footer of a file lists."""
    import pyarrow as pa

    file.seek(0)
    if file.read(len(_MAGIC)) != _MAGIC:
        file.seek(0)
        yield from pa.ipc.MessageReader.open_stream(file)
        return
    end = size - len(_MAGIC) - 4
    file.seek(end)
    length = int.from_bytes(file.read(4), "little", signed=True)
    if not 0 < length <= end:
        raise ValueError("it has no footer")
    file.seek(end - length)
    footer = _Flatbuffer(file.read(length))
    table = footer.follow(0)
    for field in (2, 3):  # blocks of dictionaries, and of rows
        for block in footer.list_entries(table, field, 24):
            file.seek(footer.read(block, "q"))
            yield pa.ipc.read_message(file)


def _find_packed_buffers(content: bytes) -> list[int]:
    """Return where the packed buffers of a message start in its body."""
    message = _Flatbuffer(content)
    table = message.follow(0)
    kind, batch = message.find(table, 1), message.find(table, 2)
    if kind is None or batch is None or message.read(kind, "B") not in (_DICTIONARY, _BATCH):
        return []
    batch = message.follow(batch)
    if message.read(kind, "B") == _DICTIONARY:
        data = message.find(batch, 1)
        if data is None:
            return []
        batch = message.follow(data)
    if message.find(batch, 3) is None:  # how the buffers are packed
        return []
    buffers = message.list_entries(batch, 2, 16)
    return [message.read(place, "q") for place in buffers if message.read(place + 8, "q") >= 8]


class _Flatbuffer:
    """The parts of Arrow's metadata (format/Message.fbs and File.fbs) that pyarrow does not show.

    A table starts with the distance to the list of the distances of its fields.
    """

    def __init__(self, content: bytes):
        self._content = content

    def read(self, place: int, kind: str) -> int:
        """Return a number of a kind of `struct`."""
        return struct.unpack_from(f"<{kind}", self._content, place)[0]

    def follow(self, place: int) -> int:
        """Return the place that the distance at a place leads to."""
        return place + self.read(place, "I")

    def find(self, table: int, field: int) -> int | None:
        """Return the place of a field by its number; None if it is not there."""
        fields = table - self.read(table, "i")
        there = 4 + 2 * field < self.read(fields, "H")
        distance = self.read(fields + 4 + 2 * field, "H") if there else 0
        return table + distance if distance else None

    def list_entries(self, table: int, field: int, size: int) -> range:
        """Return the places of the entries of a list, each of so many bytes."""
        found = self.find(table, field)
        if found is None:
            return range(0)
        start = self.follow(found)
        count = min(self.read(start, "I"), len(self._content) // size)
        return range(start + 4, start + 4 + count * size, size)
