"""Executables on disk: what changes a program has another one, and damage is mended silently."""

import os
import subprocess
import sys
from contextlib import contextmanager

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.tree_util import Partial

import jaxad
from jaxad.errors import StorageWarning
from jaxad.training import bound, executables
from jaxad.training.program import How
from jaxad.utils import compilation_cache, conditions
from jaxad.utils.compilation_cache import find_entries, use_entries
from jaxad.utils.entries import Entries
from jaxad.utils.timing import count_compilations


@pytest.fixture
def entries(tmp_path):
    """A folder for executables, as if this process had just started."""
    before = find_entries()
    bound.drop_all()
    use_entries(Entries(tmp_path / "programs", 2**30))
    yield find_entries()
    use_entries(before)
    bound.drop_all()


@pytest.fixture
def refuse_compiling(monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("a program is compiled")

    return lambda: monkeypatch.setattr(bound, "compile_program", refuse)


@pytest.fixture
def tiny():
    """A program that takes no time to compile, with what it is called with."""

    def scale(functions, x, how):
        del how
        return {"scaled": jnp.tanh(functions(x)), "sum": x.sum()}

    program = bound.bounded(jax.jit(scale, static_argnames="how"))
    yield lambda x=3, fn=jnp.square: program(Partial(fn), jnp.arange(x), how=How("map", None))
    bound._programs.remove(program)


def assert_equal(one, other):
    for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
        np.testing.assert_array_equal(a, b)


def run(toy, **config):
    settings = {"epochs": 1, "batch_size": 64, "widths": (8, 4)} | config
    fit = jaxad.fit(jaxad.make("autoencoder", toy.train, **settings), toy.train, seeds=[3])
    return jaxad.score(fit, toy.test.x), fit.history["train"]["loss"]


def test_a_later_process_compiles_nothing_and_gives_the_same(entries, toy_of, refuse_compiling):
    toy = toy_of(rows=60)
    first = run(toy)
    kept = sorted(entries.folder.glob("*.program"))
    assert len(kept) == 5  # keys of seeds, start, draws, advance, scores
    bound.drop_all()
    refuse_compiling()
    before = count_compilations()
    assert_equal(run(toy), first)
    assert count_compilations() - before >= 5  # programs that are loaded count as well
    run(toy_of(rows=50), learning_rate=0.1)


def test_what_differs_is_compiled(entries, tiny, refuse_compiling):
    first = tiny()
    bound.drop_all()
    refuse_compiling()
    assert_equal(tiny(), first)
    for other in ({"x": 4}, {"fn": jnp.abs}):
        with pytest.raises(AssertionError, match="compiled"):
            tiny(**other)
    assert_equal(tiny(), first)


@pytest.mark.parametrize("damage", [b"", -100, 50, "flipped"])
def test_damaged_entries_are_compiled_again(entries, tiny, damage):
    first = tiny()
    (path,) = entries.folder.glob("*.program")
    content = path.read_bytes()
    flipped = content[:-9] + bytes(9)
    cut = damage if isinstance(damage, bytes) else flipped if damage == "flipped" else None
    path.write_bytes(content[:damage] if cut is None else cut)
    bound.drop_all()
    assert_equal(tiny(), first)
    assert path.stat().st_size == len(content)


@pytest.mark.parametrize("part", ["no pickle", "refused by the runtime"])
def test_whole_entries_that_do_not_load_are_compiled_again(entries, tiny, monkeypatch, part):
    first = tiny()
    bound.drop_all()

    def fail(*args, **kwargs):
        raise RuntimeError("another machine")

    if part == "no pickle":
        monkeypatch.setattr(Entries, "read", lambda self, key: b"no pickle")
    else:
        monkeypatch.setattr(executables.serialize_executable, "deserialize_and_load", fail)
    assert_equal(tiny(), first)


# The key of a program


@contextmanager
def mode(name, value):
    before = getattr(jax.config, name)
    jax.config.update(name, value)
    try:
        yield
    finally:
        jax.config.update(name, before)


def make_key(name="f", tree=None, shape=(3,), dtype="float32", weak=False, how=None):
    tree = jax.tree.structure((1,)) if tree is None else tree
    how = How("map", None) if how is None else how
    return executables.make_key(name, tree, ((shape, np.dtype(dtype), weak),), {"how": how})


def test_every_argument_is_in_the_key():
    keys = [
        make_key(),
        make_key("g"),
        make_key(tree=jax.tree.structure([1])),
        make_key(shape=(4,)),
        make_key(dtype="int32"),
        make_key(weak=True),
        make_key(how=How("vmap", None)),
        make_key(how=How("map", 0)),
    ]
    assert None not in keys and len(set(keys)) == len(keys)
    assert make_key() == keys[0]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("jax_enable_x64", True),
        ("jax_default_matmul_precision", "bfloat16"),
        ("jax_debug_nans", True),
        ("jax_debug_infs", True),
        ("jax_disable_jit", True),
        ("jax_numpy_rank_promotion", "raise"),
        ("jax_default_prng_impl", "rbg"),
        ("jax_threefry_partitionable", False),
        ("jax_softmax_custom_jvp", True),
        ("jax_enable_checks", True),
    ],
)
def test_every_mode_is_in_the_key(name, value):
    before = make_key()
    with mode(name, value):
        assert make_key() != before
    assert make_key() == before


def test_a_mode_of_this_thread_is_in_the_key():
    before = make_key()
    with jax.default_matmul_precision("float32"):
        assert make_key() != before


