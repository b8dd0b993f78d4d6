"""Count the operations of ELITE's training step and of the plain step of the same base detector.

    python benchmarks/elite_operations.py [--out FILE.csv]

The networks and the data are those of `elite.py`. The convolutions are those of the program, the
floating-point operations are the compiler's count. Nothing is run, so the numbers don't depend on
what else the machine does.
"""

import argparse

from elite import BASES, SHAPES, random_data
from recording import Recorder, add_out

import jaxad
from jaxad.estimates import open_topology
from jaxad.estimates.costs import read_cost
from jaxad.estimates.programs import list_programs, take_step

VARIANTS = {"ELITE, forward": {}, "ELITE, unrolled": {"meta_gradient": "unrolled"}}


def count(detector, data):
    """Return the convolutions and the million operations of a step of a detector."""
    host = open_topology("cpu")
    programs = list_programs(detector, data, None, 1, host.mode, device=host.devices[0])
    lowered = next(one for one in programs if one.function is take_step).lower()
    return lowered.as_text().count("stablehlo.convolution"), read_cost(lowered.compile()).operations


def main():
    """Print a row for each network, base and way to compute meta-gradients."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_out(parser)
    columns = ("network and detector", "convolutions", "million operations", "ratio to plain")
    table = Recorder(columns, parser.parse_args().out)
    for net, shape in SHAPES.items():
        data = random_data(shape, 128 * 5 + 20)
        for base, with_elite in BASES.items():
            config = {"epochs": 2, "norm": "batch_no_affine", "optimiser": "sgd"}
            if base == "deep_svdd":
                config["pretrain_epochs"] = 0
            made = {"plain": jaxad.make(base, data, **config)}
            for title, more in VARIANTS.items():
                made[title] = jaxad.make(with_elite, data, **config, **more)
            found = {title: count(detector, data) for title, detector in made.items()}
            plain = found["plain"][1]
            for title, (convolutions, operations) in found.items():
                name = f"{net}, {base}: {title}"
                ratio = operations / plain
                table.add(name, convolutions, f"{operations / 1e6:.4g}", f"{ratio:.2f}")


if __name__ == "__main__":
    main()
