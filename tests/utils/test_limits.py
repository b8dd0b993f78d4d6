"""Hostile files: a `DataError` in a short time and little memory, never another error."""

import io
import json
import subprocess
import sys
import time
import zipfile

import numpy as np
import pytest
from fuzzing import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxad.errors import ConfigError, DataError
from jaxad.utils import limits, packed
from jaxad.utils.calls import parse_calls
from jaxad.utils.limits import parse_json, read_bytes, read_json, refuse_broken
from jaxad.utils.packed import check_archive, parse_arrays


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("[" * 100_000 + "]" * 100_000, "it|nested|recursion"),
        ("[" * 65 + "]" * 65, "deeper than 64"),
        ('{"a":' * 65 + "1" + "}" * 65, "deeper than 64"),
        ("9" * 5000, "5000 digits"),
        (str(2**63 + 1), "digits"),
        ('"\\ud800"', "surrogates"),
        ("[1, 2", "delimiter"),
        ("", "Expecting value"),
    ],
)
def test_json_beyond_a_limit_is_refused(text, match):
    with pytest.raises(DataError, match=f"what: .*({match})"):
        parse_json(text, "what")


def test_json_within_the_limits_is_read():
    value = {"a": [1, -(2**62), 0.5, None, True, "ä\U0001f600"], "b": {"c": [[[]]]}}
    assert parse_json(json.dumps(value).encode(), "what") == value
    assert parse_json("[" * 64 + "]" * 64, "what")
    with pytest.raises(DataError, match="utf-8"):
        parse_json(b'"\xff"', "what")


@pytest.mark.parametrize(("name", "value"), [("MOST_VALUES", 5), ("MOST_CONTAINERS", 1)])
def test_json_of_too_many_values_is_refused_before_it_is_parsed(monkeypatch, name, value):
    monkeypatch.setattr(limits, name, value)
    with pytest.raises(DataError, match="too many values"):
        parse_json("[[1, 2, 3, 4, 5, 6, 7]]", "what")


def test_only_regular_files_of_a_limited_size_are_read(tmp_path):
    path = tmp_path / "a.json"
    path.write_text("[1]")
    assert read_json(path) == [1] and read_bytes(path, 3) == b"[1]"
    with pytest.raises(ValueError, match="at most 2"):
        read_bytes(path, 2)
    (tmp_path / "link").symlink_to(path)
    for name in ("link", ".", "none"):
        with pytest.raises(DataError):
            read_json(tmp_path / name)


def pack(**arrays):
    out = io.BytesIO()
    np.savez(out, **arrays)
    return out.getvalue()


def test_arrays_are_read_as_they_were_written():
    arrays = {"a": np.arange(6.0).reshape(2, 3), "b": np.zeros((0, 4), np.int8), "c": np.float32(2)}
    found = parse_arrays(pack(**arrays), ["c", "a", "b"], "what")
    for name, array in zip("cab", found, strict=True):
        np.testing.assert_array_equal(array, arrays[name])
        assert array.dtype == arrays[name].dtype


def archive(header, data=b"", compress=zipfile.ZIP_STORED, version=(1, 0)):
    """An npz file whose array has any header."""
    text = header.encode().ljust(117) + b"\n"
    npy = b"\x93NUMPY" + bytes(version) + len(text).to_bytes(2, "little") + text + data
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compress) as file:
        file.writestr("a.npy", npy)
    return out.getvalue()


