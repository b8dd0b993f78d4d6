"""Data sets, and splits with contaminated training data.

`load_dataset` returns a `Dataset` for a name, a file or arrays. `contaminate` draws a `Split` from
it: training rows with hidden and labelled anomalies, and test rows. `as_train_data` converts rows
and labels of your own to training data.
"""

from jaxad.data.arrays import as_train_data
from jaxad.data.corruptions import CORRUPTIONS, corrupt
from jaxad.data.dataset import Dataset, from_arrays
from jaxad.data.protocol.drawing import contaminate
from jaxad.data.protocol.settings import Protocol
from jaxad.data.scaling import SCALINGS, Scaling, fit_scaling
from jaxad.data.sources import bundled  # registers them  # noqa: F401
from jaxad.data.sources.files import load_table
from jaxad.data.sources.load import list_datasets, load_dataset
from jaxad.data.sources.loaded import Table
from jaxad.data.sources.registry import register
from jaxad.data.sources.sequences import as_sequences
from jaxad.data.sources.synthetic import blobs, monotone_sequences, two_moons
from jaxad.data.split import Split
from jaxad.data.text.documents import from_texts
from jaxad.data.text.vectors import read_vectors
from jaxad.data.text.vocabulary import Vocabulary

__all__ = [
    "CORRUPTIONS",
    "SCALINGS",
    "Dataset",
    "Protocol",
    "Scaling",
    "Split",
    "Table",
    "Vocabulary",
    "as_sequences",
    "as_train_data",
    "blobs",
    "contaminate",
    "corrupt",
    "fit_scaling",
    "from_arrays",
    "from_texts",
    "list_datasets",
    "load_dataset",
    "load_table",
    "monotone_sequences",
    "read_vectors",
    "register",
    "two_moons",
]
