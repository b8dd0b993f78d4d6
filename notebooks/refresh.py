"""Run notebooks and store what they print and draw; needs no Jupyter.

    python notebooks/refresh.py [NOTEBOOK ...]

Without names it runs every notebook of this folder, each in a process of its own.
"""

import ast
import base64
import io
import json
import subprocess
import sys
import time
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

__all__ = ["execute", "run"]

FOLDER = Path(__file__).parent


def run(notebook: dict[str, Any]) -> dict[str, Any]:
    """Run the code cells of a notebook in order, in one namespace.

    Args:
        notebook: What a file of nbformat 4 holds; it is not changed.

    Returns:
        The same notebook with the outputs of this run.
    """
    names: dict[str, Any] = {"__name__": "notebook"}
    cells, count = [], 0
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            count += 1
            outputs = execute("".join(cell["source"]), names, count)
            cell = cell | {"outputs": outputs, "execution_count": count}
        cells.append(cell)
    return notebook | {"cells": cells}


def execute(source: str, names: dict[str, Any], count: int = 1) -> list[dict[str, Any]]:
    """Run a cell: what it prints, the value of its last expression, and what pyplot has drawn.

    Args:
        source: Python; a semicolon at its end keeps the last value back, as in Jupyter.
        names: The namespace, which it changes.
        count: The cell's number.

    Returns:
        Outputs as nbformat 4 has them.
    """
    where, body = f"<cell {count}>", ast.parse(source).body
    end, last = body[-1] if body else None, None
    if isinstance(end, ast.Expr) and not source.rstrip().endswith(";"):
        last = ast.Expression(end.value)
        body.pop()
    value, printed = None, io.StringIO()
    with redirect_stdout(printed):
        exec(compile(ast.Module(body, []), where, "exec"), names)
        if last is not None:
            value = eval(compile(last, where, "eval"), names)
    outputs: list[dict[str, Any]] = []
    if printed.getvalue():
        text = printed.getvalue().splitlines(keepends=True)
        outputs.append({"output_type": "stream", "name": "stdout", "text": text})
    if value is not None:
        data = {"text/plain": repr(value).splitlines(keepends=True)}
        result = {"output_type": "execute_result", "execution_count": count}
        outputs.append(result | {"data": data, "metadata": {}})
    return outputs + _figures()


def _figures() -> list[dict[str, Any]]:
    """The open figures of pyplot as PNG, which are closed."""
    from matplotlib import pyplot

    outputs = []
    for number in pyplot.get_fignums():
        picture = io.BytesIO()
        # No name of a version: the same figure is the same file.
        pyplot.figure(number).savefig(picture, format="png", dpi=72, metadata={"Software": None})
        data = {"image/png": base64.b64encode(picture.getvalue()).decode()}
        outputs.append({"output_type": "display_data", "data": data, "metadata": {}})
    pyplot.close("all")
    return outputs


def refresh(path: Path) -> None:
    """Run a notebook and write it with its outputs in place of the file."""
    start = time.perf_counter()
    new = run(json.loads(path.read_text(encoding="utf-8")))
    path.write_text(json.dumps(new, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"{path.name}: {time.perf_counter() - start:.0f} s")


def main(names: list[str]) -> int:
    """Refresh one notebook here, or several each in a process of its own."""
    if len(names) == 1:
        import matplotlib

        matplotlib.use("Agg")
        refresh(Path(names[0]))
        return 0
    paths = names or sorted(map(str, FOLDER.glob("*.ipynb")))
    # One after the other: each uses all cores.
    return max(subprocess.call([sys.executable, __file__, path]) for path in paths)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
