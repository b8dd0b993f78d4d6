"""The models of detectors that the host trains, as a file of skops, which is read without trust.

The file holds numbers, arrays and estimators of scikit-learn. The class of a score function is that
of the detector, which is made by the configuration; a file cannot name it.
"""

import zipfile
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any, get_args

import numpy as np

from jaxad.detector import HostScore
from jaxad.errors import DataError
from jaxad.utils.packed import check_archive

if TYPE_CHECKING:
    from sklearn.tree._tree import Tree

__all__ = ["MODELS", "TRUSTED", "dump_models", "load_models"]

MODELS = "models.skops"
# All types that a file may hold beside those that skops trusts. Trees are checked after loading.
TRUSTED = ("sklearn.tree._tree.Tree",)


def dump_models(models: tuple[HostScore, ...]) -> bytes:
    """Return the content of the file `MODELS`.

    Args:
        models: The score function of each seed, of the detector's `score_type`.
    """
    import skops.io

    content = {"models": [_take_apart(model) for model in models]}
    return skops.io.dumps(content, compression=zipfile.ZIP_DEFLATED, compresslevel=1)


def load_models(content: bytes, score_type: type, columns: int, what: str) -> tuple[Any, ...]:
    """Return the models that `dump_models` was given.

    Args:
        content: The bytes.
        score_type: The class of the detector's score functions.
        columns: How many columns the models take.
        what: Where the bytes come from, for errors.

    Raises:
        DataError: The bytes are not such a file, it holds a type that is not allowed, or its
            models are not those of this detector and these columns.
    """
    import skops.io

    check_archive(content, f"{what}: {MODELS} cannot be read")
    try:
        found = sorted(set(skops.io.get_untrusted_types(data=content)) - set(TRUSTED))
    except Exception as error:  # skops raises errors of many kinds for a broken file
        raise DataError(f"{what}: {MODELS} cannot be read ({error})") from error
    if found:
        raise DataError(
            f"{what}: {MODELS} holds {', '.join(found)[:200]}, which no detector of jaxad is made "
            "of; nothing of it was loaded. Do not trust this folder"
        )
    try:
        saved = skops.io.loads(content, trusted=list(TRUSTED))
        models = tuple(_put_together(values, score_type) for values in saved["models"])
        for model in models:
            _check_estimators(model)
            _check_scores(model(np.zeros((2, columns))))
    except Exception as error:  # whatever estimators of the wrong kinds raise
        raise DataError(
            f"{what}: {MODELS} does not hold models of {columns} columns ({error})"
        ) from error
    return models


