"""Memory: what is trained side by side is bounded, and the bound changes no result."""

import gc
import weakref

import jax
import numpy as np
import pytest

import jaxad
from jaxad.cli import main
from jaxad.data import contaminate, load_dataset
from jaxad.padding import pad_to_buckets
from jaxad.sweep import expand, group_jobs, load_experiment
from jaxad.sweep.cells import run_group
from jaxad.sweep.memory import bound_row_bytes, count_row_bytes, count_training_bytes

TEXT = """
datasets = ["digits"]
detectors = ["autoencoder"]
normal_class = [0, 1, 2, 3]
contamination = [0.05, 0.1]
labelled_anomalies = 4
epochs = 1
seeds = 3
settings = { widths = [4, 2] }
"""


@pytest.fixture
def jobs(tmp_path):
    path = tmp_path / "digits.toml"
    path.write_text(TEXT)
    return expand(load_experiment(path))


def cells(groups, memory):
    """The AUROC of each job and seed."""
    found = {}
    for group in groups:
        for cell in run_group(group, memory=memory):
            found |= {
                (cell.job, s): v
                for s, v in zip(cell.seeds, cell.evaluation.auroc.per_seed, strict=True)
            }
    return found


def test_results_do_not_depend_on_what_fits_side_by_side(jobs):
    some = [(job, (0, 1, 2)) for job in jobs[:2]]
    size = jobs[0].bytes
    whole = cells(group_jobs(some), None)
    assert len(whole) == 6
    for planned, held in ((size, size), (2 * size, None), (None, 1)):
        parts = cells(group_jobs(some, planned), held)
        assert parts.keys() == whole.keys()
        for key, value in whole.items():
            np.testing.assert_allclose(parts[key], value, atol=1e-5)


def test_groups_stay_within_the_memory_and_have_each_cell_once(jobs):
    todo = [(job, (0, 1, 2)) for job in jobs]
    size = jobs[0].bytes
    for seeds, groups in ((1, 24), (2, 12), (3, 8), (6, 4), (100, 1)):
        made = group_jobs(todo, seeds * size)
        assert len(made) == groups
        assert all(len(g.jobs) * len(g.seeds) <= seeds for g in made)
        found = [(job.name, seed) for g in made for job in g.jobs for seed in g.seeds]
        assert sorted(found) == sorted((job.name, s) for job in jobs for s in range(3))
    assert len(group_jobs(todo, 1)) == 24  # at least one seed, however little there is


@pytest.mark.parametrize("convolutional", [False, True])
def test_no_more_rows_are_held_than_fit(jobs, monkeypatch, convolutional):
    """Counted by what lives: rows that were drawn and that nothing has let go of."""
    drawn, most = [], 0

    def counting(*args, **kwargs):
        nonlocal most
        split = contaminate(*args, **kwargs)
        drawn.append(weakref.ref(split.train.x))
        gc.collect()
        most = max(most, sum(ref() is not None for ref in drawn))
        return split

    def making(*args, **config):
        return jaxad.make(*args, **config)._replace(convolutional=convolutional)

    monkeypatch.setattr("jaxad.sweep.work.contaminate", counting)
    monkeypatch.setattr("jaxad.sweep.work.make", making)
    (group,) = group_jobs([(job, (0,)) for job in jobs[:5]])
    assert len(group.jobs) == 5
    split = contaminate("digits", 0, normal_class=0, labelled_anomalies=4, seeds=1)
    size = sum(count_row_bytes(x.shape[1], x.shape[2:], 4) for x in (split.train.x, split.test.x))
    assert len(cells([group], int(2.5 * size))) == 5
    # Two fit; one more is drawn before they are trained.
    assert most == (1 if convolutional else 3)


def test_the_bytes_of_rows_are_those_of_the_rows_and_their_padding():
    for data, dtype in ((load_dataset("digits"), np.float32), (images(), np.uint8)):
        split = contaminate(data, 0, normal_class=0, seeds=2)
        x = split.train.x
        padded = pad_to_buckets(split.train).x
        assert x.dtype == dtype
        said = count_row_bytes(x.shape[1], x.shape[2:], x.itemsize)
        assert 2 * said == x.nbytes + padded.nbytes
        assert said <= bound_row_bytes(data)


def images():
    rng = np.random.default_rng(0)
    x = rng.integers(0, 255, (90, 12, 12, 1), np.uint8)
    return jaxad.data.from_arrays(x, np.arange(90) % 3)


def test_counted_are_two_states_and_a_step_of_images_under_vmap(monkeypatch):
    split = contaminate(images(), 0, normal_class=0, seeds=2)
    sizes = {"pretrain_epochs": 0, "channels": (4,), "widths": (8,)}
    small = jaxad.make("deep_svdd", split.train, batch_size=10, **sizes)
    large = jaxad.make("deep_svdd", split.train, batch_size=20, **sizes)
    leaves = jax.tree.leaves(jaxad.fit(small._replace(epochs=1), split.train).state)
    state = sum(leaf.nbytes for leaf in leaves) // 2
    monkeypatch.setattr("jaxad.sweep.memory.resolve_mode", lambda *_: "map")
    assert [count_training_bytes(d, split.train) for d in (small, large)] == [2 * state] * 2
    monkeypatch.setattr("jaxad.sweep.memory.resolve_mode", lambda *_: "vmap")
    one, two = (count_training_bytes(d, split.train) - 2 * state for d in (small, large))
    assert 10 * 12 * 12 * 4 * 4 < one < two < 2 * one  # more than what the convolution gives


def test_memory_must_be_positive(tmp_path, capsys):
    path = tmp_path / "digits.toml"
    path.write_text(TEXT)
    run = ["sweep", str(path), "--out", str(tmp_path / "out"), "--dry-run"]
    assert main([*run, "--memory-gib", "0"]) == 2
    assert "--memory-gib must be more than 0" in capsys.readouterr().err
