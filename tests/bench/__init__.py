"""Benchmarks: `python -m tests.bench [name …] [--quick]`. They measure and compare; no number makes them fail."""