@pytest.mark.parametrize(
    "function", ["_describe_versions", "_describe_devices", "_hash_sources", "_describe_processor"]
)
def test_every_condition_is_in_the_key(monkeypatch, function):
    before = make_key()
    monkeypatch.setattr(conditions, function, lambda: "another")
    conditions_cache_clear()
    assert make_key() != before
    monkeypatch.undo()
    conditions_cache_clear()
    assert make_key() == before


def conditions_cache_clear():
    for cached in (conditions._describe_versions, conditions._describe_devices):
        getattr(cached, "cache_clear", lambda: None)()


@pytest.mark.parametrize("name", ["XLA_FLAGS", "JAX_ENABLE_X64", "TF_ENABLE_ONEDNN_OPTS", "NPROC"])
def test_the_environment_is_in_the_key(monkeypatch, name):
    before = make_key()
    monkeypatch.setenv(name, "1")
    assert make_key() != before


def test_the_processor_and_its_cores_are_in_the_key(monkeypatch, tmp_path):
    keys = {conditions._describe_processor()}
    monkeypatch.setattr(os, "cpu_count", lambda: 99)
    keys.add(conditions._describe_processor())
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(7)), raising=False)
    keys.add(conditions._describe_processor())
    for number, flags in enumerate(("flags\t\t: avx2", "flags\t\t: avx2 avx512f")):
        (tmp_path / str(number)).write_text(f"processor\t: 0\n{flags}\ncpu MHz\t\t: 17\n")
        monkeypatch.setattr(conditions, "Path", lambda _, number=number: tmp_path / str(number))
        keys.add(conditions._describe_processor())
    monkeypatch.setattr(conditions, "Path", lambda _: tmp_path / "missing")
    keys.add(conditions._describe_processor())
    assert len(keys) == 6


def test_sources_that_changed_after_the_import_have_no_key(monkeypatch):
    conditions._hash_sources.cache_clear()
    monkeypatch.setattr(conditions, "_IMPORTED", 0.0)
    assert make_key() is None
    conditions._hash_sources.cache_clear()


def test_nothing_is_written_once_sources_have_changed(entries, tiny, monkeypatch):
    """Modules that are imported late may then be newer than the hash."""
    monkeypatch.setattr(conditions, "_hash_sources", lambda: "before")
    monkeypatch.setattr(conditions, "_IMPORTED", 0.0)
    tiny()
    assert not list(entries.folder.iterdir())


def test_a_function_of_the_user_is_not_kept(entries, tiny):
    def double(x):
        return 2 * x

    assert_equal(tiny(fn=double)["scaled"], jnp.tanh(2 * jnp.arange(3)))
    assert not list(entries.folder.iterdir())


@pytest.mark.parametrize("name", ["jax_debug_nans", "jax_debug_infs", "jax_disable_jit"])
def test_modes_that_find_faults_are_left_to_jax(entries, tiny, name):
    with mode(name, True):
        tiny()
    assert not list(entries.folder.iterdir())


# Where executables are


@pytest.fixture
def unchosen(monkeypatch):
    """A process that has not chosen where executables are."""
    monkeypatch.setattr(compilation_cache, "_chosen", False)
    monkeypatch.setattr(compilation_cache, "_entries", None)


def test_they_are_where_the_environment_says(unchosen, monkeypatch, tmp_path):
    monkeypatch.setenv("JAXAD_CACHE_DIR", str(tmp_path / "own"))
    compilation_cache.keep_programs()
    assert find_entries().folder == tmp_path / "own" / "programs"
    monkeypatch.setattr(compilation_cache, "_chosen", False)
    monkeypatch.delenv("JAXAD_CACHE_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    compilation_cache.keep_programs()
    assert find_entries().folder == tmp_path / "jaxad" / "programs"


@pytest.mark.parametrize("off", ["", "off", "OFF", "file/below"])
def test_they_are_nowhere_if_the_cache_is_off(unchosen, monkeypatch, tmp_path, off):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("JAXAD_CACHE_DIR", off)
    compilation_cache.keep_programs()
    assert find_entries() is None


def test_a_folder_of_others_is_not_used_and_says_so(unchosen, monkeypatch, tmp_path):
    (tmp_path / "programs").mkdir()
    (tmp_path / "programs").chmod(0o777)
    monkeypatch.setenv("JAXAD_CACHE_DIR", str(tmp_path))
    with pytest.warns(StorageWarning, match="chmod go-w"):
        compilation_cache.keep_programs()
    assert find_entries() is None


PROCESS = """
import sys
import numpy as np
import jaxad
from jaxad.sklearn import JaxADDetector
x = np.random.default_rng(0).normal(size=(200, 6))
settings = {"epochs": 2, "pretrain_epochs": 2}
detector = JaxADDetector("deep_sad", settings=settings).fit(x)
print(detector.fitted_.seconds.programs, *detector.decision_function(x[:3]))
"""


@pytest.mark.slow
def test_processes_share_executables_also_at_the_same_time(tmp_path):
    env = os.environ | {"JAXAD_CACHE_DIR": str(tmp_path)}

    def start():
        argv = [sys.executable, "-c", PROCESS]
        return subprocess.Popen(argv, env=env, stdout=subprocess.PIPE, text=True)

    outputs = [process.communicate()[0] for process in [start(), start()]]
    kept = sorted((tmp_path / "programs").glob("*.program"))
    outputs.append(start().communicate()[0])
    assert outputs[0].split() and len({tuple(output.split()[1:]) for output in outputs}) == 1
    assert sorted((tmp_path / "programs").glob("*.program")) == kept
    assert len(kept) >= 7
