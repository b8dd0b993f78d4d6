"""Weighings as a user writes them: in a configuration, and by `--set weighing=...`."""

import jax
import numpy as np
import pytest

import jaxad
from jaxad.cli import main
from jaxad.errors import ConfigError
from jaxad.weighing import (
    WEIGHINGS,
    anoonly,
    by_label,
    chain,
    contradicting,
    latent_outlier_exposure,
    parse_weighing,
    unsupervised,
)


def same(one, other):
    leaves = zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True)
    return jax.tree.structure(one) == jax.tree.structure(other) and all(
        np.array_equal(a, b) for a, b in leaves
    )


@pytest.mark.parametrize(
    ("text", "weighing"),
    [
        ("by_label", by_label()),
        ("by_label()", by_label()),
        ("by_label(2)", by_label(2.0)),
        ("by_label(eta=2.5)", by_label(2.5)),
        ("unsupervised", unsupervised()),
        (" contradicting( 20, cap = 1e30 ) ", contradicting(20.0, 1e30)),
        ("by_label, anoonly", chain(by_label(), anoonly())),
        (
            "by_label, latent_outlier_exposure(0.1, soft=True), anoonly(1e-4)",
            chain(by_label(), latent_outlier_exposure(0.1, soft=True), anoonly(1e-4)),
        ),
    ],
)
def test_a_text_is_the_chain_that_it_names(text, weighing):
    parsed = parse_weighing(text)
    assert same(parsed, weighing)
    assert parsed.anomaly_loss == weighing.anomaly_loss
    assert parsed.labelled_anomalies == weighing.labelled_anomalies


def test_every_name_is_known_by_its_function():
    assert all(name == build.__name__ for name, build in WEIGHINGS.items())
    assert {"by_label", "contradicting", "latent_outlier_exposure"} <= set(WEIGHINGS)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("by_lable", "by_label"),  # the nearest name
        ("__import__", "weighing"),
        ("by_label(eta=-1)", "eta must be positive; given -1"),
        ("by_label(rate=1)", "by_label takes .*eta"),
        ("by_label(1, 2, 3)", "by_label takes .*eta"),
        ("by_label('x')", "by_label takes .*eta"),
        ("contradicting(20, lam=20)", "contradicting takes .*lam.*cap"),
        ("latent_outlier_exposure(2)", r"alpha must be in \[0, 1\); given 2"),
        ("by_label(open('f'))", "literal arguments.*given"),
        ("by_label(*[1])", "literal arguments.*given"),
        ("by_label(**{'eta': 1})", "literal arguments.*given"),
        ("by_label().update", "literal arguments.*given"),
        ("by_label by_label", "literal arguments.*given"),
        ("by_label), (anoonly", "literal arguments.*given"),
        ("by_label,,anoonly", "literal arguments.*given"),
        ("", "literal arguments.*given"),
        ("1", "literal arguments.*given"),
        (7, "weighing must be a text; given 7"),
    ],
)
def test_any_other_text_is_refused_with_what_is_allowed(text, says):
    with pytest.raises(ConfigError, match=says):
        parse_weighing(text)


@pytest.mark.parametrize("text", ["by_lable", "by_label(eta=-1)", "by_label by_label"])
def test_a_configuration_refuses_it_at_construction(toy, text):
    with pytest.raises(ConfigError):
        jaxad.make("deep_sad", toy.train, weighing=text)


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """`jaxad run digits deep_sad` with a weighing, in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def run(weighing):
        small = [
            "--epochs",
            "2",
            "--seeds",
            "2",
            "--batch-size",
            "16",
            "--normal-class",
            "0",
            "--n-train",
            "60",
        ]
        small += ["--set", "pretrain_epochs=1", "--set", f"weighing={weighing}", "--json"]
        code = main(["run", "digits", "deep_sad", *small])
        return code, capsys.readouterr()

    return run


def test_a_weighing_of_the_command_line_changes_what_is_learned(run):
    lines = []
    for text in ("by_label", "by_label, latent_outlier_exposure(0.1, blind=0)"):
        code, printed = run(text)
        assert code == 0
        assert f'"weighing": "{text}"' in printed.out
        lines.append(printed.out.partition('"auroc"')[2].partition('"seconds"')[0])
    assert lines[0] != lines[1]


@pytest.mark.parametrize(
    ("weighing", "says"),
    [
        ("by_lable", "by_label"),
        ("latent_outlier_exposure(1.5)", "alpha must be in [0, 1); given 1.5"),
        ("contradicting(lamda=2)", "lam"),
        ("by_label(", "literal arguments"),
        ("12", "weighing must be a name or none"),
    ],
)
def test_the_command_line_refuses_in_one_line_and_trains_nothing(run, tmp_path, weighing, says):
    code, printed = run(weighing)
    assert code == 2
    assert says in printed.err and len(printed.err.strip().splitlines()) == 1
    assert not (tmp_path / "results").exists()
