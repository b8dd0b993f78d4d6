"""What a sweep measures of hidden anomalies: the audit's own numbers, and asked for alone."""

import numpy as np

import jaxad
from jaxad.cli import main
from jaxad.explain import audit
from jaxad.results import read_results
from jaxad.sweep.store import find_done, read_cells

TEXT = """
datasets = ["blobs"]
detectors = ["autoencoder", "pca"]
contamination = [0.0, 0.1]
labelled_anomalies = 4
n_train = 100
epochs = 2
seeds = 2
metrics = ["auroc", "audit_auroc", "audit_auprc"]
"""


def test_a_sweep_that_asks_for_it_has_the_audit_s_numbers(file, tmp_path):
    out = tmp_path / "out"
    assert main(["sweep", str(file), "--out", str(out)]) == 0
    rows = read_cells(out)
    clean = rows.contamination == 0
    assert rows.loc[clean].audit_auroc.isna().all() and rows.audit_precision.notna().all()
    for detector in ("autoencoder", "pca"):
        split = jaxad.contaminate(
            "blobs", 0, normal_class=0, seeds=2, contamination=0.1, labelled_anomalies=4,
            n_train=100,
        )  # fmt: skip
        config = {"epochs": 2} if detector == "autoencoder" else {}
        fitted = jaxad.fit(jaxad.make(detector, split.train, **config), split.train, seeds=2)
        want = audit(fitted, split, "score")
        mine = rows.loc[~clean & (rows.detector == detector)].sort_values("seed")
        np.testing.assert_allclose(mine.audit_auroc, want.auroc.per_seed, atol=1e-5)
        np.testing.assert_allclose(mine.audit_auprc, want.auprc.per_seed, atol=1e-5)


def test_cells_without_it_are_run_again_once_it_is_asked_for(file, tmp_path, capsys):
    out = tmp_path / "out"
    plain = tmp_path / "plain.toml"
    plain.write_text(TEXT.replace(', "audit_auroc", "audit_auprc"', ""))
    assert main(["sweep", str(plain), "--out", str(out)]) == 0
    assert read_results(out).audit_precision.isna().all()
    assert len(find_done(out)) == 4 and find_done(out, audit=True) == {}
    assert main(["sweep", str(file), "--out", str(out)]) == 0
    assert "AUROC of the audit in %" in capsys.readouterr().out
    assert len(read_results(out)) == 16 and len(read_cells(out)) == 8
    assert read_cells(out).audit_precision.notna().all()
    assert main(["sweep", str(file), "--out", str(out)]) == 0
    assert main(["sweep", str(plain), "--out", str(out)]) == 0
    assert len(read_results(out)) == 16
