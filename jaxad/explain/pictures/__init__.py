"""Pictures of audits, attributions and heat maps."""
