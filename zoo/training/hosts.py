"""Training on several hosts: each computes its rows of every batch, and JAX adds up the gradients over all of them.

    host 0, 1, ...: the same data, seed and batches -> its rows -> gradients -> sum over the hosts -> the same new weights

Batches follow from (seed, epoch, index) alone, so all hosts know every batch and nothing but gradients goes over the network. The
weights are those of one host with the same batches, up to the order of sums.
"""

from dataclasses import dataclass

import keras

from zoo.errors import ZooError, first_line


@dataclass(frozen=True)
class Hosts:
    """Which of several hosts this is. Raises ZooError for what cannot be.

    >>> Hosts().several
    False
    """

    count: int = 1
    index: int = 0
    coordinator: str | None = None  # HOST:PORT of host 0, the same on all

    def __post_init__(self):
        if self.count < 1:
            raise ZooError(f"`hosts` must be at least 1. Received: hosts={self.count!r}.")
        if not 0 <= self.index < self.count:
            raise ZooError(f"`host_index` must be from 0 to {self.count - 1}. Received: host_index={self.index!r}.")
        if self.several and ":" not in (self.coordinator or ""):
            raise ZooError(f"`coordinator` must be HOST:PORT of host 0. Received: coordinator={self.coordinator!r}.")

    @property
    def several(self) -> bool:
        return self.count > 1

    @property
    def leads(self) -> bool:
        """Whether this host writes the run."""
        return self.index == 0

    def check(self, config, validation) -> None:
        """Checks what a run on several hosts cannot have. Raises ZooError."""
        if not self.several:
            return
        if (backend := keras.backend.backend()) != "jax":
            raise ZooError(f"`hosts` needs JAX: set KERAS_BACKEND=jax. Received: hosts={self.count} under {backend}.")
        if validation:
            raise ZooError("`validation` must be left out on several hosts, where the last epoch is kept.")
        if config.minutes:
            raise ZooError("`minutes` must be left out on several hosts, whose clocks differ; `epochs` is for all.")
        if config.batch_size % self.count:
            rule = f"must be a multiple of {self.count}, so that each host has as many rows"
            raise ZooError(f"`batch_size` {rule}. Received: batch_size={config.batch_size}.")

    def join(self) -> None:
        """Waits for the other hosts; what is made from here on lies on all of them. Raises ZooError."""
        if not self.several:
            return
        try:
            keras.distribution.initialize(self.coordinator, self.count, self.index)
        except (RuntimeError, ValueError) as error:
            raise ZooError(
                f"`coordinator` must be reached by all hosts. Received: {self.coordinator} ({first_line(error)})."
            ) from None
        keras.distribution.set_distribution(keras.distribution.DataParallel(auto_shard_dataset=False))

    def rows(self, count: int) -> slice:
        """The rows of a batch that this host computes.

        >>> [Hosts(2, i, "a:1").rows(6) for i in (0, 1)]
        [slice(0, 3, None), slice(3, 6, None)]
        """
        each = count // self.count
        return slice(self.index * each, (self.index + 1) * each)
