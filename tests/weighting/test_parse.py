"""Weightings as a user writes them: in a configuration, and by `--set weighting=...`."""

import jax
import numpy as np
import pytest

import jaxad
from jaxad.cli import main
from jaxad.errors import ConfigError
from jaxad.weighting import (
    WEIGHTINGS,
    anoonly,
    by_label,
    chain,
    contradicting,
    latent_outlier_exposure,
    parse_weighting,
    unsupervised,
)


def same(one, other):
    leaves = zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True)
    return jax.tree.structure(one) == jax.tree.structure(other) and all(
        np.array_equal(a, b) for a, b in leaves
    )


@pytest.mark.parametrize(
    ("text", "weighting"),
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
def test_a_text_is_the_chain_that_it_names(text, weighting):
    parsed = parse_weighting(text)
    assert same(parsed, weighting)
    assert parsed.anomaly_loss == weighting.anomaly_loss
    assert parsed.labelled_anomalies == weighting.labelled_anomalies


def test_every_name_is_known_by_its_function():
    assert all(name == build.__name__ for name, build in WEIGHTINGS.items())
    assert {"by_label", "contradicting", "latent_outlier_exposure"} <= set(WEIGHTINGS)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("by_lable", "by_label"),  # the nearest name
        ("__import__", "weighting"),
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
        (7, "weighting must be a string.*given 7"),
    ],
)
def test_any_other_text_is_refused_with_what_is_allowed(text, says):
    with pytest.raises(ConfigError, match=says):
        parse_weighting(text)


@pytest.mark.parametrize("text", ["by_lable", "by_label(eta=-1)", "by_label by_label"])
def test_a_configuration_refuses_it_at_construction(toy, text):
    with pytest.raises(ConfigError):
        jaxad.make("deep_sad", toy.train, weighting=text)


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """`jaxad run digits deep_sad` with a weighting, in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def run(weighting):
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
        small += ["--set", "pretrain_epochs=1", "--set", f"weighting={weighting}", "--json"]
        code = main(["run", "digits", "deep_sad", *small])
        return code, capsys.readouterr()

    return run


def test_a_weighting_of_the_command_line_changes_what_is_learned(run):
    lines = []
    for text in ("by_label", "by_label, latent_outlier_exposure(0.1, blind=0)"):
        code, printed = run(text)
        assert code == 0
        assert f'"weighting": "{text}"' in printed.out
        lines.append(printed.out.partition('"auroc"')[2].partition('"seconds"')[0])
    assert lines[0] != lines[1]


@pytest.mark.parametrize(
    ("weighting", "says"),
    [
        ("by_lable", "by_label"),
        ("latent_outlier_exposure(1.5)", "alpha must be in [0, 1); given 1.5"),
        ("contradicting(lamda=2)", "lam"),
        ("by_label(", "literal arguments"),
        ("12", "weighting must be a name or none"),
    ],
)
def test_the_command_line_refuses_in_one_line_and_trains_nothing(run, tmp_path, weighting, says):
    code, printed = run(weighting)
    assert code == 2
    assert says in printed.err and len(printed.err.strip().splitlines()) == 1
    assert not (tmp_path / "results").exists()
