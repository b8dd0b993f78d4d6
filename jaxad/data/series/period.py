"""The length of windows by the autocorrelation of a series."""

import numpy as np
from jaxtyping import Float, Int
from scipy.signal import find_peaks

__all__ = ["FEWEST", "FIXED", "MOST", "choose_window"]

FEWEST, MOST = 10, 300  # the bounds of a chosen window
FIXED = 50  # the window of a series without a period
_USED = 20_000  # timestamps, at most
_PROMINENCE = 0.2
_NEARLY = 0.9  # of the highest peak: peaks at multiples of a period are about as high


def choose_window(
    values: Float[np.ndarray, "n channels"], segments: Int[np.ndarray, "k 2"]
) -> tuple[int, str]:
    """Choose the length of windows of series.

    It is the lag of the highest peak of the autocorrelation, from 10 to 300 timestamps, of the
    longest piece without a gap (its first 20,000 timestamps), as mean over channels; of peaks that
    reach nine tenths of it, the first one. Peaks have a prominence of at least 0.2, or
    `5 / sqrt(n)` for n timestamps if that is more. Without a peak the length is 50. It is at most a
    third of the piece, and at least 2.

    Args:
        values: `(n, channels)` the values of all series.
        segments: `(k, 2)` the pieces without a gap.

    Returns:
        The length, and where it comes from, for messages.
    """
    sizes = segments[:, 1] - segments[:, 0]
    first = int(segments[np.argmax(sizes), 0])
    size = int(sizes.max())
    most = max(2, min(MOST, size // 3))
    lags = correlate(values[first : first + min(size, _USED)], most + 1)
    # The autocorrelation of n values of noise has a standard deviation of about 1 / sqrt(n).
    prominence = max(_PROMINENCE, 5 / np.sqrt(min(size, _USED)))
    peaks, _ = find_peaks(lags, prominence=prominence)
    peaks = peaks[(peaks >= FEWEST) & (peaks <= most)]
    if len(peaks):
        high = peaks[lags[peaks] >= _NEARLY * lags[peaks].max()]
        return int(high[0]), "the period by the autocorrelation"
    return min(FIXED, most), "the default, as the autocorrelation has no clear peak"


def correlate(values: Float[np.ndarray, "n channels"], most: int) -> Float[np.ndarray, "lags"]:
    """Compute the autocorrelation for lags 0, ..., `most`, as mean over channels that vary."""
    centred = values - values.mean(axis=0)
    spread = np.sum(centred**2, axis=0)
    centred, spread = centred[:, spread > 0], spread[spread > 0]
    if not len(spread):
        return np.zeros(most + 1)
    size = 2 ** int(np.ceil(np.log2(2 * len(values))))
    power = np.abs(np.fft.rfft(centred, size, axis=0)) ** 2
    lags = np.fft.irfft(power, size, axis=0)[: most + 1]
    return np.mean(lags / spread, axis=1)
