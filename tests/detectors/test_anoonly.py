"""AnoOnly: no loss on normal rows, which act through BatchNorm; and the edges of its four bases."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.tree_util import Partial

import jaxad
from jaxad.errors import ConfigError, DataError
from jaxad.sampling.pairs import Pairs
from jaxad.types import Batch

KEY = jax.random.key(0)
BASES = ["deep_sad", "devnet", "feawad", "prenet"]
NAMES = [f"anoonly_{base}" for base in BASES]
BALANCED = [name for base in BASES[1:] for name in (base, f"anoonly_{base}")]
PLAIN = {"weight_decay": 0.0}
every = pytest.mark.parametrize("name", NAMES)


def without_pretraining(name):
    return {} if "devnet" in name or "prenet" in name else {"pretrain_epochs": 0}


# Numbers are leaves of a detector's functions: what differs in them compiles once.
@jax.jit
def started(init, begin, train):
    return begin(init(KEY, train), train, KEY)


@jax.jit
def updated(update, state, batch):
    return update(state, batch, KEY)


def batch_for(detector, train):
    """A batch of 32 rows or pairs."""
    index = jnp.arange(32)
    if isinstance(detector.sampler, Pairs):
        index = jnp.stack([index, index + 32], axis=1)
    return Batch(jnp.asarray(train.x)[index], jnp.asarray(train.label)[index], index, jnp.zeros(()))


def step(detector, train, change=None):
    """Loss, gradient by plain descent, and the new state, for a batch of 32 rows or pairs."""
    batch = batch_for(detector, train)
    batch = batch if change is None else change(batch)
    state = started(Partial(detector.init), Partial(detector.begin), train)
    new, info = updated(Partial(detector.update), state, batch)
    return info["loss"], jax.tree.map(lambda a, b: a - b, state.params, new.params), new


def bare(batch):
    """The batch without its labelled anomalies."""
    return batch._replace(label=jnp.maximum(batch.label, 0))


def largest(tree):
    return max(float(jnp.max(jnp.abs(leaf))) for leaf in jax.tree.leaves(tree))


def sgd(name, train, **config):
    config = PLAIN | {"optimiser": "sgd", "learning_rate": 1.0} | without_pretraining(name) | config
    return jaxad.make(name, train, **config)


@every
def test_a_batch_without_labelled_anomalies_has_loss_and_gradient_zero(toy, name):
    loss, grad, new = step(sgd(name, toy.train), toy.train, bare)
    assert loss == 0 and largest(grad) == 0
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(new.batch_stats))


@every
def test_normal_rows_act_through_batch_norm_and_through_nothing_else(toy, name):
    """Another unlabelled row changes the gradient; without a normalisation it does not."""
    row = int(np.flatnonzero(toy.train.label[:32] == 0)[0])
    if name == "anoonly_prenet":  # whose pairs have their rows at 32 and on too
        row = int(np.flatnonzero((toy.train.label[:32] == 0) & (toy.train.label[32:64] == 0))[0])

    def move(batch):
        return batch._replace(x=batch.x.at[row].add(3.0))

    for config, seen in ({}, True), ({"norm": "none", "allow_no_norm": True}, False):
        detector = sgd(name, toy.train, **config)
        _, before, _ = step(detector, toy.train)
        _, after, _ = step(detector, toy.train, move)
        change = largest(jax.tree.map(lambda a, b: a - b, before, after))
        assert largest(before) > 0
        assert (change > 1e-4 * largest(before)) == seen


@pytest.mark.parametrize("base", BASES)
def test_with_the_whole_weight_on_normal_rows_it_is_the_base(toy, base):
    norm = {"norm": "batch_no_affine"}
    ours = sgd(f"anoonly_{base}", toy.train, normal_weight=1.0, **norm)
    theirs = sgd(base, toy.train, **norm)
    one, two = step(ours, toy.train), step(theirs, toy.train)
    np.testing.assert_allclose(one[0], two[0], rtol=1e-6)
    assert largest(jax.tree.map(lambda a, b: a - b, one[1], two[1])) <= 1e-5 * largest(two[1])
    half = step(sgd(f"anoonly_{base}", toy.train, normal_weight=0.5, **norm), toy.train)[0]
    none = step(sgd(f"anoonly_{base}", toy.train, normal_weight=0.0, **norm), toy.train)[0]
    np.testing.assert_allclose(half, (one[0] + none) / 2, rtol=1e-4)
    assert none < one[0]


def test_the_loss_of_prenet_is_that_of_its_three_kinds_of_pairs(toy):
    detector = sgd("prenet", toy.train, norm="none")
    state = detector.init(KEY, toy.train)
    first, second = jnp.arange(32), jnp.arange(32) + 20
    index = jnp.stack([first, second], axis=1)
    label = jnp.asarray(toy.train.label)[index]
    number = np.asarray((label < 0).sum(axis=1))
    assert set(number) == {0, 1, 2} or set(number) == {0, 1}
    batch = Batch(jnp.asarray(toy.train.x)[index], label, index, jnp.zeros(()))
    # With labels of no kind and target 0 the loss is the mean of |s|.
    _, info = detector.update(state, batch, KEY)
    x = jnp.pad(batch.x, ((0, 0), (0, 0), (0, 26)))
    branch, head = state.params["branch"]["input"], state.params["head"]["head"]
    h = jax.nn.relu(x @ branch["kernel"] + branch["bias"]).reshape(32, -1)
    s = np.asarray(h @ head["kernel"] + head["bias"])[:, 0]
    np.testing.assert_allclose(info["loss"], np.abs(4 * number - s).mean(), rtol=1e-5)


def test_a_labelled_normal_row_does_not_undo_the_anomaly_of_its_pair(toy):
    """Labels of a pair are not simply summed: -1 and +1 would make an unlabelled pair."""
    detector = sgd("anoonly_prenet", toy.train)

    def pair(one, two):
        label = jnp.tile(jnp.array([[one, two]], jnp.int8), (32, 1))
        return step(detector, toy.train, lambda batch: batch._replace(label=label))[0]

    assert pair(1, 1) == pair(0, 0) == pair(1, 0) == 0
    np.testing.assert_allclose(pair(-1, 1), pair(-1, 0))
    assert pair(-1, 0) > 3 and pair(-1, -1) > 7


@pytest.mark.parametrize("name", NAMES + BALANCED[::2])
def test_one_labelled_anomaly_is_enough(toy, quick, name):
    label = np.zeros_like(toy.train.label)
    label[np.flatnonzero(toy.train.label < 0)[0]] = -1
    train = toy.train._replace(label=label)
    fit = jaxad.fit(quick(name, train, epochs=3), train, seeds=2)
    assert np.isfinite(fit.history["train"]["loss"]).all()
    scores = jaxad.score(fit, toy.test)
    assert np.isfinite(scores).all() and len(np.unique(scores)) > 50


@pytest.mark.parametrize("name", BALANCED)
def test_without_a_labelled_anomaly_fit_says_so(toy, quick, name):
    train = toy.train._replace(label=np.maximum(toy.train.label, 0))
    with pytest.raises(DataError, match="at least 1 labelled anomaly"):
        jaxad.fit(quick(name, train), train)


@every
def test_few_normal_rows_and_a_constant_column_are_no_trouble(toy, quick, name):
    """Three rows that are not labelled anomalies for half a batch of 32; all anomalies labelled."""
    keep = np.concatenate(
        [np.flatnonzero(toy.train.label < 0), np.flatnonzero(toy.train.label == 0)[:3]]
    )
    x = toy.train.x[keep]
    x[:, 2] = 7.0
    train = toy.train._replace(x=x, label=toy.train.label[keep], count=np.int32(len(keep)))
    fit = jaxad.fit(quick(name, train, epochs=3), train, seeds=2)
    assert np.isfinite(fit.history["train"]["loss"]).all()
    assert np.isfinite(jaxad.score(fit, toy.test)).all()


@pytest.mark.parametrize(("name", "size"), [*zip(NAMES, (1, 2, 2, 4), strict=True)])
@pytest.mark.parametrize("norm", ["batch_no_affine", "explicit"])
def test_the_smallest_batches_stay_finite(toy, name, size, norm):
    """BatchNorm of one row gives zeros; an explicit loss asks it for the impossible."""

    def first(batch):
        return jax.tree.map(lambda leaf: leaf[:size] if leaf.ndim else leaf, batch)

    detector = sgd(name, toy.train, norm=norm)

    def anomalous(batch):
        return first(batch._replace(label=-jnp.ones_like(batch.label)))

    for change in (first, anomalous):
        loss, grad, new = step(detector, toy.train, change)
        assert np.isfinite(loss) and np.isfinite(largest(grad))
        assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(new.batch_stats))


@every
def test_a_network_without_normalisation_is_refused_unless_told(toy, name):
    with pytest.raises(ConfigError, match="norm must be"):
        jaxad.make(name, toy.train, norm="none")
    assert jaxad.make(name, toy.train, norm="none", allow_no_norm=True).config.norm == "none"


@every
def test_the_explicit_loss_is_added_to_that_of_anomalies(toy, name):
    """With and without labelled anomalies the difference is the same: the penalty of the batch."""
    detector = sgd(name, toy.train, norm="explicit")
    loss, grad, _ = step(detector, toy.train, bare)
    assert loss > 0 and largest(grad) > 0
    state = started(Partial(detector.init), Partial(detector.begin), toy.train)
    x = batch_for(detector, toy.train).x
    penalty = detector.parts.model.apply(state.variables, state.extras, x, train=True).penalty
    np.testing.assert_allclose(loss, penalty, rtol=1e-5)
    without = sgd(name, toy.train, norm="none", allow_no_norm=True)
    both, alone = step(detector, toy.train)[0], step(without, toy.train)[0]
    np.testing.assert_allclose(both - alone, loss, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "own"),
    [
        ("devnet", {"learning_rate": 1e-3, "batch_size": 512, "weight_decay": 0.02}),
        ("feawad", {"pretrain_epochs": 100, "code_widths": (128, 64), "widths": (256, 32)}),
        ("prenet", {"epochs": 50}),
    ],
)
def test_a_base_has_the_settings_of_its_own_paper_on_request(toy, name, own):
    default, original = (
        jaxad.make(name, toy.train, **v).config for v in ({}, {"variant": "original"})
    )
    for field, value in own.items():
        assert getattr(original, field) == value != getattr(default, field)
    assert jaxad.make(name, toy.train, variant="original", epochs=7).config.epochs == 7


def test_the_released_devnet_has_no_hinge_and_no_deviation(toy):
    released, paper = (
        sgd("devnet", toy.train, variant=v, norm="none", margin=0.01)
        for v in ("released", "anoonly")
    )
    state = released.init(KEY, toy.train)
    assert state.extras["mean"] == 0 and state.extras["std"] == 1
    only = toy.train._replace(label=np.full_like(toy.train.label, -1))
    s = np.asarray(released.score(state, only.x[:32]))
    np.testing.assert_allclose(step(released, only)[0], (0.01 - s).mean(), rtol=1e-4)
    dev = np.asarray(paper.score(paper.init(KEY, toy.train), only.x[:32]))
    np.testing.assert_allclose(step(paper, only)[0], np.maximum(0, 0.01 - dev).mean(), rtol=1e-4)


def test_feawad_keeps_the_autoencoder_of_its_pre_training(toy, quick):
    detector = quick("feawad", toy.train)
    (phase,) = detector.before
    parts = {"update": phase.update, "begin": phase.begin, "sampler": phase.sampler}
    alone = detector._replace(**parts, epochs=phase.epochs, before=())
    trained = jaxad.fit(alone, toy.train)
    loss = trained.history["train"]["loss"]
    assert loss[0, -5:].mean() < loss[0, :5].mean()
    start = jaxad.fit(detector._replace(epochs=0), toy.train).state
    for part in ("encoder", "decoder"):
        jax.tree.map(np.testing.assert_array_equal, trained.state.params[part], start.params[part])
    assert "scorer" in start.params and "scorer" not in trained.state.params


def test_devnet_takes_images_and_no_sequences():
    images = np.random.default_rng(0).integers(0, 255, (20, 8, 8, 1)).astype(np.uint8)
    label = np.repeat([-1, 0], [4, 16]).astype(np.int8)
    train = jaxad.TrainData(images, label, np.int32(20), np.int32(1))
    detector = jaxad.make("anoonly_devnet", train, channels=(2,), widths=(4,), epochs=1, steps=2)
    assert detector.convolutional
    scores = jaxad.score(jaxad.fit(detector, train), images)
    assert scores.shape == (1, 20) and np.isfinite(scores).all()
    with pytest.raises(ConfigError, match="table or images"):
        jaxad.make("devnet", train._replace(x=images[..., 0]))


@pytest.mark.parametrize("name", ["feawad", "prenet"])
def test_tables_alone_are_taken(name):
    images = np.zeros((20, 8, 8, 1), np.uint8)
    label = np.repeat([-1, 0], [4, 16]).astype(np.int8)
    train = jaxad.TrainData(images, label, np.int32(20), np.int32(1))
    with pytest.raises(ConfigError, match=f"{name} takes rows of a table"):
        jaxad.make(name, train)


@pytest.mark.parametrize("name", ["anoonly_devnet", "anoonly_prenet"])
def test_labelled_anomalies_can_be_left_out_of_the_statistics(toy, name):
    def move(batch):
        return batch._replace(x=batch.x + 3 * (batch.label < 0)[..., None])

    for statistics, moves in (("all", True), ("normal", False)):
        detector = sgd(name, toy.train, statistics=statistics)
        stats = [step(detector, toy.train, change)[2].batch_stats for change in (None, move)]
        first, second = (np.concatenate(list(map(np.ravel, jax.tree.leaves(s)))) for s in stats)
        assert np.isfinite(first).all() and (np.abs(first - second).max() > 1e-4) == moves


def test_statistics_need_batch_norm(toy):
    with pytest.raises(ConfigError, match="statistics must be 'all' without BatchNorm"):
        jaxad.make("anoonly_devnet", toy.train, norm="layer", statistics="normal")
    with pytest.raises(ConfigError, match="statistics must be"):
        jaxad.make("devnet", toy.train, weighting="by_label, anoonly(statistics='some')")
