"""Benchmarks that compare the gateway with its peers, interleaved, in one run: `python -m bench --help`."""
