"""Time CVDD on texts: one class, 100 epochs, 3 heads, 5 seeds, after compilation.

    python benchmarks/cvdd.py DATA_DIR [--classes ship acq] [--steps]

Prints wall time, and processor time, which other work on the machine affects less. DATA_DIR holds
reuters7.jsonl.gz and glove100_subset.npz.

With `--steps` the script also times a gradient of the attention for three paddings: in pieces, as
in the library, and for all documents padded to the longest or to the 95 % quantile of lengths,
which a batch would need without pieces.
"""

import argparse
import time

import jax
import jax.numpy as jnp
import numpy as np

import jaxad
from jaxad.nets.attention import attention_net, compute_attention, pool_words
from jaxad.utils.compilation_cache import enable_compilation_cache

SEEDS, BATCH, STEPS, ROUNDS = 5, 64, 50, 5


def main() -> None:
    """Train CVDD on each class and print the times."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data_dir")
    parser.add_argument("--vectors", default="glove100_subset.npz")
    parser.add_argument("--classes", nargs="+", default=["ship"])
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--steps", action="store_true")
    options = parser.parse_args()
    enable_compilation_cache()
    data = jaxad.load_dataset("reuters7", data_dir=options.data_dir)
    for name in options.classes:
        split = jaxad.contaminate(data, 0, normal_class=name, contamination=0.0, seeds=SEEDS)
        warm = jaxad.make("cvdd", split.train, vectors=options.vectors, epochs=1)
        if options.steps:
            steps(name, split.train.x[0], warm.lexicon.vectors)
        jaxad.fit(warm, split.train)
        detector = jaxad.make("cvdd", split.train, vectors=options.vectors, epochs=options.epochs)
        start = time.process_time()
        fit = jaxad.fit(detector, split.train)
        processor = time.process_time() - start
        auroc = jaxad.evaluate(fit, split.test).auroc
        words = int((split.train.x[0] > 0).sum())
        print(
            f"{name}: {split.train.x.shape[1]} texts, {words} words, {SEEDS} seeds x "
            f"{options.epochs} epochs: run {fit.seconds.run:.1f} s, processors "
            f"{processor:.1f} s; AUROC {100 * auroc.mean:.1f} ± {100 * auroc.std:.1f}",
            flush=True,
        )


def steps(name: str, x: np.ndarray, vectors: np.ndarray) -> None:
    """Print the time of a gradient of the attention for each way of padding documents."""
    net = attention_net(vectors.shape[1], 150, 3)
    params, vectors = net.init(jax.random.key(0), vectors.shape[1]).params, jnp.asarray(vectors)
    length = (x > 0).sum(axis=1)
    rng = np.random.default_rng(0)
    batches = np.stack([rng.choice(len(x), BATCH, replace=len(x) < BATCH) for _ in range(STEPS)])
    ways = {
        "in pieces": (pool_words, x.shape[1]),
        "padded to the 95 % quantile": (_padded, int(np.quantile(length, 0.95))),
        "padded to the longest": (_padded, int(length.max())),
    }
    runs = {way: (_run(net, fn), jnp.asarray(x[batches][..., :n])) for way, (fn, n) in ways.items()}
    for run, of_batches in runs.values():
        jax.block_until_ready(run(params, vectors, of_batches))
    least = dict.fromkeys(runs, np.inf)
    for _ in range(ROUNDS):  # interleaved, because other work on the machine varies
        for way, (run, of_batches) in runs.items():
            start = time.perf_counter()
            jax.block_until_ready(run(params, vectors, of_batches))
            least[way] = min(least[way], (time.perf_counter() - start) / STEPS)
    for way, seconds in least.items():
        print(f"{name}: gradient {1e3 * seconds:.2f} ms, {way}", flush=True)


def _padded(net, params, vectors, x):
    return jnp.einsum("blk,bld->bkd", compute_attention(net, params, vectors, x), vectors[x])


def _run(net, means):
    @jax.jit
    def run(params, vectors, batches):
        def step(params, x):
            grads = jax.grad(lambda p: jnp.sum(means(net, p, vectors, x) ** 2))(params)
            return jax.tree.map(lambda p, g: p - 1e-6 * g, params, grads), None

        return jax.lax.scan(step, params, batches)[0]

    return run


if __name__ == "__main__":
    main()
