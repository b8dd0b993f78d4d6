"""Coverage-guided fuzzing of the readers of files with Atheris, for so many seconds.

    python tests/fuzz/readers.py SECONDS

An error that is not one of the library ends the run with a traceback and the input that caused it;
what is fixed becomes a test. It goes on from the inputs of `tests/saving/test_hostile_files.py`.
"""

import gzip
import sys
import tempfile
import warnings
from pathlib import Path

import atheris

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[1] / "saving")]
with atheris.instrument_imports(include=["jaxad"]):
    from test_hostile_files import KINDS, mutate_packed

    from jaxad.errors import JaxADError

NAMES = list(KINDS)
FOLDER = Path(tempfile.mkdtemp())


def main(seconds: int) -> None:
    """Write the first inputs, whose first byte is the number of their kind, and fuzz."""
    corpus = FOLDER / "corpus"
    corpus.mkdir()
    for i, (_, content, mutate, _) in enumerate(KINDS.values()):
        whole = content.encode() if isinstance(content, str) else content
        whole = gzip.compress(whole) if mutate is mutate_packed else whole
        (corpus / str(i)).write_bytes(bytes([i]) + whole)
    limits = [f"-max_total_time={seconds}", "-timeout=30", "-rss_limit_mb=4096", "-max_len=4096"]
    atheris.Setup([sys.argv[0], *limits, str(corpus)], read)
    atheris.Fuzz()


def read(data: bytes) -> None:
    """Read a file of the kind that the first byte says; errors of the library are fine."""
    if not data:
        return
    name, _, _, reader = KINDS[NAMES[data[0] % len(NAMES)]]
    path = FOLDER / name
    path.write_bytes(data[1:])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            reader(path)
        except JaxADError as error:
            str(error).encode()


if __name__ == "__main__":
    main(int(sys.argv[1]))
