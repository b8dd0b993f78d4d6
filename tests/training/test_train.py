"""Training: padding changes nothing, and Ctrl-C leaves something to score."""

import signal
import threading

import numpy as np
import pytest

import jaxad
from jaxad.errors import ConfigError
from jaxad.padding import pad_axis
from jaxad.training.fitted import Progress

EPOCHS = {"epochs": 4, "pretrain_epochs": 3}


def scores(detector, train, x):
    return jaxad.score(jaxad.fit(detector, train), x)


@pytest.mark.parametrize("name", ["deep_sad", "autoencoder"])
def test_a_larger_bucket_of_columns_changes_nothing(toy_of, quick, monkeypatch, name):
    toy = toy_of(features=21)
    small = scores(quick(name, toy.train, epochs=4), toy.train, toy.test)
    for module in ("padding", "nets.build"):
        monkeypatch.setattr(f"jaxad.{module}.bucket_features", lambda features: 80)
    detector = quick(name, toy.train, epochs=4)
    params = jaxad.fit(detector, toy.train).state.params
    first = params.get("encoder", params)["input"]["kernel"]
    assert first.shape[1] == 80 and not np.any(first[:, 21:])
    np.testing.assert_allclose(scores(detector, toy.train, toy.test), small, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", ["deep_sad", "autoencoder"])
def test_columns_of_zeros_given_as_padding_change_nothing(toy, quick, name):
    plain = scores(quick(name, toy.train, epochs=4), toy.train, toy.test)
    wide = toy.train._replace(x=pad_axis(toy.train.x, 9, 1))
    padded = scores(quick(name, wide, epochs=4), wide, pad_axis(toy.test.x, 9, 1))
    np.testing.assert_allclose(padded, plain, rtol=1e-5, atol=1e-6)


def test_rows_behind_the_count_change_nothing(toy, quick):
    detector = quick("deep_sad", toy.train, **EPOCHS)
    plain = scores(detector, toy.train, toy.test)
    rubbish = np.full((300, 6), 1e3, np.float32)
    padded = toy.train._replace(
        x=np.concatenate([toy.train.x, rubbish]),
        label=np.concatenate([toy.train.label, np.tile([-1, 0, 1], 100)]).astype(np.int8),
    )
    np.testing.assert_allclose(scores(detector, padded, toy.test), plain, rtol=1e-5, atol=1e-6)


def test_a_larger_bucket_of_rows_changes_nothing(toy, quick, monkeypatch):
    detector = quick("deep_sad", toy.train, **EPOCHS)
    plain = scores(detector, toy.train, toy.test)
    monkeypatch.setattr("jaxad.padding.bucket_rows", lambda rows, shape: 7_000)
    assert jaxad.fit(detector, toy.train, progress=None).rows == 160
    np.testing.assert_allclose(scores(detector, toy.train, toy.test), plain, rtol=1e-5, atol=1e-6)


def test_steps_in_chunks_are_the_steps_at_once(toy, quick, monkeypatch):
    detector = quick("deep_sad", toy.train, **EPOCHS)
    whole = jaxad.fit(detector, toy.train)
    monkeypatch.setattr("jaxad.training.train._FIRST_CHUNK", 3)
    monkeypatch.setattr("jaxad.training.train._CHUNK_SECONDS", 0.0)
    seen = []
    parts = jaxad.fit(detector, toy.train, progress=seen.append)
    np.testing.assert_array_equal(jaxad.score(whole, toy.test), jaxad.score(parts, toy.test))
    for phase, steps in (("pretrain", 15), ("train", 20)):
        one, two = (fit.history[phase]["loss"] for fit in (whole, parts))
        assert one.shape == (1, steps)
        np.testing.assert_array_equal(one, two)
    done = [3, *range(4, 16), 18, *range(19, 36)]
    assert seen == [Progress("pretrain" if d <= 15 else "train", d, 35) for d in done]


def press_ctrl_c(phase, times=1):
    """A progress callback that presses Ctrl-C in a phase."""

    def progress(at):
        if at.phase == phase:
            for _ in range(times):
                signal.raise_signal(signal.SIGINT)

    return progress


@pytest.mark.parametrize(("phase", "steps"), [("pretrain", (5, 0)), ("train", (15, 5))])
def test_ctrl_c_stops_training_and_leaves_scores(toy, quick, small_chunks, phase, steps):
    detector = quick("deep_sad", toy.train, **EPOCHS)
    before = signal.getsignal(signal.SIGINT)
    fit = jaxad.fit(detector, toy.train, progress=press_ctrl_c(phase))
    assert signal.getsignal(signal.SIGINT) is before
    assert fit.interrupted
    have = [fit.history[name].get("loss", np.zeros((1, 0))).shape[1] for name in fit.history]
    assert tuple(have) == steps
    # The detector stands on the weights that pre-training had reached.
    reached = jaxad.score(fit, toy.test)
    assert np.isfinite(reached).all() and reached.std() > 0
    assert jaxad.evaluate(fit, toy.test).auroc.mean > 0.8
    assert not jaxad.fit(detector, toy.train).interrupted


@pytest.fixture
def python_handler():
    """Give Ctrl-C the handler of Python, also in a process that was started in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("python_handler")
def test_the_second_ctrl_c_stops_at_once(toy, quick, small_chunks):
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        jaxad.fit(
            quick("deep_sad", toy.train), toy.train, progress=press_ctrl_c("pretrain", times=2)
        )
    assert signal.getsignal(signal.SIGINT) is before


def test_an_error_of_the_callback_passes_and_gives_the_handler_back(toy, quick):
    def progress(at):
        raise RuntimeError(at.phase)

    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(RuntimeError, match="pretrain"):
        jaxad.fit(quick("deep_sad", toy.train), toy.train, progress=progress)
    assert signal.getsignal(signal.SIGINT) is before


def test_a_fit_in_another_thread_needs_no_signals(toy, quick):
    detector = quick("deep_sad", toy.train, **EPOCHS)
    fits = []
    thread = threading.Thread(target=lambda: fits.append(jaxad.fit(detector, toy.train)))
    thread.start()
    thread.join()
    np.testing.assert_array_equal(
        jaxad.score(fits[0], toy.test), scores(detector, toy.train, toy.test)
    )


@pytest.mark.parametrize("seeds", [1, 2])
def test_a_watch_sees_the_states_on_the_way_and_changes_nothing(toy, quick, seeds):
    detector = quick("deep_sad", toy.train, **EPOCHS)
    seen = []

    def watch(fit):
        steps = fit.history["train"].get("loss", np.zeros((1, 0))).shape[1]
        seen.append((steps, jaxad.score(fit, toy.test)))

    fit = jaxad.fit(detector, toy.train, seeds, watch=watch, watch_every=8)
    assert [steps for steps, _ in seen] == [0, 8, 16, 20]
    plain = jaxad.score(jaxad.fit(detector, toy.train, seeds), toy.test)
    np.testing.assert_array_equal(seen[-1][1], plain)
    np.testing.assert_array_equal(jaxad.score(fit, toy.test), plain)
    assert np.abs(seen[1][1] - seen[0][1]).max() > 1e-4
    short = quick("deep_sad", toy.train, **EPOCHS)._replace(epochs=2)  # 10 steps
    jaxad.fit(short, toy.train, seeds, watch=watch, watch_every=5)
    assert [steps for steps, _ in seen[4:]] == [0, 5, 10]


def test_a_watch_needs_a_positive_number_of_steps(toy, quick):
    with pytest.raises(ConfigError, match="watch_every"):
        jaxad.fit(quick("deep_sad", toy.train), toy.train, watch=print, watch_every=0)
