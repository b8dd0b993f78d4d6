"""Networks. Only this package uses flax.linen; it does not depend on detectors."""
