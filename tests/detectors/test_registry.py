"""What holds for every registered detector: registering one puts it under these tests."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxad
from jaxad.detectors import REGISTRY
from jaxad.sampling.bags import Bags
from jaxad.sampling.pairs import Pairs
from jaxad.sampling.triplets import Triplets
from jaxad.types import Batch
from jaxad.utils.timing import count_compilations

OURS = [name for name, found in REGISTRY.items() if not found.host]
WITH_LABELS = [name for name in OURS if REGISTRY[name].uses_labels]
WITHOUT = [name for name in OURS if name not in WITH_LABELS]
every = pytest.mark.parametrize("name", OURS)
# Detectors of the same models and learners as others that have another weighting or other numbers.
ALIKE = {
    *(n for n in OURS if n.startswith(("anoonly_", "contradicting_"))),
    *("calibrated_autoencoder", "elite_autoencoder", "gt_plus"),
}
ROWS = 64


def take(train, rows=ROWS):
    """A batch of the first rows, and what is known of them."""
    index = jnp.arange(rows)
    return Batch(jnp.asarray(train.x[:rows]), jnp.asarray(train.label[:rows]), index, jnp.zeros(()))


def in_pairs(batch):
    """Every row of a batch with the row after the next."""
    index = jnp.stack([batch.index, jnp.roll(batch.index, 2)], axis=1)
    return Batch(batch.x[index], batch.label[index], index, batch.epoch)


def in_triplets(batch):
    """Every row of a batch with the row after the next and the one as far again."""
    index = jnp.stack([jnp.roll(batch.index, 2 * i) for i in range(3)], axis=1)
    return Batch(batch.x[index], batch.label[index], index, batch.epoch)


def group(sampler, batch):
    """The rows of a batch in the groups that a sampler draws."""
    if isinstance(sampler, Bags):  # each member gets all of them
        tiled = jax.tree.map(
            lambda v: jnp.concatenate([v] * sampler.members), batch._replace(epoch=None)
        )
        return tiled._replace(epoch=batch.epoch)
    together = {Pairs: in_pairs, Triplets: in_triplets}.get(type(sampler))
    return batch if together is None else together(batch)


def by_hand(detector, train, key, label=None, steps=3):
    """The state after a few steps of each phase by the contract alone, and the last loss.

    Other labels of the first rows are given in the batch; a detector whose batches hold no labelled
    rows reads them in the training data.
    """
    batch = take(train)
    if label is not None:
        batch = batch._replace(label=jnp.asarray(label, jnp.int8))
        sampler = detector.sampler
        if not (getattr(sampler, "labelled_anomalies", 1) or sampler.labelled_normals):
            train = train._replace(label=jnp.asarray(train.label).at[: len(label)].set(label))
    state = detector.init(key, train)
    for phase in detector.phases:
        state = phase.begin(state, train, key)
        state = phase.each_epoch(state, train, batch.epoch)
        rows = group(phase.sampler, batch)

        def update(state, step, phase=phase, rows=rows):
            return phase.update(state, rows, jax.random.fold_in(key, step))

        state, infos = jax.lax.scan(update, state, jnp.arange(steps))
    return state, jax.tree.map(lambda values: values[-1], infos)


def moved(one, two):
    """The largest difference between the parameters of two states."""
    leaves = jax.tree.map(lambda a, b: np.max(np.abs(a - b)), one.params, two.params)
    return max(jax.tree.leaves(leaves))


@every
def test_it_learns_blobs(fitted, toy_for, name):
    """A sanity check, not a benchmark: the anomalies are three deviations off, or run backwards."""
    toy = toy_for(name)
    fit = fitted(name)
    assert jaxad.evaluate(fit, toy.test).auroc.per_seed.min() > 0.9
    loss = fit.history["train"]["loss"]
    assert np.isfinite(loss).all()
    assert (loss[:, -10:].mean(axis=1) < loss[:, :10].mean(axis=1)).all()


@every
def test_scores_tell_rows_apart_and_seeds_differ(fitted, toy_for, name):
    toy = toy_for(name)
    scores = jaxad.score(fitted(name), toy.test)
    assert np.isfinite(scores).all()
    for of_seed in scores:
        assert len(np.unique(of_seed)) > 0.9 * len(of_seed)
        assert of_seed.std() > 1e-3 * np.abs(of_seed).mean()
    assert not np.allclose(*scores, rtol=1e-3)


@every
def test_a_row_s_score_does_not_depend_on_the_rows_beside_it(fitted, toy_for, name):
    toy = toy_for(name)
    x = toy.test.x
    together = jaxad.score(fitted(name), x)
    for rows in (x[:1], x[10:13], x[::-1]):
        equal = (x[:, None] == rows).reshape(len(x), len(rows), -1)
        where = np.flatnonzero(equal.all(axis=2).any(axis=1))
        where = where[::-1] if len(rows) == len(x) else where
        np.testing.assert_allclose(
            jaxad.score(fitted(name), rows), together[:, where], rtol=1e-4, atol=1e-5
        )


@every
def test_other_numbers_and_keys_compile_nothing(quick, toy_for, name):
    toy = toy_for(name)
    # Fitted here and not before: JAX forgets the oldest of many thousand programs.
    jaxad.score(jaxad.fit(quick(name, toy.train), toy.train, seeds=2), toy.test)
    numbers = {
        "learning_rate": 3e-3,
        "weight_decay": 1e-4,
        "epochs": 7,
        "eta": 2.0,
        "eta_meta": 2.0,
        "lam": 5.0,
    }
    known = REGISTRY[name].config.__dataclass_fields__
    detector = quick(name, toy.train, **{k: v for k, v in numbers.items() if k in known})
    before = count_compilations()
    fit = jaxad.fit(detector, toy.train, seeds=2, key=5)
    jaxad.score(fit, toy.test)
    assert count_compilations() == before
    assert fit.seconds.programs == 0


@every
def test_it_scores_the_same_after_loading(fitted, toy_for, tmp_path, name):
    toy = toy_for(name)
    fit = fitted(name)
    loaded, _ = jaxad.load(jaxad.save(fit, tmp_path / name))
    np.testing.assert_array_equal(jaxad.score(loaded, toy.test), jaxad.score(fit, toy.test))


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[pytest.mark.slow] * (n in ALIKE)) for n in OURS]
)
def test_the_contract_under_jit_and_vmap(quick, toy_for, name):
    """Init, begin, update and score without the trainer; two keys at once are each key alone."""
    toy = toy_for(name)
    detector = quick(name, toy.train)

    def run(key):
        state, info = by_hand(detector, toy.train, key)
        return detector.score(state, jnp.asarray(toy.test.x)), info

    keys = jax.random.split(jax.random.key(0), 2)
    scores, info = jax.jit(jax.vmap(run))(keys)
    assert scores.shape == (2, len(toy.test.x)) and info["loss"].shape == (2,)
    run = jax.jit(run)
    for i, key in enumerate(keys):
        alone, info_alone = run(key)
        # Adam amplifies rounding where a gradient is nearly 0.
        np.testing.assert_allclose(scores[i], alone, rtol=1e-3, atol=1e-3 * np.abs(alone).max())
        np.testing.assert_allclose(info["loss"][i], info_alone["loss"], rtol=1e-4)


@pytest.fixture(scope="module")
def updates(toy_for, quick):
    """The state and the loss after a few steps on a batch with some labels, for one program."""
    compiled = {}

    def run(name, label):
        if name not in compiled:
            train = toy_for(name).train
            detector = quick(name, train, **one_phase(name))
            key = jax.random.key(0)
            compiled[name] = jax.jit(lambda label: by_hand(detector, train, key, label, 1))
        state, info = compiled[name](np.asarray(label, np.int8))
        return state, float(info["loss"])

    return run


def one_phase(name):
    """Settings without pre-training, and such that other settings don't drown what labels do."""
    if name == "repen":
        return {"margin": 10.0}
    if name == "pu_bagging_network":  # many networks before training agree on nothing
        return {"members": 1}
    fields = REGISTRY[name].config.__dataclass_fields__
    return {"pretrain_epochs": 0} if "pretrain_epochs" in fields else {}


