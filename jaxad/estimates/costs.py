"""The memory and the operations of a compiled program, as the compiler states them."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from jaxad.estimates.topologies import Chip

__all__ = ["SLOW", "Cost", "count_operations", "estimate_seconds", "read_cost"]

_OPERATION = re.compile(r"^\s*(?:ROOT )?%?[\w.-]+ = .*?[\])}] ([a-z][a-z0-9-]*)\(", re.MULTILINE)
_COLLECTIVES = (
    "all-gather", "all-reduce", "all-to-all", "collective-broadcast", "collective-permute",
    "ragged-all-to-all", "reduce-scatter",
)  # fmt: skip
_GROUPED = re.compile(r"(?:feature|batch)_group_count=(?!1\b)\d+")
_DOUBLE = re.compile(r"\bf64\[")
SLOW = ("loops", "gathers", "scatters", "sorts", "conditionals", "grouped", "double")


class Cost(NamedTuple):
    """What a program needs on each device.

    Attributes:
        arguments: Bytes of its arguments.
        temporaries: Bytes of its temporary values.
        output: Bytes of its results, without those that take the place of arguments.
        code: Bytes of its code.
        operations: Floating-point operations. Of a loop whose turns are known only at run time, as
            that over training steps, one turn is counted; of a conditional the largest branch.
        bytes: Bytes read from and written to memory, counted in the same way.
        collectives: Communications between devices; seeds need none.
        slow: How often the program has operations that accelerators are slow at: loops, gathers,
            scatters, sorts, conditionals, grouped convolutions, and types of double precision.
    """

    arguments: int
    temporaries: int
    output: int
    code: int
    operations: float
    bytes: float
    collectives: int
    slow: Mapping[str, int]

    @property
    def total(self) -> int:
        """The memory that it needs in all, in bytes."""
        return self.arguments + self.temporaries + self.output + self.code


def read_cost(compiled: Any) -> Cost:
    """Read the cost of a program from the result of `jax.stages.Lowered.compile`."""
    memory, counted = compiled.memory_analysis(), compiled.cost_analysis() or {}
    collectives, slow = count_operations(compiled.as_text() or "")
    return Cost(
        arguments=memory.argument_size_in_bytes,
        temporaries=memory.temp_size_in_bytes,
        output=memory.output_size_in_bytes - memory.alias_size_in_bytes,
        code=memory.generated_code_size_in_bytes,
        operations=max(0.0, counted.get("flops", 0.0)),
        bytes=max(0.0, counted.get("bytes accessed", 0.0)),
        collectives=collectives,
        slow=slow,
    )


def count_operations(text: str) -> tuple[int, dict[str, int]]:
    """Count the communications and the slow operations in the text of a compiled program."""
    names = _OPERATION.findall(text)
    collectives = sum(name.removesuffix("-start") in _COLLECTIVES for name in names)
    counts = {
        "loops": names.count("while"),
        "gathers": names.count("gather"),
        "scatters": names.count("scatter"),
        "sorts": names.count("sort"),
        "conditionals": names.count("conditional"),
        "grouped": len(_GROUPED.findall(text)),
        "double": len(_DOUBLE.findall(text)),
    }
    return collectives, counts


def estimate_seconds(cost: Cost, chip: Chip) -> float | None:
    """Estimate the time of a program by the roofline of a chip; None if it has no figures.

    That is the longer of the time for the operations at the chip's peak and the time for the bytes
    at its bandwidth: a lower bound, since no program reaches either.
    """
    if chip.operations is None or chip.bandwidth is None:
        return None
    return max(cost.operations / chip.operations, cost.bytes / chip.bandwidth)