def _take_apart(value: Any) -> Any:
    """Return a value with dictionaries for dataclasses, and without the trees of neighbours.

    Those trees hold indices that are not checked when they are used; they are built again.
    """
    from sklearn.neighbors import BallTree, KDTree

    if is_dataclass(value):
        return {field.name: _take_apart(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, list | tuple):
        return [_take_apart(one) for one in value]
    if isinstance(getattr(value, "_tree", None), KDTree | BallTree):
        without = value.__class__.__new__(value.__class__)
        without.__dict__.update(value.__dict__ | {"_tree": None})
        return without
    return value


def _put_together(value: Any, kind: Any = None) -> Any:
    """Return what `_take_apart` was given.

    Args:
        value: Its result.
        kind: The type of the field: a dataclass to make, a list of such, or one that may be None.
            Values of other types are left as they are.

    Raises:
        ValueError: The fields are not those of the dataclass.
    """
    kinds: list[Any] = [part for part in (kind, *get_args(kind)) if is_dataclass(part)]
    if isinstance(value, list):
        return [_put_together(one, kinds[0] if kinds else None) for one in value]
    if kinds and not (value is None and type(None) in get_args(kind)):
        types = {field.name: field.type for field in fields(kinds[0])}
        if not isinstance(value, dict) or value.keys() != types.keys():
            raise ValueError(f"a {kinds[0].__name__} has the fields {', '.join(types)}")
        return kinds[0](**{name: _put_together(value[name], types[name]) for name in types})
    if value is not None and hasattr(value, "_fit_method"):
        value._tree = _build_tree(value)
    return value


def _build_tree(neighbours: Any) -> Any:
    """Build the tree of fitted nearest neighbours as scikit-learn does; None for brute force."""
    from sklearn.neighbors import BallTree, KDTree

    kinds = {"kd_tree": KDTree, "ball_tree": BallTree}
    if neighbours._fit_method not in kinds:
        return None
    return kinds[neighbours._fit_method](
        np.asarray(neighbours._fit_X, np.float64),
        neighbours.leaf_size,
        metric=neighbours.effective_metric_,
        **neighbours.effective_metric_params_,
    )


def _check_scores(scores: np.ndarray) -> None:
    if scores.shape != (2,) or scores.dtype.kind != "f":
        raise ValueError("scores are one number for each row")


def _check_estimators(model: Any) -> None:
    """Check what scikit-learn's compiled code uses without a check: indices, and lengths of arrays.

    Raises:
        ValueError: Part of an estimator does not fit the others.
    """
    for value in _list_values(model):
        if not hasattr(value, "get_params"):
            continue
        widths, parts = set(), list(_walk(value))
        for part in parts:
            widths |= {getattr(part, "n_features_in_", None)} - {None}
            if (tree := getattr(part, "tree_", None)) is not None:
                _check_tree(tree)
                widths.add(tree.n_features)
            if hasattr(part, "support_vectors_"):
                _check_support_vectors(part)
        if len(widths) > 1:
            raise ValueError(f"a {type(value).__name__} has parts of {sorted(widths)} columns")


def _list_values(model: Any) -> Iterator[Any]:
    """Yield the values of a dataclass, those of its dataclasses and those of its lists."""
    if is_dataclass(model):
        for field in fields(model):
            yield from _list_values(getattr(model, field.name))
    elif isinstance(model, list):
        for one in model:
            yield from _list_values(one)
    else:
        yield model


def _walk(estimator: Any) -> Iterator[Any]:
    """Yield an estimator and those of its ensemble."""
    from sklearn.tree import BaseDecisionTree

    yield estimator
    members = getattr(estimator, "estimators_", [])
    if isinstance(members, np.ndarray) and (members.ndim != 2 or members.shape[1] != 1):
        raise ValueError("boosting of two classes has one tree for each iteration")
    for member in np.ravel(members).tolist():
        if not isinstance(member, BaseDecisionTree):
            raise ValueError(f"an ensemble holds a {type(member).__name__}")
        yield member


def _check_tree(tree: "Tree") -> None:
    """Raise a `ValueError` if a node of a tree leads out of it, or back."""
    from sklearn.tree._tree import Tree

    if not isinstance(tree, Tree) or not 0 < tree.node_count <= tree.capacity:
        raise ValueError("an ensemble holds a broken tree")
    place = np.arange(tree.node_count)
    left, right, feature = tree.children_left, tree.children_right, tree.feature
    inner = left != -1
    good = all(
        ((child > place) & (child < tree.node_count))[inner].all() for child in (left, right)
    )
    if not good or not ((feature >= 0) & (feature < tree.n_features))[inner].all():
        raise ValueError("a node of a tree leads out of it")


def _check_support_vectors(machine: Any) -> None:
    """Raise a `ValueError` if the arrays of a one-class SVM are not of one length."""
    count = len(machine.support_vectors_)
    shapes = {
        "support_vectors_": (count, machine.n_features_in_),
        "support_": (count,),
        "dual_coef_": (1, count),
        "_dual_coef_": (1, count),
        "intercept_": (1,),
        "_intercept_": (1,),
        "_n_support": (2,),
        "_probA": (0,),
        "_probB": (0,),
    }
    for name, shape in shapes.items():
        if np.shape(getattr(machine, name)) != shape:
            raise ValueError(f"{name} of a support vector machine must have shape {shape}")
    if machine._n_support.tolist() != [count, count] or machine._sparse:
        raise ValueError("_n_support of a support vector machine does not fit its vectors")
