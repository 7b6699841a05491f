"""Training on several hosts under JAX: each computes its rows of every batch, and the gradients are added up over all of them.

    host 0, 1, ...: the same data, seed and batches -> its rows -> gradients -> sum over the hosts -> the same new weights

Batches follow from (seed, epoch, index) alone, so every host knows all of them, and only gradients go over the network. The weights are
those of one host with the same batches, up to the order of the sums.
"""

import atexit
import re
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import keras
import numpy as np

from zoo.errors import ZooError, first_line
from zoo.files import leave
from zoo.tasks import SpeechModel

PATIENCE = 60  # seconds that a host waits for the others to begin
SIGN_OF_LIFE = 20  # seconds without one, after which a host is lost


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
        if self.several and not (self.coordinator or "").rpartition(":")[2].isdecimal():
            raise ZooError(f"`coordinator` must be HOST:PORT of host 0. Received: coordinator={self.coordinator!r}.")

    @property
    def several(self) -> bool:
        return self.count > 1

    @property
    def leads(self) -> bool:
        """Whether this host writes the run."""
        return self.index == 0

    def check(self, config, teacher: str | None = None) -> None:
        """Checks what a run on several hosts cannot have. Raises ZooError."""
        if not self.several:
            return
        if (backend := keras.backend.backend()) != "jax":
            raise ZooError(f"`hosts` needs JAX: set KERAS_BACKEND=jax. Received: hosts={self.count} under {backend}.")
        if config.minutes:
            raise ZooError("`minutes` must be left out on several hosts, whose clocks differ; give `epochs`.")
        if teacher:
            raise ZooError(f"`teacher` must be left out on several hosts. Received: teacher={teacher!r}.")
        if config.batch_size % self.count:
            rule = f"must be a multiple of {self.count}, so that each host has as many rows"
            raise ZooError(f"`batch_size` {rule}. Received: batch_size={config.batch_size}.")

    @contextmanager
    def joined(self) -> Iterator[None]:
        """Waits for the other hosts; a model that is built in the block lies on all of them.

        Raises:
            ZooError: If the others do not come, or one of them is lost.
        """
        if not self.several:
            yield
            return
        import jax

        self._meet()
        try:
            jax.distributed.initialize(
                self.coordinator, self.count, self.index, initialization_timeout=PATIENCE,
                heartbeat_timeout_seconds=SIGN_OF_LIFE, shutdown_timeout_seconds=SIGN_OF_LIFE,
            )  # fmt: skip
        except (RuntimeError, ValueError) as error:
            rule = f"must be reached by all hosts within {PATIENCE} seconds"
            raise ZooError(f"`coordinator` {rule}. Received: {self.coordinator} ({first_line(error)}).") from None
        keras.distribution.set_distribution(keras.distribution.DataParallel(auto_shard_dataset=False))
        try:
            yield
        except BaseException as error:
            atexit.register(leave, 1)  # JAX would wait for the others, and then abort
            # JAX raises either; its message begins with the name of a status, such as UNAVAILABLE.
            if not (isinstance(error, RuntimeError | ValueError) and re.match(r"[A-Z_]+: ", str(error))):
                raise
            rule = "must all stay until the end, and one is lost; start them all again with --resume"
            raise ZooError(f"`hosts` {rule} ({first_line(error)}).") from None
        finally:
            keras.distribution.set_distribution(None)

    def _meet(self) -> None:
        """Waits until all hosts have come. JAX would abort where one does not. Raises ZooError."""
        host, _, port = self.coordinator.rpartition(":")
        end = time.monotonic() + PATIENCE
        try:
            if self.leads:
                self._receive(int(port), end)
                return
            with _connected(host, int(port), end) as door:
                door.sendall(b"%d\n" % self.index)
                if not door.recv(1):
                    rule = "must be another on each host, and all must come"
                    raise ZooError(f"`host_index` {rule}. Received: {self.index}, which host 0 sent away.")
        except (OSError, OverflowError) as error:
            rule = f"must be where host 0 listens, and all must come within {PATIENCE} seconds"
            raise ZooError(f"`coordinator` {rule}. Received: {self.coordinator} ({first_line(error)}).") from None

    def _receive(self, port: int, end: float) -> None:
        """Tells the others to begin when all are there."""
        come: dict[bytes, socket.socket] = {}
        wanted = {b"%d\n" % index for index in range(1, self.count)}
        with socket.create_server(("", port)) as door:
            while len(come) < len(wanted):
                door.settimeout(max(0.01, end - time.monotonic()))
                one, _ = door.accept()
                one.settimeout(5)
                with suppress(OSError):
                    index = one.recv(16)
                    if index in wanted - come.keys():
                        come[index] = one
                        continue
                one.close()
            for one in come.values():
                one.sendall(b".")
                one.close()

    def rows(self, count: int) -> slice:
        """The rows of a batch that this host computes.

        >>> [Hosts(2, i, "a:1").rows(6) for i in (0, 1)]
        [slice(0, 3, None), slice(3, 6, None)]
        """
        each = count // self.count
        return slice(self.index * each, (self.index + 1) * each)

    @contextmanager
    def own(self, model: SpeechModel, copy: SpeechModel | None = None) -> Iterator[SpeechModel]:
        """The block has a copy, an earlier one brought up to date, that this host can use without the others.

        On one host it has the model itself.
        """
        if not self.several:
            yield model
            return
        shared = keras.distribution.distribution()
        weights = [np.asarray(weight) for weight in model.weights]
        keras.distribution.set_distribution(None)
        try:
            copy = copy or type(model).from_config(model.get_config())
            copy.set_weights(weights)
            yield copy
        finally:
            keras.distribution.set_distribution(shared)


ONE = Hosts()


def _connected(host: str, port: int, end: float) -> socket.socket:
    """A connection, tried again until a time."""
    while True:
        try:
            door = socket.create_connection((host, port), max(0.01, end - time.monotonic()))
            door.settimeout(max(0.01, end - time.monotonic()))
            return door
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.5)
