"""A process that is forked after a fit: an error where JAX would wait forever."""

import os
import signal
import subprocess
import sys
import time
import warnings

import pytest

import jaxad

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")


def run_in_fork(act):
    """What a forked child says: the error of a function, or "done"; "hangs" after 20 s."""
    said, told = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # JAX warns of every fork, and Python of its threads
        child = os.fork()
    if not child:
        try:
            act()
            os.write(told, b"done")
        except BaseException as error:
            os.write(told, f"{type(error).__name__}: {error}".encode())
        os._exit(0)
    end = time.monotonic() + 20
    while not os.waitpid(child, os.WNOHANG)[0]:
        if time.monotonic() > end:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return "hangs"
        time.sleep(0.01)
    os.close(told)
    with os.fdopen(said) as pipe:
        return pipe.read()


@pytest.mark.parametrize("what", ["fit", "score", "evaluate"])
def test_a_forked_process_is_refused_at_once(what, fitted, toy, quick):
    fit = fitted("autoencoder")
    act = {
        "fit": lambda: jaxad.fit(quick("autoencoder", toy.train), toy.train),
        "score": lambda: jaxad.score(fit, toy.test),
        "evaluate": lambda: jaxad.evaluate(fit, toy.test),
    }[what]
    act()
    said = run_in_fork(act)
    assert said.startswith("ConfigError: this process was forked") and "'spawn'" in said
    act()  # the parent goes on


def test_detectors_of_the_host_score_in_a_forked_process(fitted, toy):
    fit = fitted("hbos")
    assert run_in_fork(lambda: jaxad.score(fit, toy.test)) == "done"


BEFORE = """
import os
import numpy as np
import jaxad.training.train
from jaxad.utils.forks import refuse_forked
child = os.fork()
if not child:
    refuse_forked()
    x = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
    train = jaxad.as_train_data(x)
    fit = jaxad.fit(jaxad.make("autoencoder", train, epochs=1, widths=(4, 2)), train)
    assert np.isfinite(jaxad.score(fit, x)).all()
    os._exit(0)
raise SystemExit(os.waitpid(child, 0)[1])
"""


@pytest.mark.slow
def test_a_process_that_is_forked_before_jax_starts_trains():
    run = [sys.executable, "-c", BEFORE]
    done = subprocess.run(run, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
