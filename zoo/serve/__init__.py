"""Models behind HTTP, as OpenAI's API has it: what `zoo serve` runs.

    request -> Gate: who asks, how much, how slowly -> application: its routes -> hear: bytes to samples
            -> Batcher: clips of many requests, as one batch on a worker thread -> the answer
    sound that is going on -> live -> words while they are said

`replicas` has several of these on the nodes of a Ray cluster. `Watch` counts what comes in and goes out. Everything that waits does so on the event loop; everything that computes does so on
threads.
"""

from zoo.serve.limits import Limits, Refusal  # noqa: F401
from zoo.serve.run import HOST, PORT, serve  # noqa: F401
