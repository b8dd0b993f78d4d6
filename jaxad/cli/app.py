"""The command line program: parse arguments, run a command, turn errors into exit codes."""

import os
import sys
import traceback
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Annotated

import tyro
from tyro.conf import subcommand

from jaxad.cli.options import (
    Audit,
    Clean,
    Compile,
    Explain,
    Fit,
    List,
    Monitor,
    Recommend,
    Report,
    Run,
    Score,
    Sweep,
    Verify,
)
from jaxad.cli.termination import stop_on_termination
from jaxad.errors import (
    ConfigError,
    DataError,
    DataWarning,
    PluginWarning,
    StorageWarning,
    unknown_name,
)

__all__ = ["main"]

DONE, FAILURE, WRONG_USE, INTERRUPTED, TERMINATED = 0, 1, 2, 130, 143

Options = (
    List
    | Recommend
    | Run
    | Compile
    | Fit
    | Score
    | Monitor
    | Audit
    | Clean
    | Explain
    | Sweep
    | Report
    | Verify
)
COMMANDS: dict[str, type] = {
    "list": List,
    "recommend": Recommend,
    "run": Run,
    "compile": Compile,
    "fit": Fit,
    "score": Score,
    "monitor": Monitor,
    "audit": Audit,
    "clean": Clean,
    "explain": Explain,
    "sweep": Sweep,
    "report": Report,
    "verify": Verify,
}
Overview = (
    Annotated[List, subcommand("list", description="List detectors, data sets and settings.")]
    | Annotated[
        Recommend, subcommand("recommend", description="Recommend a detector to try first.")
    ]
    | Annotated[Run, subcommand("run", description="Evaluate detectors on a labelled data set.")]
    | Annotated[Compile, subcommand("compile", description="Estimate a fit on an accelerator.")]
    | Annotated[Fit, subcommand("fit", description="Train a detector on a file and save it.")]
    | Annotated[Score, subcommand("score", description="Score a file with a saved detector.")]
    | Annotated[Monitor, subcommand("monitor", description="Test a file for drift.")]
    | Annotated[Audit, subcommand("audit", description="Rank a file's rows by suspicion.")]
    | Annotated[Clean, subcommand("clean", description="Clean training data with few answers.")]
    | Annotated[Explain, subcommand("explain", description="Explain the scores of a file's rows.")]
    | Annotated[Sweep, subcommand("sweep", description="Run an experiment from a TOML file.")]
    | Annotated[Report, subcommand("report", description="Print an experiment's tables.")]
    | Annotated[Verify, subcommand("verify", description="Check a folder's files for damage.")]
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line program.

    Args:
        argv: Arguments without the program's name; by default the process's own.

    Returns:
        The exit code: 0 done, 1 failure, 2 wrong use, 3 some rows could not be scored
        (`score`, `explain`, `monitor`) or there is drift (`monitor`), 130 stopped by Ctrl-C, 143
        stopped by SIGTERM.
    """
    try:
        code = _start(sys.argv[1:] if argv is None else list(argv))
        sys.stdout.flush()  # here, where a closed pipe is handled
        return code
    except BrokenPipeError:
        # The reader of the output is gone. The interpreter must not fail on it again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILURE


def _start(argv: list[str]) -> int:
    """Parse the arguments, and run the command that they name."""
    if argv == ["--version"]:
        from jaxad import __version__

        print(f"jaxad {__version__}")
        return DONE
    try:
        options = _parse(argv)
    except SystemExit as exit:
        return exit.code if isinstance(exit.code, int) else FAILURE
    except ConfigError as error:
        return _report(str(error), WRONG_USE)
    return _run(options)


def _parse(argv: list[str]) -> Options:
    """Return the options of a command.

    Raises:
        SystemExit: tyro printed the help, or an error.
        ConfigError: There is no such command.
    """
    name, *rest = argv or ["--help"]
    plain = (tyro.conf.FlagCreatePairsOff,)
    _refuse_old_names(rest)
    if name in COMMANDS:
        return tyro.cli(COMMANDS[name], prog=f"jaxad {name}", args=rest, config=plain)
    if not name.startswith("-"):
        raise unknown_name("command", name, COMMANDS)
    description = (
        "Deep anomaly detection in JAX when training data is contaminated and labels are scarce. "
        "`jaxad COMMAND --help` explains a command; --version prints the version. "
        "Compiled programs are kept in the user's cache folder; the environment variable "
        "JAXAD_CACHE_DIR names another folder, or is off."
    )
    return tyro.cli(
        Overview,  # pyright: ignore[reportArgumentType]
        prog="jaxad",
        description=description,
        args=[name],
        config=plain,
    )


def _refuse_old_names(argv: list[str]) -> None:
    """Raise a `ConfigError` for an option of earlier versions; it names those that replace it."""
    if any(arg.split("=")[0].replace("_", "-") == "--label-kind" for arg in argv):
        raise ConfigError(
            "--label-kind has been replaced: labels are 1 for labelled anomalies and 0, -1 or "
            "nothing for unlabelled rows; name other values with --positive and --normal (verified "
            "normal rows). --label none leaves labels out, and jaxad audit takes labels that only "
            "measure with --truth COLUMN"
        )


def _run(options: Options) -> int:
    """Run a command; turn an error into one line on standard error and an exit code."""
    terminated = None
    try:
        with _print_warnings(), stop_on_termination() as terminated:
            return _dispatch(options)
    except BrokenPipeError:
        raise  # see `main`
    except KeyboardInterrupt:
        if terminated is not None and terminated.is_set():
            return _report("stopped by SIGTERM", TERMINATED, options.debug)
        return _report("stopped by Ctrl-C", INTERRUPTED, options.debug)
    except ConfigError as error:
        return _report(str(error), WRONG_USE, options.debug)
    except (DataError, OSError) as error:
        return _report(str(error), FAILURE, options.debug)
    except Exception as error:
        hint = "" if options.debug else " (--debug prints the traceback)"
        return _report(f"{type(error).__name__}: {error}{hint}", FAILURE, options.debug)


@contextmanager
def _print_warnings() -> Iterator[None]:
    """Print each warning of the library in a line on standard error."""
    ours = (DataWarning, PluginWarning, StorageWarning)
    with warnings.catch_warnings():
        for category in ours:
            warnings.simplefilter("always", category)
        show = warnings.showwarning

        def print_warning(message, category, *rest):
            if issubclass(category, ours):
                print("jaxad: warning:", message, file=sys.stderr)
            else:
                show(message, category, *rest)

        warnings.showwarning = print_warning
        yield


def _dispatch(options: Options) -> int:
    """Import and run one command."""
    from jaxad.utils.compilation_cache import enable_compilation_cache
    from jaxad.utils.plugins import import_plugins

    enable_compilation_cache()
    import_plugins(options.imports, [Path.cwd()])
    name = next(name for name, kind in COMMANDS.items() if isinstance(options, kind))
    return import_module(f"jaxad.cli.{name}").execute(options)


def _report(message: str, code: int, debug: bool = False) -> int:
    """Print an error as one line, with `debug` after its traceback, and return the exit code."""
    if debug:
        traceback.print_exc()
    print("jaxad:", " ".join(message.split()), file=sys.stderr)
    return code
