"""Networks: the only place that knows flax.linen. Nothing here knows a detector."""
