"""Statements of the papers, computed for cases in which everything is known.

    python experiments/theory/statements.py [--out FIGURE.png] [--elite FIGURE.png]

1. Contradicting training, theorem 2: how fast the discriminating power of an unsupervised detector
   falls with the share of hidden anomalies.
2. ELITE, theorem 2: up to which step size the loss on labelled rows never rises.
3. NCAE, tables 3 and 4: the largest average precision that an AUROC allows.
"""

import argparse
from pathlib import Path

import numpy as np

__all__ = ["chi_squared", "compute_power", "descend", "largest_precision", "largest_rate"]

# Printed on cardio, which has 9.6 % anomalies: method, AUROC, AUPRC (Yu et al. 2023).
CARDIO = 176 / 1831
PRINTED = {"Deep SAD": (0.950, 0.968), "classifier": (0.832, 0.923), "LatentOut": (0.990, 0.995)}


def compute_power(alpha: float, distance: float = 1.0) -> float:
    """Compute the discriminating power of the ideal density estimate of a contaminated sample.

    Normal rows follow `P = N(0, 1)` and anomalies `Q = N(distance, 1)`. The score is minus the log
    density of the mixture `(1 - alpha) P + alpha Q`, which is what a perfect estimator learns from
    a sample with a share alpha of hidden anomalies. The discriminating power is the mean score of
    anomalies minus that of normal rows, by numerical integration.
    """
    x = np.linspace(-12, 12 + distance, 200_001)
    log_p, log_q = (-0.5 * (x - mean) ** 2 - 0.5 * np.log(2 * np.pi) for mean in (0.0, distance))
    with np.errstate(divide="ignore"):
        score = -np.logaddexp(np.log1p(-alpha) + log_p, np.log(alpha) + log_q)
    return float(np.trapezoid((np.exp(log_q) - np.exp(log_p)) * score, x))


def chi_squared(distance: float = 1.0) -> float:
    """Return the chi-squared divergence of `N(distance, 1)` from `N(0, 1)`."""
    return float(np.expm1(distance**2))


def largest_rate(smoothness: float, norm: float) -> float:
    """Return the bound on `eta * eta_M` under which ELITE's step cannot raise the labelled loss.

    A step moves the parameters by `-eta eta_M G h` with the gradient h of the labelled loss and
    `G = (1/n) sum_i g_i g_i'` over the n rows of the batch. With gradients `|g_i| <= norm`, the
    eigenvalues of G are at most `norm^2`, and a loss whose gradient has the Lipschitz constant
    `smoothness` does not rise for `eta eta_M <= 2 / (smoothness norm^2)`.
    """
    return 2 / (smoothness * norm**2)


def descend(rate: float, rows: int, steps: int, summed: bool) -> list[float]:
    """Return the labelled loss `theta^2 / 2` over steps of ELITE on rows with aligned gradients.

    Each of the rows has the gradient 1, so that its meta-gradient is theta.

    Args:
        rate: The product `eta * eta_M`.
        rows: The number of rows of the batch.
        steps: The number of steps.
        summed: Whether the rows are summed, as in the paper's eq. 20, or averaged, as in its
            algorithm.
    """
    theta, losses = 1.0, []
    for _ in range(steps + 1):
        losses.append(0.5 * theta**2)
        gradients = np.ones(rows)
        step = np.sum if summed else np.mean
        theta = theta - rate * float(step(gradients * (gradients * theta)))
    return losses


def largest_precision(auroc: float, share: float) -> float:
    """Return the largest average precision of any ranking with an AUROC, for many rows.

    The ranking has a share `auroc` of the anomalies above all normal rows, and the others below
    them. Of the latter the anomaly with the rank u, in shares of all anomalies, has the precision
    `u share / (u share + 1 - share)`.

    Args:
        auroc: The area under the ROC curve, in [0, 1].
        share: The share of anomalies among the rows, in (0, 1).
    """
    u = np.linspace(auroc, 1, 10_001)
    return auroc + float(np.trapezoid(u * share / (u * share + 1 - share), u))


def main() -> None:
    """Print the statements, and draw the first."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="the picture of the first statement")
    parser.add_argument("--elite", type=Path, help="the picture of the second statement")
    options = parser.parse_args()
    clean, slope = compute_power(0.0), chi_squared()
    print("| share of hidden anomalies | discriminating power | linear: 1.000 - slope * share |")
    print("|---|---|---|")
    for alpha in (0.0, 0.001, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5):
        print(f"| {alpha:g} | {compute_power(alpha):.4f} | {clean - slope * alpha:.4f} |")
    rate = 0.9 * largest_rate(1.0, 1.0)
    for summed in (False, True):
        what = "summed" if summed else "averaged"
        losses = ", ".join(f"{loss:.4g}" for loss in descend(rate, 8, 2, summed))
        print(f"\nELITE, eight aligned rows, {what}, 0.9 of the bound: {losses}")
    print("\n| cardio, printed | AUROC | AUPRC | largest AUPRC |\n|---|---|---|---|")
    for name, (auroc, auprc) in PRINTED.items():
        most = largest_precision(auroc, CARDIO)
        print(f"| {name} | {100 * auroc:.1f} | {100 * auprc:.1f} | {100 * most:.1f} |")
    if options.out is not None:
        _draw(options.out, clean, slope)
    if options.elite is not None:
        _draw_descent(options.elite)


def _draw(path: Path, clean: float, slope: float) -> None:
    import matplotlib.pyplot as plt

    alpha = np.linspace(0, 0.5, 101)
    figure, axis = plt.subplots(figsize=(6, 3.5), layout="constrained")
    power = [compute_power(a) for a in alpha]
    axis.plot(alpha, power, label="ideal density estimate")
    line = alpha[alpha <= clean / slope]
    axis.plot(line, clean - slope * line, "--", label="tangent at 0: slope chi-squared")
    axis.plot(alpha, clean * (1 - alpha) ** 2, ":", label="clean power times (1 - share)^2")
    axis.set(xlabel="share of hidden anomalies", ylabel="discriminating power")
    axis.legend(frameon=False)
    figure.savefig(path, dpi=120)


def _draw_descent(path: Path) -> None:
    import matplotlib.pyplot as plt

    steps, bound = 12, largest_rate(1.0, 1.0)
    figure, axis = plt.subplots(figsize=(6, 3.5), layout="constrained")
    for rate, summed, style, name in (
        (0.9, False, "-", "mean of 8 rows, 0.9 of the bound"),
        (1.1, False, "--", "mean of 8 rows, 1.1 of the bound"),
        (0.9, True, ":", "sum of 8 rows, 0.9 of the bound"),
    ):
        axis.plot(descend(rate * bound, 8, steps, summed), style, marker=".", label=name)
    axis.set(xlabel="step", ylabel="loss on the labelled rows", yscale="log", ylim=(1e-4, 1e5))
    axis.legend(frameon=False)
    figure.savefig(path, dpi=120)


if __name__ == "__main__":
    main()
