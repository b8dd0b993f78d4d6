"""Real NVP: its density integrates to one, its determinant is that of its derivative."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxad
from jaxad.errors import ConfigError
from jaxad.types import TestData as Rows
from jaxad.types import TrainData


@pytest.fixture(scope="module")
def plane():
    """A fit to two columns."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(400, 2)) @ np.array([[1.0, 0.8], [0.0, 0.6]])
    train = TrainData(x.astype(np.float32), np.zeros(400, np.int8), np.int32(400), np.int32(2))
    detector = jaxad.make("real_nvp", train, epochs=40, widths=(16,), couplings=4)
    return train, jaxad.fit(detector, train)


def scores(fit, x):
    n = len(x)
    rows = Rows(x.astype(np.float32), np.zeros(n, np.int8), np.int32(n), np.zeros(n, bool))
    return jaxad.score(fit, rows)[0]


def test_the_density_integrates_to_one(plane):
    _, fit = plane
    axis = np.linspace(-7, 7, 141)
    grid = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    mass = np.exp(-scores(fit, grid).astype(float)).sum() * (axis[1] - axis[0]) ** 2
    np.testing.assert_allclose(mass, 1, rtol=0.01)


def test_the_density_comes_close_to_that_of_the_data(plane):
    train, fit = plane
    mixing = np.array([[1.0, 0.8], [0.0, 0.6]])
    covariance = mixing.T @ mixing
    energy = np.einsum("ni,ij,nj->n", train.x, np.linalg.inv(covariance), train.x)
    truth = 0.5 * energy + 0.5 * np.log((2 * np.pi) ** 2 * np.linalg.det(covariance))
    found = scores(fit, train.x)
    assert abs(found.mean() - truth.mean()) < 0.1
    assert np.corrcoef(found, truth)[0, 1] > 0.95


def test_the_determinant_is_that_of_the_derivative(plane):
    train, fit = plane
    model = fit.single.parts.model
    state = jax.tree.map(lambda leaf: leaf[0], fit.state)
    row = jnp.asarray(train.x[0])

    def map_row(x):
        return model.transform(state.variables, state.extras, x[None])[0][0, :2]

    _, log_det = model.transform(state.variables, state.extras, row[None])
    derivative = jax.jacobian(map_row)(row)
    np.testing.assert_allclose(jnp.linalg.slogdet(derivative)[1], log_det[0], atol=1e-4)


def test_it_takes_tables_only_and_at_least_one_coupling(toy):
    images = jaxad.contaminate(
        jaxad.data.from_arrays(np.zeros((40, 8, 8, 1), np.uint8), np.repeat([0, 1], 20)), 0
    )
    with pytest.raises(ConfigError, match="real_nvp takes rows of a table only"):
        jaxad.make("real_nvp", images.train)
    with pytest.raises(ConfigError, match="couplings must be a whole number of at least 1"):
        jaxad.make("real_nvp", toy.train, couplings=0)
