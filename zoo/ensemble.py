"""Older path of `zoo.tasks.Ensemble`."""

from zoo.tasks import Ensemble

__all__ = ["Ensemble"]
