"""Compare two ways to compute a training step of many seeds on a TPU: `vmap` and `lax.map`.

    pip install "jaxad[tpu-check]"
    python benchmarks/seed_steps.py

`vmap` computes the step of all seeds at once, `lax.map` one seed after the other. The table has the
cycles that the compiler writes to the operations of a step of 16 seeds, in millions, those of the
loop over seeds 16 times, the memory for intermediate values, and the processor time for compiling.
No TPU is needed, and nothing runs: the figures are estimates of the compiler. It writes none to
some small operations, which count as 0.
"""

import argparse
import re
import time

from folding import sum_cycles
from recording import Recorder, add_out
from topologies import make_rows

import jaxad
from jaxad.estimates import open_topology
from jaxad.estimates.programs import list_programs

SEEDS = 16
CASES = [("deep_sad", "tables"), ("deep_svdd", "images-28"), ("deep_svdd", "images-32")]
COLUMNS = (
    "topology", "detector", "data", "vmap (Mcycles)", "map (Mcycles)", "of vmap (times)",
    "vmap (MiB)", "map (MiB)", "vmap (compile s)", "map (compile s)",
)  # fmt: skip


def measure(detector, train, mode, device) -> tuple[float, float, float]:
    """Return the millions of cycles, the MiB and the seconds of compiling of the last step."""
    programs = list_programs(detector, train, None, SEEDS, mode, device=device)
    step = [one for one in programs if one.name.startswith("step")][-1]
    lowered = step.lower(("tpu",))
    start = time.process_time()
    compiled = lowered.compile()
    seconds = time.process_time() - start
    text = compiled.as_text() or ""
    cycles = sum_cycles(text)
    if mode == "map":
        name = re.findall(r"while\(.*body=%?([\w.-]+)", text)
        if len(name) != 1:
            raise SystemExit(f"expected one loop over seeds; given {len(name)}")
        body = re.search(rf"^%?{re.escape(name[0])} .*?^\}}", text, re.MULTILINE | re.DOTALL)
        cycles += (SEEDS - 1) * sum_cycles(body[0])
    return cycles / 1e6, compiled.memory_analysis().temp_size_in_bytes / 2**20, seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--topology", default="v5e:1x1")
    add_out(parser)
    options = parser.parse_args()
    table = Recorder(COLUMNS, options.out)
    device = open_topology(options.topology).devices[0]
    for name, data in CASES:
        train = make_rows(data)
        detector = jaxad.make(name, train)
        one, other = (measure(detector, train, mode, device) for mode in ("vmap", "map"))
        cycles = (f"{one[0]:.2f}", f"{other[0]:.2f}", f"{other[0] / one[0]:.2f}")
        memory = (f"{one[1]:.1f}", f"{other[1]:.1f}")
        table.add(
            options.topology, name, data, *cycles, *memory, f"{one[2]:.0f}", f"{other[2]:.0f}"
        )


if __name__ == "__main__":
    main()
