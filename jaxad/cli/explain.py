"""`jaxad explain`: draw what the scores of a saved detector come from."""

from jaxad.cli.explain_images import HIGHEST, IMAGE_FILES, LOWEST, draw_explanations
from jaxad.cli.explain_rows import CSV, explain_table
from jaxad.cli.explain_series import explain_timestamps
from jaxad.cli.explain_texts import explain_documents, shows_texts
from jaxad.cli.image_parts import read_folder, read_table
from jaxad.cli.options import Explain
from jaxad.cli.options.common import read_table_options
from jaxad.cli.outputs import check_outside
from jaxad.data import load_table
from jaxad.data.images.layouts import is_image_source
from jaxad.data.tables.options import TableOptions
from jaxad.errors import ConfigError
from jaxad.explain.pictures.base import check_picture
from jaxad.explain.text_pages import INDEX
from jaxad.saving import SavedDetector, open_detector
from jaxad.saving.pictures import open_pictures_to_score
from jaxad.utils.files import check_writable

__all__ = ["execute"]


def execute(options: Explain) -> int:
    """Explain the scores of a file's rows, and write pictures into a folder.

    Returns:
        The exit code: 0, or 3 where some rows could not be scored.

    Raises:
        ConfigError: There is no explanation of this kind for the detector.
    """
    saved = open_detector(options.folder)
    if saved.series is not None:
        _check_out(options, ())
        return explain_timestamps(saved, options)
    if options.threshold is not None:
        raise ConfigError("--threshold applies only to series")
    if shows_texts(saved, str(options.data)):
        _check_out(options, (INDEX,))
        return explain_documents(saved, options)
    if len(saved.shape) == 1:
        _check_out(options, (HIGHEST, LOWEST, CSV))
        return explain_table(saved, options, options.out / HIGHEST, options.out / LOWEST)
    if len(saved.shape) != 3:
        raise ConfigError(
            f"FOLDER: the detector in {options.folder} takes examples of shape {saved.shape}; only "
            "tables, images of shape (height, width, channels) and texts can be explained"
        )
    _refuse_table_options(options, "images")
    return _explain_images(saved, options)


def _explain_images(saved: SavedDetector, options: Explain) -> int:
    """Draw heat maps over images."""
    _check_out(options, IMAGE_FILES)
    check_outside("--out", options.out, options.data)
    if is_image_source(options.data):
        pictures = open_pictures_to_score(saved, str(options.data))
        return draw_explanations(saved, options, lambda: read_folder(saved, pictures))
    table = load_table(options.data, lenient=True)
    return draw_explanations(saved, options, lambda: read_table(table))


def _refuse_table_options(options: Explain, kind: str) -> None:
    if read_table_options(options) != TableOptions():
        raise ConfigError(
            f"--label and the other options of tables apply only to tables, not to {kind}"
        )


def _check_out(options: Explain, names: tuple[str, ...]) -> None:
    """Raise before anything is computed if the files cannot be written."""
    if options.most < 1:
        raise ConfigError(f"--most {options.most} must be at least 1")
    check_picture(HIGHEST)
    if options.out.exists() and not options.out.is_dir():
        raise ConfigError(f"--out {options.out} is a file; give a folder")
    there = [name for name in names if (options.out / name).exists()]
    if there and not options.force:
        raise ConfigError(
            f"--out {options.out} has {there[0]} already; give another folder, or --force"
        )
    check_writable(options.out.absolute())
