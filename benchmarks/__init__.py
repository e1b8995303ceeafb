"""Benchmarks: Clew and others side by side, in turns, on made-up text. `python -m benchmarks.run` writes `results/`."""
