"""Scores out of bag: of a training row by the members alone whose bag does not hold it."""

import numpy as np
from jaxtyping import Bool, Float

from jaxad.detector import Detector, HostDetector
from jaxad.detectors.members import BagRecord, get_member_scores
from jaxad.sampling.bags import Bags
from jaxad.training.fitted import Fit
from jaxad.training.inference import apply_to_rows
from jaxad.training.stacking import as_partial, stack_functions
from jaxad.types import TrainData

__all__ = ["OUT_OF_BAG", "compute_out_of_bag", "has_bags", "was_bagged"]

OUT_OF_BAG = "out_of_bag"  # a field of the models of bags, and the method that reads it


def has_bags(detector: Detector | HostDetector) -> bool:
    """Return whether a detector is trained on bags of rows."""
    if isinstance(detector, HostDetector):
        return OUT_OF_BAG in getattr(detector.score_type, "__annotations__", {})
    return isinstance(detector.sampler, Bags)


def was_bagged(fitted: Fit) -> bool:
    """Return whether a fit knows the bags that its rows were in."""
    if fitted.models:
        return all(hasattr(model, OUT_OF_BAG) for model in fitted.models)
    return isinstance(getattr(fitted.state, "weighting", None), BagRecord)


def compute_out_of_bag(fitted: Fit, train: TrainData) -> Float[np.ndarray, "seeds n"]:
    """Return the scores of the training rows by the members whose bag does not hold them.

    Rows that are in all bags, as labelled anomalies are, have the score of all members; rows of
    padding have NaN on the host, and on devices a value without a meaning.

    Args:
        fitted: A fit that knows its bags.
        train: What it was trained on.
    """
    n = np.shape(train.label)[-1]
    if not fitted.models:
        return _average(_score_by_member(fitted, train), _list_bags(fitted)[..., :n])
    stacked = np.full((len(fitted.models), n), np.nan)
    for of_seed, model in zip(stacked, fitted.models, strict=True):
        of_seed[: len(model.out_of_bag)] = model.out_of_bag
    return stacked


def _score_by_member(fitted: Fit, train: TrainData) -> Float[np.ndarray, "seeds n members"]:
    detectors = [one for one in fitted.detectors if isinstance(one, Detector)]
    functions = stack_functions(detectors, lambda one: as_partial(get_member_scores(one)))
    assert fitted.state is not None
    rows, count = np.asarray(train.x), np.asarray(train.count)
    return apply_to_rows(functions, fitted.state, rows, count, fitted.seeds, fitted.mode)


def _list_bags(fitted: Fit) -> Bool[np.ndarray, "seeds members n"]:
    assert fitted.state is not None
    return np.asarray(fitted.state.weighting.in_bag)


def _average(
    scores: Float[np.ndarray, "seeds n members"], in_bag: Bool[np.ndarray, "seeds members n"]
) -> Float[np.ndarray, "seeds n"]:
    counts = ~in_bag.swapaxes(1, 2)
    counts |= ~counts.any(axis=-1, keepdims=True)
    return np.mean(scores, axis=-1, where=counts)
