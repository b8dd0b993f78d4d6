"""Compare forms of a convolution over seeds by what the compiler for TPUs expects of them.

    pip install "jaxad[tpu-check]"
    python benchmarks/folding.py

Each seed has its own images and its own kernel. The forms are what `vmap` makes of the convolution;
what it makes of the form that the CPU takes, along rows or by Fourier transforms, where that is
another; one seed after the other; one convolution of all seeds, whose kernel is 0 between seeds;
and matrix products over the patches or over each place of the kernel. For the forward pass, and
for it with the gradients of the images and the kernels, the table has the cycles that the compiler
writes to its operations. No TPU is needed, and nothing runs: the figures are estimates of the
compiler. It writes none to some small operations, which count as 0.
"""

import argparse
import re
from functools import partial
from unittest.mock import patch

import jax
import jax.numpy as jnp
from jax import lax
from jax.sharding import SingleDeviceSharding
from recording import Recorder, add_out

from jaxad.estimates import open_topology
from jaxad.nets.conv import canonical_conv
from jaxad.nets.spectral import conv_by_cost

SEEDS, BATCH = 16, 128
# image side, kernel side, input channels, output channels: the layers of the LeNets
LAYERS = [(28, 5, 1, 16), (14, 5, 16, 32), (32, 5, 3, 32), (8, 5, 64, 128)]
CYCLES = re.compile(r'"estimated_cycles":"(\d+)"')
COLUMNS = (
    "topology",
    "image",
    "kernel",
    "channels",
    "form",
    "forward (Mcycles)",
    "with gradients (Mcycles)",
    "of vmap (times)",
)


def convolve(x, w):
    """Convolve the images of one seed, (n, height, width, c), as the networks do."""
    return canonical_conv(x, w, (1, 1), "SAME")


def convolve_as_cpu(x, w):
    """Convolve the images of one seed in the form that the CPU takes."""
    form = partial(conv_by_cost, window_strides=(1, 1), padding="SAME")
    with patch.object(lax, "platform_dependent", lambda *given, cpu, default: cpu(*given)):
        return form(x, w)


def block_diagonal(x, w):
    """Convolve all seeds at once: their channels beside each other, and zeros between seeds."""
    seeds, n, height, width, channels = x.shape
    apart = jnp.einsum("shwco,st->hwscto", w, jnp.eye(seeds, dtype=w.dtype))
    kernel = apart.reshape(*w.shape[1:3], seeds * channels, -1)
    together = jnp.moveaxis(x, 0, 3).reshape(n, height, width, -1)
    out = convolve(together, kernel).reshape(n, height, width, seeds, -1)
    return jnp.moveaxis(out, 3, 0)


def list_places(x, w):
    """Return the input at each place of the kernel, (seeds, n, height, width, c) each."""
    (height, width), (rows, columns) = x.shape[2:4], w.shape[1:3]
    sides = [(0, 0), (0, 0), (rows // 2,) * 2, (columns // 2,) * 2, (0, 0)]
    padded = jnp.pad(x, sides)
    return [
        padded[:, :, i : i + height, j : j + width] for i in range(rows) for j in range(columns)
    ]


def multiply_patches(x, w):
    """Multiply the patches of each seed by its kernel."""
    patches = jnp.concatenate(list_places(x, w), axis=-1)
    return jnp.einsum("snhwk,sko->snhwo", patches, w.reshape(len(w), -1, w.shape[-1]))


def sum_places(x, w):
    """Sum the products at each place of the kernel."""
    kernels = jnp.moveaxis(w.reshape(len(w), -1, *w.shape[3:]), 1, 0)
    pairs = zip(list_places(x, w), kernels, strict=True)
    return sum(jnp.einsum("snhwc,sco->snhwo", place, kernel) for place, kernel in pairs)


def one_by_one(x, w):
    """Convolve one seed; its cycles count once for each seed."""
    return convolve(x[0], w[0])[None]


FORMS = {
    "vmap": jax.vmap(convolve),
    "vmap, as the CPU": jax.vmap(convolve_as_cpu),
    "one by one": one_by_one,
    "zeros between seeds": block_diagonal,
    "patches": multiply_patches,
    "places of the kernel": sum_places,
}


def has_own_form(side, kernel, channels, filters) -> bool:
    """Return whether the CPU takes another form of a layer than other platforms."""
    x, w = jnp.zeros((BATCH, side, side, channels)), jnp.zeros((kernel, kernel, channels, filters))
    return "platform_index" in str(
        jax.make_jaxpr(partial(conv_by_cost, window_strides=(1, 1), padding="SAME"))(x, w)
    )


def takes_long(name, channels, filters) -> bool:
    """Return whether a form of a layer takes the compiler up to ten minutes or more."""
    if name == "one by one":
        return channels == 1
    if name == "zeros between seeds":
        return filters > 32
    return name in ("patches", "places of the kernel") and channels > 1


def train(form):
    """Return the gradients of a loss in the images and the kernels."""
    return jax.grad(lambda x, w: jnp.sum(jax.nn.relu(form(x, w)) ** 2), (0, 1))


def count_cycles(function, x, w, device) -> int:
    """Return the sum of the cycles that the compiler writes to the operations of a program."""
    placed = [
        jax.ShapeDtypeStruct(s, jnp.float32, sharding=SingleDeviceSharding(device)) for s in (x, w)
    ]
    lowered = jax.jit(function).trace(*placed).lower(lowering_platforms=("tpu",))
    return sum_cycles(lowered.compile().as_text() or "")


def sum_cycles(text: str) -> int:
    """Return the sum of the estimated cycles in a program or a part of it."""
    if not (found := CYCLES.findall(text)):
        raise SystemExit("this version of libtpu writes no estimated cycles")
    return sum(map(int, found))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--topology", nargs="+", default=["v5e:1x1"])
    add_out(parser)
    options = parser.parse_args()
    table = Recorder(COLUMNS, options.out)
    for topology in options.topology:
        device = open_topology(topology).devices[0]
        for side, kernel, channels, filters in LAYERS:
            of_vmap = None
            for name, form in FORMS.items():
                if takes_long(name, channels, filters):
                    continue
                if name == "vmap, as the CPU" and not has_own_form(side, kernel, channels, filters):
                    continue
                count, times = (1, SEEDS) if name == "one by one" else (SEEDS, 1)
                x, w = (
                    (count, BATCH, side, side, channels),
                    (count, kernel, kernel, channels, filters),
                )
                forward, both = (
                    times * count_cycles(f, x, w, device) / 1e6 for f in (form, train(form))
                )
                of_vmap = of_vmap or both
                layer = (side, kernel, f"{channels} to {filters}")
                table.add(
                    topology, *layer, name, f"{forward:.2f}", f"{both:.2f}", f"{both / of_vmap:.2f}"
                )


if __name__ == "__main__":
    main()
