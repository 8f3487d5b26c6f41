"""The deployables: wiring only."""
