"""The text of a file as a stream of UTF-8, whatever its encoding; gzipped files are unpacked."""

import codecs
import io
import zlib
from pathlib import Path
from typing import IO, Any

from jaxad.errors import DataError
from jaxad.utils.packed import open_unpacked

__all__ = ["ERRORS", "Utf8Stream", "find_encoding", "open_text"]

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # it starts as the mark of UTF-16 does
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_PROBE = 4096  # bytes by which the encoding is found


def _decode_western(error: UnicodeError) -> tuple[str, int]:
    """Decode bytes that are not valid UTF-8 as Windows-1252, and its five gaps as Latin-1."""
    if not isinstance(error, UnicodeDecodeError) or error.encoding != "utf-8":
        return codecs.replace_errors(error)  # pyright: ignore
    wrong = error.object[error.start : error.end]
    text = "".join(bytes([b]).decode("cp1252" if b not in _GAPS else "latin-1") for b in wrong)
    return text, error.end


_GAPS = b"\x81\x8d\x8f\x90\x9d"
ERRORS = "jaxad.western"  # how bytes that are not valid are decoded, by its registered name
codecs.register_error(ERRORS, _decode_western)


class Utf8Stream(io.RawIOBase):
    """A file of text, read as UTF-8 without a byte order mark, followed by some further bytes.

    Bytes that are not valid UTF-8 are read as Windows-1252, so that different values stay
    different; those that are not valid UTF-16 or UTF-32 become the replacement character.
    """

    def __init__(self, path: Path, end: bytes = b""):
        """Open a file; `end` are the bytes that follow those of the file.

        Raises:
            DataError: The file is missing or cannot be read.
        """
        super().__init__()
        self._path, self._end = path, end
        self._file = open_unpacked(path)
        start = self._read_bytes(_PROBE)
        self._decoder = codecs.getincrementaldecoder(find_encoding(start))(errors=ERRORS)
        self._rest = self._decoder.decode(start).encode(errors="replace")
        self._ended = False

    def readable(self) -> bool:
        """Return True."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Return `size` bytes, fewer at the end; -1 for all."""
        parts, found = [self._rest], len(self._rest)
        while not self._ended and (size < 0 or found < size):
            more = self._read_bytes(max(size - found, _PROBE) if size >= 0 else 1 << 20)
            text = self._decoder.decode(more, final=not more)
            part = text.encode(errors="replace")
            if not more:
                part, self._ended = part + self._end, True
            parts.append(part)
            found += len(part)
        whole = b"".join(parts)
        self._rest = b"" if size < 0 else whole[size:]
        return whole if size < 0 else whole[:size]

    def readinto(self, buffer: Any) -> int:
        """Read into a buffer; return the number of bytes."""
        some = self.read(len(buffer))
        buffer[: len(some)] = some
        return len(some)

    def close(self) -> None:
        """Close the file."""
        if not self.closed and hasattr(self, "_file"):
            self._file.close()
        super().close()

    def _read_bytes(self, size: int) -> bytes:
        try:
            return self._file.read(size)
        except (OSError, EOFError, ValueError, zlib.error) as error:
            raise DataError(f"{self._path}: cannot be read ({error})") from error


def open_text(path: Path) -> IO[str]:
    """Open a file of text; line ends are kept as they are.

    Raises:
        DataError: The file is missing or cannot be read.
    """
    return io.TextIOWrapper(io.BufferedReader(Utf8Stream(path)), "utf-8", newline="")


def find_encoding(start: bytes) -> str:
    """Return the encoding by the byte order mark, or by the zeros of UTF-16 without one."""
    for mark, name in _MARKS:
        if start.startswith(mark):
            return name
    pairs = len(start) // 2
    if pairs and 0 in start:
        even, odd = start[0 : 2 * pairs : 2].count(0), start[1 : 2 * pairs : 2].count(0)
        if max(even, odd) > pairs / 2 and min(even, odd) < max(even, odd) / 4:
            return "utf-16-le" if odd > even else "utf-16-be"
    return "utf-8"
