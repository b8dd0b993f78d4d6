"""PyTorch implementations (twins) of two detectors, eager and written as a careful user would.

The library's speed is compared with them, so they avoid all unnecessary time: the data stay in
memory as one tensor, a batch is an index into it (at these sizes a DataLoader adds half a step or
more), the optimiser is the fused one, convolutions use channels-last memory, and no step waits for
a loss to be read. Nothing of `jaxad` is imported.

Deep SAD: Ruff et al. 2020, "Deep Semi-Supervised Anomaly Detection". Deep SVDD: Ruff et al. 2018,
"Deep One-Class Classification".

    python benchmarks/torch_twin.py DATA.npz --seeds 5

fits Deep SAD on a table with the arrays `X` and `y` (1 is an anomaly), and times the convolutional
step.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import torch
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split
from torch import nn

__all__ = [
    "DeepSAD",
    "Table",
    "best_threads",
    "fit_deep_sad",
    "lenet",
    "lenet_step_seconds",
    "odds_table",
]

EPS = 1e-6


class Table(NamedTuple):
    """Training and test part of a table; training labels are -1 for labelled anomalies, else 0."""

    x: np.ndarray
    label: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray


def mlp(widths: Iterable[int]) -> nn.Sequential:
    """Return linear layers without bias, with a BatchNorm without parameters before activations."""
    layers: list[nn.Module] = []
    for n_in, n_out in pairwise(widths):
        layers += [
            nn.Linear(n_in, n_out, bias=False),
            nn.BatchNorm1d(n_out, eps=1e-4, affine=False),
            nn.LeakyReLU(0.1),
        ]
    return nn.Sequential(*layers[:-2])


def squared_distance(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Return the squared Euclidean distance of each pair of rows."""
    return (a - b).square().sum(dim=1)


def away_from_zero(centre: torch.Tensor, least: float = 0.1) -> torch.Tensor:
    """Move coordinates of the centre that are below `least` in size to it, keeping their sign.

    A coordinate of 0 becomes positive. A unit whose centre is 0 could reach it with zero weights.
    """
    sign = torch.where(centre < 0, -1.0, 1.0)
    return torch.where(centre.abs() < least, least * sign, centre)


class DeepSAD:
    """Deep SAD on a table: a hypersphere on a pre-trained encoder.

    The loss of a row at squared distance d from the centre is d if it is unlabelled and
    `eta * (d + 1e-6) ** label` if it is labelled -1 (anomaly) or +1 (normal).
    """

    def __init__(
        self,
        n_features: int,
        hidden: tuple[int, ...] = (32, 16, 8),
        eta: float = 1.0,
        learning_rate: float = 1e-4,
        drop_epoch: int = 50,
        weight_decay: float = 1e-6,
        batch_size: int = 128,
    ):
        self.hidden = (n_features, *hidden)
        self.encoder = mlp(self.hidden)
        self.centre = torch.zeros(hidden[-1])
        self.eta = eta
        self.learning_rate = learning_rate
        self.drop_epoch = drop_epoch
        self.weight_decay = weight_decay
        self.batch_size = batch_size

    def fit(self, x: torch.Tensor, label: torch.Tensor, epochs: int, pretrain_epochs: int) -> None:
        """Pre-train the encoder in an autoencoder, set the centre, train the hypersphere."""
        self.pretrain(x, pretrain_epochs)
        self.set_centre(x, label)
        exponent = label.float()

        def loss(rows: torch.Tensor) -> torch.Tensor:
            d = squared_distance(self.encoder(x[rows]), self.centre)
            y = exponent[rows]
            return torch.where(y == 0, d, self.eta * (d + EPS) ** y).mean()

        self._minimise(loss, self.encoder, len(x), epochs)

    def pretrain(self, x: torch.Tensor, epochs: int) -> None:
        """Train the encoder with a mirrored decoder; the encoder keeps the weights it learns."""
        autoencoder = nn.Sequential(self.encoder, mlp(self.hidden[::-1]))

        def loss(rows: torch.Tensor) -> torch.Tensor:
            batch = x[rows]
            return squared_distance(autoencoder(batch), batch).mean()

        self._minimise(loss, autoencoder, len(x), epochs)

    @torch.no_grad()
    def set_centre(self, x: torch.Tensor, label: torch.Tensor) -> None:
        """Put the centre at the mean embedding of the rows that are not labelled anomalies."""
        self.encoder.eval()
        self.centre = away_from_zero(self.encoder(x[label >= 0]).mean(dim=0))

    @torch.no_grad()
    def score(self, x: torch.Tensor) -> torch.Tensor:
        """Return the squared distance to the centre; higher is more anomalous."""
        self.encoder.eval()
        return squared_distance(self.encoder(x), self.centre)

    def _minimise(
        self,
        loss: Callable[[torch.Tensor], torch.Tensor],
        net: nn.Module,
        n_rows: int,
        epochs: int,
    ) -> None:
        net.train()
        optimiser = torch.optim.Adam(
            net.parameters(),
            lr=self.learning_rate,
            weight_decay=self.weight_decay,
            fused=True,
        )
        schedule = torch.optim.lr_scheduler.MultiStepLR(optimiser, [self.drop_epoch])
        for _ in range(epochs):
            for rows in torch.randperm(n_rows).split(self.batch_size):
                if len(rows) < 2:
                    continue  # BatchNorm needs at least two rows
                optimiser.zero_grad()
                loss(rows).backward()
                optimiser.step()
            schedule.step()


