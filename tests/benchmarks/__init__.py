"""Measures fdtrace on captures of real programs: `python -m tests.benchmarks`."""
