"""Options of the command that estimates what a fit needs."""

from dataclasses import dataclass
from typing import Annotated

from tyro.conf import Positional, arg

from jaxad.cli.options.common import Classes, Common, DataDir, Own, Settings, TableFormat
from jaxad.cli.options.protocol import add_protocol_options

__all__ = ["Compile"]


@dataclass(frozen=True, kw_only=True)
@add_protocol_options
class Compile(TableFormat, Common):
    """Compile a detector for a TPU that this machine need not have, and print what it needs.

    Every program of a fit and of scoring is compiled by the TPU's own compiler, and none runs. The
    command prints the memory, the operations and the communications of each, a time by the
    published figures of the chip, and the largest number of seeds that fits. All figures are
    estimates. For a TPU it needs libtpu in the version that JAX names: `pip install
    "jaxad[tpu-check]"`, on Linux with an x86-64 processor.

    Exit codes: 0 every program compiled, 1 failure, 2 wrong use, or more seeds than memory.

    Attributes:
        detector: A name that `jaxad list` shows.
        dataset: A name that `jaxad list` shows, the path of a table, of an npz file or of a folder
            of idx files, or tfds:NAME, as in `jaxad run`.
        topology: The devices to compile for: cpu, v5e:1x1, v5e:2x2, v5e:2x4, v5p:2x2x1, v6e:1x1,
            v6e:2x2 or v6e:2x4. cpu is one core of this machine, for which no times are given.
        normal_class: The normal class, by number or name. Default: the first.
        seeds: The number of seeds, which are spread over the devices. The rows of the first seed
            stand for those of all.
        seed_root: The seed of the root key, from which the rows are drawn.
        epochs: Passes over the training rows, also in pre-training.
        batch_size: Rows in a batch.
        settings: A setting of the detector's configuration, such as learning_rate=1e-4; overrides
            --epochs and --batch-size. Repeat the option for further settings.
        data_dir: The folder where data files are looked for by name.
        json: Print one JSON object on standard output.
    """

    detector: Annotated[Positional[str], arg(metavar="DETECTOR")]
    dataset: Annotated[Positional[str], arg(metavar="DATASET")]
    topology: str = "v5e:2x2"
    normal_class: Classes = ()
    seeds: int = 10
    seed_root: int = 0
    epochs: Own = None
    batch_size: Own = None
    settings: Settings = ()
    data_dir: DataDir = None
    json: bool = False
