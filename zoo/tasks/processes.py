"""Networks in worker processes: those that were forked are refused in a sentence, since they would hang."""

import os

from zoo.errors import ZooError

_forked: list[int] = []
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=lambda: _forked.append(os.getpid()))


def check_process() -> None:
    """Raises ZooError in a forked process: TensorFlow and JAX would wait for threads that only the parent has."""
    if os.getpid() in _forked:
        rule = "of worker processes must be 'spawn', as in multiprocessing.get_context('spawn')"
        raise ZooError(f"`start_method` {rule}. Received: 'fork', after which networks hang.")
