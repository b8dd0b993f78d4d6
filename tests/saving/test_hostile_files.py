"""Mutated files of every kind that is read: an answer, or an error of the library, in seconds."""

import gzip
import io
import json
import struct
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from mutations import (
    mutate_archive,
    mutate_bytes,
    mutate_json,
    mutate_text,
    mutations,
    read_or_refuse,
)
from pyarrow import feather, parquet

from jaxad.data.sources.files import load_table, read_file
from jaxad.data.sources.idx import read_idx
from jaxad.data.tables.options import TableOptions
from jaxad.data.tables.reading import read_table
from jaxad.data.text.vectors import read_vectors
from jaxad.results.files import read_file as read_part
from jaxad.sweep import load_experiment
from jaxad.utils.limits import read_json

ROWS = [
    ("a", "b c", "flag", "label"),
    *((i, f"{i / 7:.3f}", i % 2 == 0, i % 4 == 0) for i in range(9)),
]
CSV = "\n".join(",".join(map(str, row)) for row in ROWS) + '\n7,"1,5 ""x""\n",true,1\n'
TEXTS = "".join(
    json.dumps({"text": f"some words about {'ships' * (i % 2)} and trade", "label": i % 2}) + "\n"
    for i in range(8)
)
VECTORS = "3 2\nships 0.5 -1.25\ntrade 1e-3 2\nwords 3 4.5\n"
EXPERIMENT = """
title = "Small"
datasets = ["blobs", {name = "two_moons", n_train = 40}]
normal_class = [0, 1]
contamination = [0.0, 0.1]
seeds = 2
n_train = 60

[[detectors]]
name = "deep_svdd"
title = "Deep SVDD"
epochs = [1, 2]
widths = [4, 2]

[[detectors]]
name = "pca"

[quick]
seeds = 1
"""


def pack_arrays(**arrays):
    out = io.BytesIO()
    np.savez(out, **arrays)
    return out.getvalue()


def make_table():
    columns = {name: [row[i] for row in ROWS[1:]] for i, name in enumerate(ROWS[0])}
    columns["when"] = pa.array(np.arange(9).astype("datetime64[D]"))
    columns["kind"] = pa.array(["x", "y", "x"] * 3).dictionary_encode()
    return pa.table(columns)


def write_parquet():
    out = io.BytesIO()
    parquet.write_table(make_table(), out, row_group_size=4)
    return out.getvalue()


def write_feather():
    out = io.BytesIO()
    feather.write_feather(make_table(), out, compression="lz4")
    return out.getvalue()


def mutate_packed(rng, text):
    """Change a text before or after it is packed."""
    if rng.random() < 0.5:
        return gzip.compress(mutate_text(rng, text), 1)
    return mutate_bytes(rng, gzip.compress(text.encode(), 1))


IDX = b"\0\0\x08\x03" + struct.pack(">3I", 5, 4, 3) + bytes(range(60))
NPZ = pack_arrays(X=np.arange(12.0).reshape(6, 2), y=np.arange(6) % 2, class_names=["a", "b"])
WORDS = pack_arrays(words=np.array(["ships", "trade"]), vectors=np.eye(2, dtype=np.float32))
CHECKED = TableOptions(label="label", missing=("-999",))
# For each kind: the name of the file, its content, how it is mutated, and how it is read.
KINDS = {
    "csv": ("a.csv", CSV, mutate_text, lambda path: read_table(path, CHECKED)),
    "csv.gz": ("a.csv.gz", CSV, mutate_packed, read_table),
    "encoded csv": ("a.csv", CSV, mutate_text, lambda path: load_table(path, options=CHECKED)),
    "json": ("a.json", TEXTS.splitlines()[0], mutate_json, read_json),
    "toml": ("a.toml", EXPERIMENT, mutate_text, load_experiment),
    "npz": ("a.npz", NPZ, mutate_archive, load_table),
    "labelled npz": ("a.npz", NPZ, mutate_archive, read_file),
    "parquet": ("a.parquet", write_parquet(), mutate_bytes, load_table),
    "results": ("a.parquet", write_parquet(), mutate_bytes, read_part),
    "feather": ("a.feather", write_feather(), mutate_bytes, load_table),
    "idx": ("a-idx3-ubyte", IDX, mutate_bytes, read_idx),
    "vectors": ("a.txt", VECTORS, mutate_text, read_vectors),
    "vectors.gz": ("a.txt.gz", VECTORS, mutate_packed, read_vectors),
    "vectors.npz": ("a.npz", WORDS, mutate_archive, read_vectors),
    "texts": ("a.jsonl", TEXTS, mutate_text, read_file),
    "texts.gz": ("a.jsonl.gz", TEXTS, mutate_packed, load_table),
    "texts.csv": ("a.csv", "text,label\nsome words,0\nships,1\n", mutate_text, read_file),
}
FEWER = {"encoded csv": 0.1, "texts.csv": 0.2}  # these take several times as long as the others


@pytest.mark.hypothesis
@pytest.mark.parametrize("count", [30, pytest.param(2000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("kind", KINDS)
def test_mutated_files_are_read_or_refused(kind, count, tmp_path):
    name, content, mutate, read = KINDS[kind]
    path = Path(tmp_path, name)
    whole = content.encode() if isinstance(content, str) else content
    path.write_bytes(gzip.compress(whole) if mutate is mutate_packed else whole)
    read(path)

    @mutations(int(count * FEWER.get(kind, 1)))
    def check(rng):
        path.write_bytes(mutate(rng, content))
        read_or_refuse(lambda: read(path))

    check()