@pytest.mark.parametrize("name", WITH_LABELS)
def test_labels_change_the_gradient_and_permuting_them_the_loss(updates, toy_for, name):
    """Popular libraries ship detectors that fail this."""
    toy = toy_for(name)
    label = toy.train.label[:ROWS]
    assert (label < 0).sum() >= 3
    state, loss = updates(name, label)
    bare, bare_loss = updates(name, np.maximum(label, 0))
    assert moved(state, bare) > 1e-5
    assert abs(loss - bare_loss) > 1e-3 * abs(loss)
    other, permuted_loss = updates(name, np.roll(label, 7))
    assert moved(state, other) > 1e-5
    assert abs(loss - permuted_loss) > 1e-3 * abs(loss)


@pytest.mark.parametrize("name", [n for n in WITH_LABELS if n != "repen"])
def test_a_batch_of_anomalies_only_is_not_trained_as_normal(quick, toy_for, name):
    """Their scores must end above those that the same rows get as unlabelled ones.

    Triplets of REPEN are made of rows that its first scores choose, whatever a batch says.
    """
    train = toy_for(name).train
    detector = quick(name, train, **one_phase(name))
    batch, key = take(train), jax.random.key(0)
    rows = group(detector.sampler, batch)
    update = jax.jit(detector.update)
    start = detector.begin(detector.init(key, train), train, key)
    scores = []
    for value in (-1, 0):
        state, given = start, rows._replace(label=jnp.full_like(rows.label, value))
        for step in range(40):
            state, info = update(state, given, jax.random.fold_in(key, step))
            assert np.isfinite(info["loss"])
        scores.append(detector.score(state, train.x[:ROWS]).mean())
    assert scores[0] > scores[1]


@pytest.mark.parametrize("name", WITHOUT)
def test_labelled_normals_are_rows_like_any_other_without_use_of_labels(updates, toy_for, name):
    toy = toy_for(name)
    label = np.maximum(toy.train.label[:ROWS], 0)
    state, loss = updates(name, label)
    other, permuted_loss = updates(name, np.roll(label, 7))
    assert moved(state, other) == 0
    assert loss == permuted_loss


@pytest.mark.parametrize("name", WITHOUT)
def test_labelled_anomalies_are_never_seen_without_use_of_labels(fitted, quick, toy_for, name):
    toy = toy_for(name)
    x = toy.train.x.copy()
    x[toy.train.label < 0] = 1e6 if x.dtype.kind == "f" else x.max()
    train = toy.train._replace(x=x)
    fit = jaxad.fit(quick(name, train), train, seeds=2)
    np.testing.assert_array_equal(jaxad.score(fit, toy.test), jaxad.score(fitted(name), toy.test))


@every
def test_the_entry_says_what_it_is(name):
    found = REGISTRY[name]
    assert found.name == name
    assert found.summary.endswith((".", ";")) and len(found.summary) <= 100
