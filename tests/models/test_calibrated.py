"""The calibrated reconstruction: its two errors, its generated rows, and where norms are 0."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxad.models import Calibrated, Reconstruction
from jaxad.models.calibrated import scale_to_unit_norm
from jaxad.nets.build import autoencoder_nets
from jaxad.objectives import calibrated

KEY = jax.random.key(0)


def started(toy, norm="none", **settings):
    nets = autoencoder_nets((6,), None, (8, 4), norm, True, 0.1)
    model = Calibrated(*nets, **settings)
    return model, *model.init(KEY, toy.train)


@pytest.mark.parametrize("own", [False, True])
def test_the_two_errors_are_those_of_the_paper(toy, own):
    """To the row itself, and to the mean generated row or to a generated row of its own."""
    model, variables, extras = started(toy, generated=5, own=own)
    rows = jnp.pad(jax.random.normal(KEY, (5, 6)), ((0, 0), (0, 26)))
    extras = model.add_generated(variables, extras, rows)
    x = jnp.asarray(toy.train.x[:12])
    out = model.apply(variables, extras, x, train=True).out
    y = np.asarray(model.reconstruct(variables, jnp.pad(x, ((0, 0), (0, 26))), train=True).out)
    target = np.asarray(rows)[np.arange(12) % 5] if own else np.asarray(rows).mean(axis=0)
    objective = calibrated()
    assert objective.anomaly is not None
    np.testing.assert_allclose(objective.normal(out), np.sum((x - y[:, :6]) ** 2, 1), rtol=1e-5)
    expected = np.sum((target - y)[:, :6] ** 2, axis=1)
    np.testing.assert_allclose(objective.anomaly(out), expected, rtol=1e-5)
    np.testing.assert_allclose(out.code, model.encode(variables, x, train=True), rtol=1e-6)


def test_its_scores_are_those_of_a_reconstruction(toy):
    model, variables, extras = started(toy, norm="batch")
    plain = Reconstruction(model.encoder, model.decoder)
    for train in (False, True):
        ours = model.score(model.apply(variables, extras, toy.test.x, train).out)
        theirs = plain.apply(variables, plain.extras(variables, toy.train), toy.test.x, train).out
        np.testing.assert_allclose(ours, theirs, rtol=1e-6)


def test_rows_are_decoded_from_noise_around_the_mean_code(toy):
    model, variables, extras = started(toy, generated=4000)
    train = toy.train
    codes = np.asarray(model.encode(variables, train.x[train.label >= 0], train=False))
    np.testing.assert_allclose(extras["mean"], codes.mean(axis=0), atol=1e-5)
    exact = model.generate(variables, extras, 0.0, KEY)
    np.testing.assert_allclose(exact, exact[:1].repeat(4000, axis=0), atol=1e-6)
    assert not np.any(exact[:, 6:])
    for deviation in (1e-4, 1e-3):
        rows = model.generate(variables, extras, deviation, KEY)
        slope = jax.jacobian(lambda z: model.decode(variables, extras, z[None])[0])(extras["mean"])
        expected = deviation * np.linalg.norm(slope)
        np.testing.assert_allclose(
            np.sqrt(np.var(np.float64(rows), axis=0).sum()), expected, rtol=0.1
        )


@pytest.mark.parametrize("generated", [1, 3, 300])
def test_any_number_of_generated_rows_goes_with_any_batch(toy, generated):
    model, variables, extras = started(toy, generated=generated, own=True)
    out = model.apply(variables, extras, toy.train.x[:7], train=True).out
    assert out.calibrated.shape == (7,) and np.isfinite(out.calibrated).all()


def test_codes_of_norm_0_are_similar_to_nothing():
    z = jnp.array([[0.0, 0.0], [3.0, 4.0], [1e-25, 0.0]])
    np.testing.assert_allclose(scale_to_unit_norm(z)[:2], [[0, 0], [0.6, 0.8]], rtol=1e-6)
    assert (
        np.isfinite(jax.jacobian(scale_to_unit_norm)(z)).all()
        and np.isfinite(scale_to_unit_norm(z)).all()
    )


def test_labelled_anomalies_do_not_move_the_mean_code(toy):
    model, variables, extras = started(toy)
    x = toy.train.x.copy()
    x[toy.train.label < 0] = 1e3
    again = model.extras(variables, toy.train._replace(x=x))
    np.testing.assert_allclose(again["mean"], extras["mean"], rtol=1e-6)