def fit_deep_sad(
    x: np.ndarray,
    label: np.ndarray,
    x_test: np.ndarray,
    epochs: int,
    pretrain_epochs: int,
    seed: int,
    batch_size: int = 128,
    **config,
) -> np.ndarray:
    """Fit Deep SAD and score the test rows.

    Args:
        x: `(n, d)` training rows.
        label: `(n,)` -1 labelled anomaly, 0 unlabelled, +1 labelled normal.
        x_test: `(m, d)` test rows.
        epochs: Epochs of the hypersphere.
        pretrain_epochs: Epochs of the autoencoder.
        seed: Seed of the initial weights and of the order of the rows.
        batch_size: Rows per step.
        **config: Further arguments of `DeepSAD`.

    Returns:
        `(m,)` scores, higher for more anomalous rows.
    """
    torch.manual_seed(seed)
    detector = DeepSAD(x.shape[1], batch_size=batch_size, **config)
    rows = torch.as_tensor(x, dtype=torch.float32)
    detector.fit(rows, torch.as_tensor(label), epochs, pretrain_epochs)
    return detector.score(torch.as_tensor(x_test, dtype=torch.float32)).numpy()


def lenet() -> nn.Sequential:
    """Return the Fashion-MNIST network: convolutions of 16 and 32 channels, dense 64, dense 32."""

    def module(n_in: int, n_out: int) -> list[nn.Module]:
        return [
            nn.Conv2d(n_in, n_out, 5, padding="same", bias=False),
            nn.BatchNorm2d(n_out, eps=1e-4, affine=False),
            nn.LeakyReLU(0.1),
            nn.MaxPool2d(2),
        ]

    return nn.Sequential(
        *module(1, 16),
        *module(16, 32),
        nn.Flatten(),
        *mlp((32 * 7 * 7, 64, 32)),
    )


def lenet_step_seconds(
    batch: int = 200,
    steps: int = 50,
    images: np.ndarray | None = None,
    channels_last: bool = True,
    seed: int = 0,
) -> float:
    """Time the training step of a one-class Deep SVDD on 28 x 28 images.

    A step gathers uint8 images, scales them to [0, 1], and takes one Adam step on the mean squared
    distance to the centre.

    Args:
        batch: Images per step.
        steps: Steps to time, after ten that are not timed.
        images: `(n, 28, 28)` uint8; 6,000 random images by default.
        channels_last: Whether to lay images and weights out with the channels last, which the
            processor's convolutions prefer.
        seed: Seed of the weights, of the order and of the random images.

    Returns:
        The median seconds per step.
    """
    torch.manual_seed(seed)
    if images is None:
        images = np.random.default_rng(seed).integers(0, 256, (6000, 28, 28), dtype=np.uint8)
    data = torch.as_tensor(images).unsqueeze(1)
    net = lenet()
    if channels_last:
        net = net.to(memory_format=torch.channels_last)
    optimiser = torch.optim.Adam(net.parameters(), lr=1e-4, weight_decay=1e-6, fused=True)

    def scaled(rows: torch.Tensor) -> torch.Tensor:
        x = data[rows].float() / 255
        return x.contiguous(memory_format=torch.channels_last) if channels_last else x

    with torch.no_grad():
        net.eval()
        centre = away_from_zero(net(scaled(torch.arange(min(1000, len(data))))).mean(dim=0))
    net.train()

    seconds = []
    for _ in range(steps + 10):
        rows = torch.randint(len(data), (batch,))
        start = time.perf_counter()
        optimiser.zero_grad()
        squared_distance(net(scaled(rows)), centre).mean().backward()
        optimiser.step()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds[10:])


