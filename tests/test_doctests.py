"""The examples in docstrings say what is true."""

import doctest
import importlib

import pytest


@pytest.mark.slow
@pytest.mark.parametrize("name", ["zoo.audio", "zoo.fewshot", "zoo.search"])
def test_examples(name):
    found = doctest.testmod(importlib.import_module(name))
    assert found.attempted >= 2 and not found.failed
