"""Time a training step of a small LeNet for several forms of its convolutions and loops.

    python benchmarks/convolution.py

The network has two modules of a 5x5 convolution (16 and 32 channels), leaky ReLU and 2x2
max-pooling. A step is forward, backward and gradient descent on a batch of 200 images of 28x28.
Times are the best of a few runs, per step and seed; the ratios are more reliable than the times.
"""

import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax import lax

from jaxad.nets.conv import canonical_conv, max_pool, plain_conv

BATCH, SEEDS, STEPS, REPEATS = 200, 2, 3, 3
Params = dict[str, jax.Array]


def window_pool(x: jax.Array) -> jax.Array:
    return nn.max_pool(x, (2, 2), (2, 2))


def init(key: jax.Array) -> Params:
    first, second = jax.random.split(key)
    return {
        "first": jax.random.normal(first, (5, 5, 1, 16)) / 5,
        "second": jax.random.normal(second, (5, 5, 16, 32)) / 20,
    }


def make_step(convolution: Callable, pool: Callable) -> Callable[[Params, jax.Array], Params]:
    def loss(params: Params, x: jax.Array) -> jax.Array:
        for name in ("first", "second"):
            x = pool(nn.leaky_relu(convolution(x, params[name], (1, 1), "SAME")))
        return jnp.mean(x**2)

    def step(params: Params, x: jax.Array) -> Params:
        return jax.tree.map(lambda p, g: p - 1e-3 * g, params, jax.grad(loss)(params, x))

    return step


def scan_steps(step: Callable) -> Callable[[Params, jax.Array], Params]:
    """Return a function that runs STEPS steps in one program."""
    return lambda params, x: lax.scan(lambda p, _: (step(p, x), None), params, length=STEPS)[0]


def seconds(function: Callable, params: Any, x: jax.Array) -> float:
    program = jax.jit(function).lower(params, x).compile()
    jax.block_until_ready(program(params, x))
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        jax.block_until_ready(program(params, x))
        times.append(time.perf_counter() - start)
    return min(times)


def main() -> None:
    x = jax.random.normal(jax.random.key(0), (BATCH, 28, 28, 1))
    one = init(jax.random.key(1))
    many = jax.vmap(init)(jax.random.split(jax.random.key(1), SEEDS))
    plain, canonical = make_step(plain_conv, window_pool), make_step(canonical_conv, max_pool)

    def mapped(params: Params, x: jax.Array) -> Params:
        return lax.map(lambda p: scan_steps(canonical)(p, x), params)

    # name, function, parameters, steps in one call (summed over seeds)
    rows = [
        ("plain + reduce_window, no loop", plain, one, 1),
        ("plain + reduce_window, scan", scan_steps(plain), one, STEPS),
        ("plain + max_pool, scan", scan_steps(make_step(plain_conv, max_pool)), one, STEPS),
        ("canonical + max_pool, no loop", canonical, one, 1),
        ("canonical + max_pool, scan", scan_steps(canonical), one, STEPS),
        (
            f"the same, vmap over {SEEDS} seeds",
            jax.vmap(scan_steps(canonical), (0, None)),
            many,
            SEEDS * STEPS,
        ),
        (f"the same, lax.map over {SEEDS} seeds", mapped, many, SEEDS * STEPS),
    ]
    times = {name: seconds(run, params, x) / steps for name, run, params, steps in rows}
    unit = times["canonical + max_pool, scan"]
    print(f"{jax.devices()[0].device_kind}, jax {jax.__version__}: a step of one seed")
    print(f"{'':36}{'ms':>9}{'ratio':>8}")
    for name, each in times.items():
        print(f"{name:36}{each * 1e3:9.1f}{each / unit:8.2f}")


if __name__ == "__main__":
    main()
