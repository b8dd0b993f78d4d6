"""Deep SVDD on features of a network that was trained to tell letters apart.

In tables 4.2 and 4.4 of the thesis of Ruff (2021), Deep SVDD of digits starts from whitened
features of a network trained on the letters of EMNIST. Here they are the ten letters of notMNIST.
"""

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.tree_util import Partial

import jaxad
from jaxad.data import fit_scaling
from jaxad.models import Hypersphere
from jaxad.nets.base import Net
from jaxad.types import Key, State, TrainData, Variables

LETTERS = "notmnist_10k"
CODE = "dense_0"  # the last layer of the thesis's network for MNIST
HELD_OUT = 1000
BATCH = 100


def fit_on_letters(
    x: np.ndarray, letters: jaxad.Dataset, settings: dict, epochs: int, seeds: int
) -> jaxad.Fit:
    """Train Deep SVDD from whitened features of letters.

    Args:
        x: `(n, 28, 28, 1)` clean images in [0, 1].
        letters: The letters.
        settings: The settings of Deep SVDD.
        epochs: The number of epochs on the images; 0 to leave the features as they are.
        seeds: The number of seeds of the training on the images.
    """
    train = jaxad.as_train_data(x)
    length = {"epochs": epochs} if epochs else {"epochs": 1, "learning_rate": 1e-12}
    detector = jaxad.make("deep_svdd", train, pretrain_epochs=0, **settings, **length)
    model = detector.parts.model
    features = whiten(model.encoder, train_classifier(model.encoder, letters), x)
    start = Partial(_start, detector.init, model, features)
    return jaxad.fit(detector._replace(init=start), train, seeds=seeds)


def train_classifier(encoder: Net, letters: jaxad.Dataset, epochs: int = 10) -> Variables:
    """Train an encoder, followed by leaky ReLU and a linear layer, to classify letters."""
    x = (np.asarray(letters.x).reshape(-1, 28, 28, 1) / 255).astype(np.float32)
    _, label = np.unique(letters.y, return_inverse=True)
    rng = np.random.default_rng(0)
    order = rng.permutation(len(x))
    rows, held_out = order[HELD_OUT:], order[:HELD_OUT]
    variables = encoder.init(jax.random.key(0), 1)
    width = encoder.apply(*variables, x[:1], train=False).out.shape[1]
    params = {"encoder": variables.params, "head": jnp.zeros((width, label.max() + 1))}
    adam = optax.adam(1e-3)

    def classify(params, stats, x, train):
        applied = encoder.apply(params["encoder"], stats, x, train)
        return jax.nn.leaky_relu(applied.out, 0.1) @ params["head"], applied.batch_stats

    @jax.jit
    def step(params, stats, opt_state, x, label):
        def loss(params):
            logits, after = classify(params, stats, x, True)
            losses = optax.softmax_cross_entropy_with_integer_labels(logits, label)
            return losses.mean(), after

        grads, stats = jax.grad(loss, has_aux=True)(params)
        updates, opt_state = adam.update(grads, opt_state)
        return optax.apply_updates(params, updates), stats, opt_state

    stats, opt_state = variables.batch_stats, adam.init(params)
    for _ in range(epochs):
        for batch in rng.permutation(rows).reshape(-1, BATCH):
            params, stats, opt_state = step(params, stats, opt_state, x[batch], label[batch])
    found = classify(params, stats, x[held_out], False)[0].argmax(1)
    print(f"letters: {100 * np.mean(found == label[held_out]):.1f} % of {HELD_OUT} correct")
    return Variables(params["encoder"], stats)


def whiten(encoder: Net, variables: Variables, x: np.ndarray) -> Variables:
    """Change the last layer so that the codes of images are uncorrelated with variance 1.

    The running statistics of BatchNorm become those of the images.
    """
    params, stats = variables
    for i in range(10 * (len(x) // BATCH)):
        batch = x[i % (len(x) // BATCH) * BATCH :][:BATCH]
        stats = encoder.apply(params, stats, batch, train=True).batch_stats
    codes = np.asarray(encoder.apply(params, stats, x, train=False).out)
    scaling = fit_scaling(codes, "whiten")
    kernel = params[CODE]["kernel"] / scaling.scale @ scaling.matrix
    return Variables({**params, CODE: {"kernel": kernel.astype(np.float32)}}, stats)


def _start(init, model: Hypersphere, features: Variables, key: Key, data: TrainData) -> State:
    """Return the initial state with these features, and their mean as the centre."""
    state = init(key, data)
    params, stats = features
    return state._replace(params=params, batch_stats=stats, extras=model.extras(features, data))
