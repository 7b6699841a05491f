"""Experiments around the package: `python -m experiments.NAME --help`. Nothing in zoo/ imports them. See README.md."""
