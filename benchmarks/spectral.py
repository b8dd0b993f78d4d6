"""Training steps through one convolution: canonical, and by Fourier transforms.

    python benchmarks/spectral.py

Forward and backward at batch 64 inside a compiled loop, for layers of the nets here and more.
Printed are how many times fewer products the transform takes, by which `conv_by_cost` chooses
(above 1), and how many times fewer seconds of processors: the least of three runs each, in turns.
"""

import time

import jax
import jax.numpy as jnp
import numpy as np

from jaxad.nets.conv import canonical_conv
from jaxad.nets.spectral import fewer_products, spectral_conv

BATCH, STEPS, ROUNDS = 64, 3, 3
# side of the images, side of the kernel, channels of the input and of the output
LAYERS = [
    (14, 5, 128, 128),
    (14, 5, 64, 64),
    (14, 5, 16, 32),
    (7, 5, 16, 32),
    (7, 5, 32, 8),
    (4, 5, 128, 64),
    (8, 5, 64, 128),
    (16, 5, 32, 64),
    (16, 5, 16, 32),
    (16, 3, 128, 256),
    (16, 3, 256, 256),
    (14, 3, 64, 64),
    (8, 3, 256, 128),
    (8, 3, 64, 64),
]


def canonical(x, w):
    return canonical_conv(x, w, (1, 1), "SAME")


def looped(convolution):
    """A few steps in one program, each with the gradients of image and kernel."""

    @jax.jit
    def run(x, w):
        def step(w, _):
            energy = lambda x, w: jnp.sum(convolution(x, w) ** 2)  # noqa: E731
            dx, dw = jax.grad(energy, (0, 1))(x, w)
            return w - 1e-9 * dw - 1e-12 * dx.mean(), None

        return jax.lax.scan(step, w, length=STEPS)[0]

    return run


def main() -> None:
    """Print a table."""
    rng = np.random.default_rng(0)
    print("| image | kernel | channels | fewer products | ms, canonical | spectral | ratio |")
    print("|---|---|---|---|---|---|---|")
    for side, kernel, channels, out in LAYERS:
        x = jnp.asarray(rng.normal(size=(BATCH, side, side, channels)), jnp.float32)
        w = jnp.asarray(rng.normal(size=(kernel, kernel, channels, out)) / 50, jnp.float32)
        runs = [looped(canonical), looped(spectral_conv)]
        least = [np.inf, np.inf]
        for run in runs:
            run(x, w).block_until_ready()
        for _ in range(ROUNDS):
            for i, run in enumerate(runs):
                start = time.process_time()
                run(x, w).block_until_ready()
                least[i] = min(least[i], (time.process_time() - start) / STEPS)
        print(
            f"| {side} | {kernel} | {channels} to {out} | {fewer_products(x.shape, w.shape):.2f} | "
            f"{1e3 * least[0]:.1f} | {1e3 * least[1]:.1f} | {least[0] / least[1]:.2f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
