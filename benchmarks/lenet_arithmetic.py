"""Compare how fast XLA, matrix products and PyTorch compute the convolutions of LeNet's step.

    python benchmarks/lenet_arithmetic.py

A step of Deep SVDD on 28 x 28 images with batch size 200 spends most of its time in five
convolutions: forward and for the kernel's gradient in both layers, and for the input's gradient in
the second. Each is timed by itself, in four forms: XLA's convolution, jaxad's, which takes rows as
channels where there are few, the product of two matrices of the same size (without the patches that
it would need, hence a lower bound for convolutions by matrix products), and PyTorch's convolution,
where PyTorch is installed. The last line is a convolution of colour images, which LeNet does not
have. Times are processor times, so that other programs on the machine disturb them less. A product
and a sum count as two operations.
"""

import argparse
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from processor_time import measure_call
from recording import Recorder, add_out

from jaxad.nets.conv import canonical_conv

BATCH, KERNEL = 200, 5
LAYERS = ((28, 1, 16), (14, 16, 32))  # side of the images, channels in, channels out


class Case(NamedTuple):
    """A convolution: images, kernel, padding, and the order of their axes in the network."""

    name: str
    image: tuple[int, ...]
    kernel: tuple[int, ...]
    padding: int

    @property
    def matrices(self) -> tuple[int, int, int]:
        """Rows, inner size and columns of the matrix product."""
        batch, height, width, channels = self.image
        kernel_height, kernel_width, _, out = self.kernel
        grow = 2 * self.padding + 1
        rows = batch * (height + grow - kernel_height) * (width + grow - kernel_width)
        return rows, kernel_height * kernel_width * channels, out

    @property
    def operations(self) -> int:
        """Products and sums."""
        return 2 * int(np.prod(self.matrices))


COLOUR = Case("colour images, forward", (BATCH, 32, 32, 3), (KERNEL, KERNEL, 3, 16), KERNEL // 2)


def list_cases() -> list[Case]:
    """List the convolutions of a step; gradients are convolutions of other shapes."""
    cases = []
    for number, (side, channels, out) in enumerate(LAYERS, 1):
        half = KERNEL // 2
        image, kernel = (BATCH, side, side, channels), (KERNEL, KERNEL, channels, out)
        cases.append(Case(f"layer {number}, forward", image, kernel, half))
        # Channels are the batch, and the gradient of the output is a kernel of its size.
        turned = (channels, side, side, BATCH)
        cases.append(
            Case(f"layer {number}, kernel's gradient", turned, (side, side, BATCH, out), half)
        )
        if number > 1:
            back = (BATCH, side, side, out)
            swapped = (KERNEL, KERNEL, out, channels)
            cases.append(Case(f"layer {number}, input's gradient", back, swapped, half))
    return cases


def find_layer(case: Case) -> tuple[int, int, int]:
    """Return the side of the images and the channels of the layer that a case belongs to."""
    if case == COLOUR:
        return case.image[1], *case.kernel[2:]
    return LAYERS[int(case.name.split()[1].rstrip(",")) - 1]


def time_xla(case: Case) -> float:
    """Return the seconds of XLA's convolution."""
    x, w = jnp.ones(case.image), jnp.ones(case.kernel)
    convolve = partial(
        lax.conv_general_dilated,
        window_strides=(1, 1),
        padding=[(case.padding, case.padding)] * 2,
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
    )
    return measure_call(jax.jit(convolve), x, w)


def time_ours(case: Case) -> float:
    """Return the seconds of the convolution of the library."""
    x, w = jnp.ones(case.image), jnp.ones(case.kernel)
    padding = [(case.padding, case.padding)] * 2
    return measure_call(jax.jit(lambda x, w: canonical_conv(x, w, (1, 1), padding)), x, w)


def time_product(case: Case) -> float:
    """Return the seconds of the product of matrices."""
    rows, inner, columns = case.matrices
    return measure_call(jax.jit(jnp.dot), jnp.ones((rows, inner)), jnp.ones((inner, columns)))


def time_torch(case: Case) -> float | None:
    """Return the seconds of PyTorch's convolution as the network computes it; None without it."""
    try:
        import torch
    except ImportError:
        return None
    torch.set_num_threads(1)  # a second one waits for work by computing
    side, channels, out = find_layer(case)
    last = torch.channels_last
    x = torch.ones(BATCH, channels, side, side).to(memory_format=last)
    w = torch.ones(out, channels, KERNEL, KERNEL).to(memory_format=last)
    grad = torch.ones(BATCH, out, side, side).to(memory_format=last)
    half = (KERNEL // 2,) * 2
    if case.name.endswith("forward"):
        return measure_call(lambda: torch.nn.functional.conv2d(x, w, padding=half))
    masks = [case.name.endswith("input's gradient"), case.name.endswith("kernel's gradient"), False]
    backward = torch.ops.aten.convolution_backward
    sizes = ((1, 1), half, (1, 1), False, (0, 0), 1)
    return measure_call(lambda: backward(grad, x, w, None, *sizes, masks))


def main() -> None:
    """Print a line for each convolution, and the sums."""
    forms = {"XLA": time_xla, "jaxad": time_ours, "product": time_product, "PyTorch": time_torch}
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    add_out(parser)
    columns = ("convolution", "operations, 10^9", *(f"{form}, ms" for form in forms))
    table = Recorder(columns, parser.parse_args().out)

    def write(name: str, operations: float, seconds: list[float | None]) -> None:
        cells = ["" if value is None else f"{1e3 * value:.1f}" for value in seconds]
        table.add(name, f"{operations / 1e9:.2f}", *cells)

    cases, lines = list_cases(), []
    for case in cases:
        lines.append([run(case) for run in forms.values()])
        write(case.name, case.operations, lines[-1])
    total = sum(case.operations for case in cases)
    sums = [None if None in each else sum(each) for each in zip(*lines, strict=True)]
    write("sum", total, sums)
    rates = ["" if value is None else f"{total / value / 1e9:.0f}" for value in sums]
    table.add("10^9 operations a second of a core", "", *rates)
    write(COLOUR.name, COLOUR.operations, [run(COLOUR) for run in forms.values()])


if __name__ == "__main__":
    main()
