"""Mutations of the content of files, and what every reader of files must do with them.

Mutations are drawn by one seed, so that a failing test names all that is needed to repeat them.
"""

import io
import json
import re
import resource
import time
import warnings
import zipfile
from collections.abc import Callable
from random import Random

from fuzzing import examples
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from jaxad.errors import JaxADError

_AT_ONCE = 10  # mutations for each example of Hypothesis, which takes longer than most readers
SECONDS, GIGABYTE = 5, 2**20  # of processor time; in KiB
HOSTILE = [
    None, True, -1, 0, 2, 10**9, 2**31 - 1, 2**63, 1e308, float("nan"), float("inf"), "", "x",
    "x" * 5000, "../../x", "a\0b", "\ud800", "pickle", [], {}, [[[[[]]]]], {"a": {"b": {}}},
    [8] * 800, [2**31 - 1] * 3, ["\ud800"], {"": None}, "(" * 500, "f(" * 90 + ")" * 90,
    "by_label, " * 200,
]  # fmt: skip
RAW = ["9" * 5000, "[" * 5000 + "]" * 5000, "1e999", "-", '"\\u0000"', '"' + "é" * 10_000 + '"']
TOKENS = [
    "", "-1", "0", "9" * 400, "9" * 5000, "1e999", "-1e-999", "nan", "inf", "0x10", "1_0", "½",
    "true", "null", '"', '""', "'", "\0", "\r", "\n\n\n", ",", ",,,,", "\t", ";", "\\", "#", "=",
    "[", "]" * 50, "[" * 5000, "{" * 5000, "é" * 3000, "\ufeff", "\u2028", "\x1a", "2020-02-30",
    "9999-12-31T23:59:60Z", "=1+1", " " * 3000, "x" * 70_000,
]  # fmt: skip
BYTES = [b"\0", b"\xff", b"\x7f", b"\x80", *(bytes([i]) * 8 for i in (0, 127, 255))]


def mutations(count: int) -> Callable:
    """Return a decorator that calls a test with so many generators of random numbers."""

    def decorate(test):
        def check(seed):
            for i in range(_AT_ONCE):
                try:
                    test(Random(f"{seed} {i}"))
                except BaseException as error:
                    error.add_note(f"by Random('{seed} {i}')")
                    raise

        drawn = given(st.integers(0, 2**32 - 1))(check)
        return settings(
            max_examples=-(-examples(count) // _AT_ONCE),
            deadline=None,
            suppress_health_check=list(HealthCheck),
            database=None,
            phases=[Phase.generate],  # a seed cannot be shrunk
        )(drawn)

    return decorate


def read_or_refuse(read: Callable[[], object], seconds: float = SECONDS) -> bool:
    """Read; every error of the library is fine, and no other. Return whether it was read."""
    start, most = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    done = True
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            read()
        except JaxADError as error:
            str(error).encode()
            done = False
    # The processor time of this process: other processes may be running.
    assert time.process_time() - start < seconds
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - most < GIGABYTE
    return done


def mutate_bytes(rng: Random, content: bytes) -> bytes:
    """Change, insert, repeat or remove some bytes; sometimes cut the rest."""
    changed = bytearray(content)
    if changed and rng.random() < 0.5:
        for _ in range(rng.randint(1, 2)):
            changed[rng.randrange(len(changed))] = rng.choice([0, 1, 127, 255, rng.randrange(256)])
        return bytes(changed)
    for _ in range(rng.randint(1, 5)):
        place = rng.randrange(len(changed) + 1)
        how = rng.choice(["change", "change", "change", "overwrite", "insert", "repeat", "remove"])
        if how == "change" and place < len(changed):
            changed[place] = rng.randrange(256)
        elif how == "overwrite":
            new = rng.choice(BYTES)
            changed[place : place + len(new)] = new
        elif how == "insert":
            changed[place:place] = rng.choice(BYTES)
        elif how == "repeat":
            changed[place:place] = changed[place : place + 40] * rng.randint(1, 20)
        else:
            del changed[place : place + rng.randint(1, 40)]
    keep = rng.choice([1.0, 1.0, 1.0, 0.9, 0.5, 0.0])
    return bytes(changed[: int(keep * len(changed))])


def mutate_text(rng: Random, text: str) -> bytes:
    """Change values, lines or bytes of a text; half of the texts stay valid in most places."""
    for _ in range(rng.randint(1, 3)):
        how = rng.choice(["token", "token", "insert", "line"])
        found = list(re.finditer(r"[\w.+-]+", text))
        if how == "token" and found:
            one = rng.choice(found)
            text = text[: one.start()] + rng.choice(TOKENS) + text[one.end() :]
        elif how == "line":
            lines = text.splitlines(keepends=True) or [""]
            place = rng.randrange(len(lines))
            lines[place : place + 1] = rng.choice([[], lines[place : place + 1] * 50, lines[::-1]])
            text = "".join(lines)
        else:
            place = rng.randrange(len(text) + 1)
            text = text[:place] + rng.choice(TOKENS) + text[place:]
    content = text.encode(errors="surrogatepass")
    return mutate_bytes(rng, content) if rng.random() < 0.3 else content


def mutate_json(rng: Random, text: str) -> bytes:
    """Change, remove or repeat one value of JSON."""
    value = json.loads(text)
    path = rng.choice(list(_list_paths(value)))
    how = rng.choice(["value", "raw", "remove", "repeat"])
    if how == "value":
        return json.dumps(_change(value, path, rng.choice(HOSTILE))).encode()
    if how == "raw":
        changed = json.dumps(_change(value, path, "@@"))
        return changed.replace('"@@"', rng.choice(RAW)).encode()
    if not path:
        return b""
    parent = value
    for key in path[:-1]:
        parent = parent[key]
    if how == "remove":
        del parent[path[-1]]
    elif isinstance(parent, list):
        parent.extend(parent[path[-1] :] * 20)
    else:
        parent[f"{path[-1]}2"] = parent[path[-1]]
    return json.dumps(value).encode()


def mutate_archive(rng: Random, content: bytes) -> bytes:
    """Change the members of a zip archive, so that its own checksums are right; or its bytes."""
    if rng.random() < 0.3:
        return mutate_bytes(rng, content)
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w") as new:
        names = old.namelist()
        chosen = rng.choice(names)
        for name in names:
            member = old.read(name)
            if name == chosen:
                name = rng.choice([name] * 8 + ["X.npy", "y", "../x.npy", "a" * 300 + ".npy"])
                member = _mutate_header(rng, member)
            kind = rng.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # a name may stand twice
                new.writestr(name, member, compress_type=kind)
    return out.getvalue()


def _mutate_header(rng: Random, member: bytes) -> bytes:
    """Change a number, the type or any bytes of an npy file."""
    how = rng.choice(["bytes", "shape", "type"])
    if how == "bytes":
        return mutate_bytes(rng, member)
    pattern, values = {
        "shape": (rb"\(\d+,[ \d]*\)", [b"(9999999999,)", b"(-1,)", b"(0,)", b"(2, 3)", b"()"]),
        "type": (rb"'[<|>]\w+'", [b"'|O'", b"'<U9'", b"'<f2'", b"'|S3'", b"'<M8'", b"'|V4'"]),
    }[how]
    new = rng.choice(values)
    return re.sub(pattern, lambda old: new.ljust(len(old[0])), member, count=1)


def _list_paths(value, path=()):
    """Yield the paths to all values in JSON."""
    yield path
    if isinstance(value, dict | list):
        for key, one in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _list_paths(one, (*path, key))


def _change(value, path, new):
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = _change(value[path[0]], path[1:], new)
    return copy