def describe(shape, dtype="<f8"):
    return f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}}}"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"PK",
        pack(b=np.zeros(3)),
        pack(a=np.array([{}], object)),
        archive(describe("(1000000000000,)")),
        archive(describe(f"({10**30}, 0)")),
        archive(describe("(-1,)"), bytes(8)),
        archive(describe("(2,)"), bytes(8)),
        archive(describe("(1,)"), bytes(16)),
        archive(describe("(1,)", "|O"), bytes(8)),
        archive(describe("(1,)", "<f99"), bytes(8)),
        archive("(" * 117),
        archive("{" + "'a': 1, " * 10 + "}"),
        archive("no dictionary"),
        archive(describe("(8,)"), bytes(64), version=(9, 9)),
        archive(describe("(1000000,)"), bytes(8_000_000), zipfile.ZIP_DEFLATED),
        archive(describe("(8,)"), bytes(64))[:-30],
    ],
)
def test_broken_arrays_are_refused(content):
    start = time.monotonic()
    with pytest.raises(DataError, match="what: "):
        parse_arrays(content, ["a"], "what")
    assert time.monotonic() - start < 5


def test_archives_that_unpack_to_far_more_are_refused(monkeypatch):
    content = archive(describe("(1000000,)"), bytes(8_000_000), zipfile.ZIP_DEFLATED)
    check_archive(content, "what")
    monkeypatch.setattr(packed, "MOST_UNPACKED", 10_000)
    check_archive(archive(describe("(1000,)"), bytes(8_000)), "what")
    with pytest.raises(DataError, match="unpack to"):
        check_archive(content, "what")
    with pytest.raises(DataError, match="what"):
        check_archive(b"PK", "what")


@settings(max_examples=examples(300), deadline=None)
@given(st.data())
def test_mutated_archives_are_read_or_refused(data):
    content = bytearray(pack(a=np.arange(5.0), b=np.arange(3)))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    content = content[: data.draw(st.integers(len(content) // 2, len(content)))]
    try:
        parse_arrays(bytes(content), ["a", "b"], "what")
    except DataError as error:
        str(error).encode()


@settings(max_examples=examples(300), deadline=None)
@given(st.binary(max_size=200) | st.text(max_size=200))
def test_any_bytes_are_json_or_refused(content):
    try:
        parse_json(content, "what")
    except DataError as error:
        str(error).encode()


@pytest.mark.parametrize(
    "error", [MemoryError(), OverflowError("x"), RuntimeError("x"), OSError("x"), KeyError("x")]
)
def test_errors_of_broken_content_are_data_errors(error):
    with pytest.raises(DataError, match=r"^what: \S"), refuse_broken("what"):
        raise error


MEASURE = """
import json, resource, sys
from time import process_time
from jaxad.errors import DataError
from jaxad.utils.limits import MOST_CONTAINERS, MOST_VALUES, parse_json
kind, before = sys.argv[1], resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
text = {
    "containers": "[" + "[]," * (MOST_CONTAINERS - 2) + "[]]",
    "objects": "[" + '{"a":0},' * (MOST_CONTAINERS // 2) + "0]",
    "numbers": "[" + "0.1," * (MOST_VALUES - 1) + "0]",
    "deep": "[" * 2**20,
}[kind]
start = process_time()
try:
    parse_json(text, "what")
except DataError:
    pass
end, after = process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
json.loads("[" + "0.1," * (MOST_VALUES - 1) + "0]")  # a processor's time, to compare with
print((end - start) / (process_time() - end), (after - before) / 2**20)
"""


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["containers", "objects", "numbers", "deep"])
def test_the_largest_json_takes_bounded_time_and_memory(kind):
    told = subprocess.run(
        [sys.executable, "-c", MEASURE, kind], capture_output=True, text=True, check=True
    )
    ratio, gib = map(float, told.stdout.split())
    assert ratio < 6 and gib < 1


@pytest.mark.parametrize(
    "text",
    [
        "(" * 1000,
        "f(" * 500 + ")" * 500,
        "f, " * 100,
        "f" * 3000,
        "f(**{})",
        "f(9" + "9" * 1900 + ")",
        "f({[]: 1})",
        "f(" + "-" * 1500 + "1)",
    ],
)
def test_hostile_calls_are_errors_of_configuration(text):
    start = time.monotonic()
    try:
        parse_calls(text, "augment", "flip")
    except ConfigError as error:
        assert str(error).startswith("augment")
    assert time.monotonic() - start < 1
