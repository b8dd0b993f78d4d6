"""The program: from arguments to a command, and from errors to exit codes."""

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

from jaxad.cli.options import Audit, Explain, Fit, List, Recommend, Report, Run, Score, Sweep
from jaxad.errors import ConfigError, DataError, DataWarning, PluginWarning, unknown_name

__all__ = ["main"]

DONE, FAILURE, WRONG_USE, INTERRUPTED = 0, 1, 2, 130

Options = List | Recommend | Run | Fit | Score | Audit | Explain | Sweep | Report
COMMANDS: dict[str, type] = {
    "list": List,
    "recommend": Recommend,
    "run": Run,
    "fit": Fit,
    "score": Score,
    "audit": Audit,
    "explain": Explain,
    "sweep": Sweep,
    "report": Report,
}
Overview = (
    Annotated[List, subcommand("list", description="Detectors, data sets and settings.")]
    | Annotated[Recommend, subcommand("recommend", description="Say which detector to try first.")]
    | Annotated[Run, subcommand("run", description="Evaluate detectors on a labelled data set.")]
    | Annotated[Fit, subcommand("fit", description="Train a detector on a file and save it.")]
    | Annotated[Score, subcommand("score", description="Score a file with a saved detector.")]
    | Annotated[Audit, subcommand("audit", description="Rank a file's rows by suspicion.")]
    | Annotated[Explain, subcommand("explain", description="Draw heat maps of a file's images.")]
    | Annotated[Sweep, subcommand("sweep", description="Run a declarative experiment.")]
    | Annotated[Report, subcommand("report", description="Print an experiment's tables.")]
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line program.

    Args:
        argv: Arguments without the program's name; by default the process's own.

    Returns:
        The exit code: 0 done, 2 wrong use, 1 failure, 3 done but for some bad rows (`score`), 130
        stopped by Ctrl-C.
    """
    argv = sys.argv[1:] if argv is None else list(argv)
    if argv == ["--version"]:
        from jaxad import __version__

        print(f"jaxad {__version__}")
        return DONE
    try:
        options = _parse(argv)
    except SystemExit as exit:
        return exit.code if isinstance(exit.code, int) else FAILURE
    except ConfigError as error:
        return _say(str(error), WRONG_USE)
    return _guarded(options)


def _parse(argv: list[str]) -> Options:
    """The options of a command.

    Raises:
        SystemExit: Help was asked for and printed, or tyro has said what is wrong.
        ConfigError: There is no such command.
    """
    name, *rest = argv or ["--help"]
    plain = (tyro.conf.FlagCreatePairsOff,)
    if name in COMMANDS:
        return tyro.cli(COMMANDS[name], prog=f"jaxad {name}", args=rest, config=plain)
    if not name.startswith("-"):
        raise unknown_name("command", name, COMMANDS)
    description = (
        "Deep anomaly detection in JAX when training data is contaminated and labels are scarce. "
        "`jaxad COMMAND --help` explains a command, --version says which this is. "
        "Compiled programs are kept in the user's cache folder; the environment's JAXAD_CACHE_DIR "
        "names another one, or is off."
    )
    return tyro.cli(
        Overview,  # pyright: ignore[reportArgumentType]
        prog="jaxad",
        description=description,
        args=[name],
        config=plain,
    )


def _guarded(options: Options) -> int:
    """Run a command; an error becomes one line on standard error and an exit code."""
    try:
        with _said_warnings():
            code = _dispatch(options)
        sys.stdout.flush()  # here, where a closed pipe is handled
        return code
    except KeyboardInterrupt:
        return _say("stopped by Ctrl-C", INTERRUPTED, options.debug)
    except BrokenPipeError:
        # Who read our output has gone. The interpreter must not fail on it again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILURE
    except ConfigError as error:
        return _say(str(error), WRONG_USE, options.debug)
    except (DataError, OSError) as error:
        return _say(str(error), FAILURE, options.debug)
    except Exception as error:
        hint = "" if options.debug else " (--debug shows where)"
        return _say(f"{type(error).__name__}: {error}{hint}", FAILURE, options.debug)


@contextmanager
def _said_warnings() -> Iterator[None]:
    """Print each warning about data and plug-ins in a line on standard error."""
    ours = (DataWarning, PluginWarning)
    with warnings.catch_warnings():
        for category in ours:
            warnings.simplefilter("always", category)
        show = warnings.showwarning

        def say(message, category, *rest):
            if issubclass(category, ours):
                print("jaxad: warning:", message, file=sys.stderr)
            else:
                show(message, category, *rest)

        warnings.showwarning = say
        yield


def _dispatch(options: Options) -> int:
    """Import and run one command."""
    from jaxad.utils.compilation_cache import enable_compilation_cache
    from jaxad.utils.plugins import import_plugins

    enable_compilation_cache()
    import_plugins(options.imports, [Path.cwd()])
    name = next(name for name, kind in COMMANDS.items() if isinstance(options, kind))
    return import_module(f"jaxad.cli.{name}").execute(options)


def _say(message: str, code: int, debug: bool = False) -> int:
    """One line on standard error, after the traceback if that is asked for."""
    if debug:
        traceback.print_exc()
    print("jaxad:", " ".join(message.split()), file=sys.stderr)
    return code