def best_threads(fn: Callable[[], object], counts: Iterable[int] = (1, 2), repeats: int = 2) -> int:
    """Set and return the number of PyTorch threads with which `fn` runs fastest.

    Args:
        fn: A short function. It runs once untimed, then `repeats` times for each count.
        counts: Numbers of threads to try.
        repeats: Number of runs of which the fastest counts.

    Returns:
        The best of `counts`.
    """

    def seconds(count: int) -> float:
        torch.set_num_threads(count)
        times = []
        for _ in range(repeats):
            start = time.perf_counter()
            fn()
            times.append(time.perf_counter() - start)
        return min(times)

    fn()
    best = min(counts, key=seconds)
    torch.set_num_threads(best)
    return best


def odds_table(path: str, labelled_ratio: float, seed: int) -> Table:
    """Split a table as in the Deep SAD paper, without hidden anomalies among the unlabelled rows.

    Args:
        path: An npz file with rows `X` and ground truth `y` (1 is an anomaly).
        labelled_ratio: Labelled anomalies as a fraction of all training rows.
        seed: Seed of the split and of the draw of labelled anomalies.

    Returns:
        60 % of the rows for training and 40 % for testing, standardised by the former.
    """
    with np.load(path) as file:
        x, y = file["X"].astype(np.float64), file["y"].astype(int)
    x_train, x_test, y_train, y_test = train_test_split(
        x, y, test_size=0.4, stratify=y, random_state=seed
    )
    mean, std = x_train.mean(axis=0), x_train.std(axis=0)
    std[std == 0] = 1.0
    normal, anomaly = np.flatnonzero(y_train == 0), np.flatnonzero(y_train == 1)
    n_labelled = round(len(normal) * labelled_ratio / (1 - labelled_ratio))
    labelled = np.random.default_rng(seed).permutation(anomaly)[:n_labelled]
    return Table(
        x=(np.concatenate([x_train[normal], x_train[labelled]]) - mean) / std,
        label=np.repeat([0, -1], [len(normal), len(labelled)]),
        x_test=(x_test - mean) / std,
        y_test=y_test,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="Time Deep SAD and a Deep SVDD step in PyTorch.")
    parser.add_argument("data", help="npz file with the arrays X and y")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=150)
    parser.add_argument("--pretrain-epochs", type=int, default=150)
    parser.add_argument("--labelled-ratio", type=float, default=0.01)
    args = parser.parse_args()

    tables = [odds_table(args.data, args.labelled_ratio, seed) for seed in range(args.seeds)]
    threads = best_threads(lambda: fit_deep_sad(*tables[0][:3], 10, 10, seed=0))
    auroc, seconds = [], []
    for seed, table in enumerate(tables):
        start = time.perf_counter()
        score = fit_deep_sad(*table[:3], args.epochs, args.pretrain_epochs, seed)
        seconds.append(time.perf_counter() - start)
        auroc.append(100 * roc_auc_score(table.y_test, score))
    print(
        f"Deep SAD, {len(tables[0].x)} rows, {threads} threads: "
        f"AUROC {np.mean(auroc):.1f} ± {np.std(auroc):.1f}, {np.median(seconds):.2f} s per seed"
    )
    threads = best_threads(lambda: lenet_step_seconds(steps=10))
    print(f"LeNet step, {threads} threads: {1000 * lenet_step_seconds():.1f} ms")


if __name__ == "__main__":
    main()
