"""`jaxad compile`: what a fit needs on an accelerator, by the accelerator's own compiler."""

import json
import sys

import jax
from rich.console import Console
from rich.table import Table

from jaxad.cli.options import Compile
from jaxad.cli.run import make_experiment, name_data
from jaxad.detectors import make
from jaxad.estimates import Report, estimate_fit, open_topology
from jaxad.sweep import expand
from jaxad.sweep.work import draw_split

__all__ = ["execute", "print_report"]

MIB = 2**20
PLAIN_WIDTH = 160


def execute(options: Compile) -> int:
    """Compile the programs of a fit, and print what they need.

    Returns:
        The exit code 0: every program compiled.
    """
    # Arrays of this process stay on the host, also where there is an accelerator.
    jax.config.update("jax_platforms", "cpu")
    topology = open_topology(options.topology)
    with name_data(options) as name:
        experiment, data = make_experiment(options, name, (options.detector,))
        job = expand(experiment, options.data_dir)[0]
        split = draw_split(job, (0,), options.data_dir)
    detector = make(job.variant.detector, split.train, **dict(job.variant.config))
    report = estimate_fit(
        detector,
        split.train,
        split.test,
        options.seeds,
        topology,
        capacity=True,
        progress=lambda name: print(f"compiling {name}", file=sys.stderr, flush=True),
    )
    if options.json:
        head = {"detector": options.detector, "dataset": data.name, "jax": jax.__version__}
        print(json.dumps(head | report.as_dict(), allow_nan=False))
    else:
        print(f"{options.detector} on {data.name}")
        print_report(report)
    return 0


def print_report(report: Report) -> None:
    """Print a table with a line for each program, and what they need together."""
    chip = report.topology.chip
    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        console.width = max(console.width, PLAIN_WIDTH)
    console.print(_make_table(report))
    share = report.largest.cost.total / chip.memory
    lines = [
        f"{report.largest.name} needs the most memory: {report.largest.cost.total / MIB:,.1f} MiB "
        f"on each device, {100 * share:.1f} % of {chip.memory / MIB:,.0f} MiB.",
        _describe_capacity(report),
        "These are estimates of the compiler; nothing ran. `step` is one training step, which "
        "`advance` takes up to 1,024 times in a call. Of loops whose length is known only at run "
        "time one turn is counted.",
    ]
    if chip.operations is not None and chip.bandwidth is not None:
        lines.append(
            "roofline us: the larger of operations and bytes over the published figures of "
            f"{chip.name}: {chip.operations / 1e12:.0f} TFLOP/s (bfloat16) and "
            f"{chip.bandwidth / 1e9:.0f} GB/s ({chip.source})."
        )
    for line in lines:
        console.print(line)


def _make_table(report: Report) -> Table:
    devices = f"{report.devices} device{'s' * (report.devices != 1)}"
    title = f"{report.topology.name}: {report.seeds} seeds on {devices}, figures of each device"
    table = Table(title=title, title_justify="left", title_style="bold", box=None, padding=(0, 1))
    table.add_column("program", no_wrap=True)
    columns = (
        "arguments MiB", "temporaries MiB", "output MiB", "code MiB", "MFLOP", "MB moved",
        "roofline us", "collectives", "compiled in s",
    )  # fmt: skip
    for column in columns:
        table.add_column(column, justify="right")
    for one in report.programs:
        cost = one.cost
        sizes = (cost.arguments, cost.temporaries, cost.output, cost.code)
        table.add_row(
            one.name,
            *(f"{size / MIB:,.1f}" for size in sizes),
            f"{cost.operations / 1e6:,.1f}",
            f"{cost.bytes / 1e6:,.1f}",
            "-" if one.seconds is None else f"{1e6 * one.seconds:,.1f}",
            str(cost.collectives),
            f"{one.compile_seconds:.1f}",
        )
    return table


def _describe_capacity(report: Report) -> str:
    if report.capacity is None:
        return "The memory of the largest program does not grow with the seeds."
    how = "checked by compiling it" if report.checked else "extrapolated"
    return f"At most {report.capacity:,} seeds fit in all, by the largest program ({how})."
