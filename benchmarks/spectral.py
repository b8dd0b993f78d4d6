"""Time training steps through one convolution, in canonical form and by Fourier transforms.

    python benchmarks/spectral.py

Forward and backward pass at batch size 64 inside a compiled loop, for the layers of the library's
networks and some more. Prints the factor by which the transform needs fewer products, which decides
the choice of `conv_by_cost` (above 1: spectral), and the factor by which it takes less processor
time.
"""

import argparse

import jax
import jax.numpy as jnp
import numpy as np
from processor_time import measure_call
from recording import Recorder, add_out

from jaxad.nets.conv import canonical_conv
from jaxad.nets.spectral import compute_saving, spectral_conv

BATCH, STEPS = 64, 3
# image side, kernel side, input channels, output channels
COLUMNS = (
    "image",
    "kernel",
    "channels",
    "canonical, ms",
    "spectral, ms",
    "ratio",
    "fewer products, times",
)
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


def loop_steps(convolution):
    """Return a program of a few steps, each with gradients of the image and the kernel."""

    @jax.jit
    def run(x, w):
        def step(w, _):
            energy = lambda x, w: jnp.sum(convolution(x, w) ** 2)  # noqa: E731
            dx, dw = jax.grad(energy, (0, 1))(x, w)
            return w - 1e-9 * dw - 1e-12 * dx.mean(), None

        return jax.lax.scan(step, w, length=STEPS)[0]

    return run


def main() -> None:
    """Time all layers and print the table."""
    rng = np.random.default_rng(0)
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    add_out(parser)
    table = Recorder(COLUMNS, parser.parse_args().out)
    for side, kernel, channels, out in LAYERS:
        x = jnp.asarray(rng.normal(size=(BATCH, side, side, channels)), jnp.float32)
        w = jnp.asarray(rng.normal(size=(kernel, kernel, channels, out)) / 50, jnp.float32)
        runs = [loop_steps(canonical), loop_steps(spectral_conv)]
        seconds = [measure_call(run, x, w) / STEPS for run in runs]
        saving = f"{compute_saving(x.shape, w.shape):.2f}"
        times = [f"{1e3 * each:.1f}" for each in seconds]
        ratio = f"{seconds[0] / seconds[1]:.2f}"
        table.add(side, kernel, f"{channels} to {out}", *times, ratio, saving)


if __name__ == "__main__":
    main()
