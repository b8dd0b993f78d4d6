"""The encoding of a text, found from its bytes by a fixed rule."""

import re

from jaxad.data.tables.text_stream import find_encoding

__all__ = ["decode_text"]

_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f]")
_MOST_CONTROL = 0.01  # of the characters
_MOST_HIGH = 0.25  # of the bytes that are not ASCII white space
_PROBE = 4096


def decode_text(content: bytes) -> str:
    """Decode the bytes of a text.

    A text is UTF-16 or UTF-32 if it starts with their byte order mark, UTF-16 if every other byte
    is mostly 0, and UTF-8 if its bytes are valid UTF-8. Any other text is Windows-1252, which has
    the letters of Western European languages, unless more than a quarter of its bytes are no ASCII:
    in texts of other languages in an older encoding, nearly all bytes of letters are.

    Raises:
        ValueError: The encoding cannot be told, or the bytes are not those of a text.
    """
    encoding = find_encoding(content[:_PROBE])
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        if encoding != "utf-8":
            raise ValueError(f"is not valid {encoding.upper()}, as which it begins") from error
        text = _decode_western(content)
    if "\0" in text or len(_CONTROL.findall(text)) > _MOST_CONTROL * len(text):
        raise ValueError("holds binary data, not text")
    return text


def _decode_western(content: bytes) -> str:
    high = sum(content.count(bytes([byte])) for byte in range(128, 256))
    try:
        if high > _MOST_HIGH * len(b"".join(content.split())):
            raise ValueError("too many bytes that are no ASCII")
        return content.decode("cp1252")
    except ValueError as error:
        raise ValueError(
            "is in an unknown encoding: not UTF-8, UTF-16 or Windows-1252; convert it to UTF-8, "
            "for example with iconv -f ENCODING -t UTF-8"
        ) from error
