"""The server on several machines, by Ray Serve.

    client -> a node's proxy -> the less busy of two replicas: Gate, routes, Batcher and models, as without Ray

A replica is the whole application in a process of its own, so limits, queue, batches, figures and log are its own. A request whose
replica or node dies in the middle ends in a 500 or a broken connection, and is answered when the client sends it again.
"""

import logging
import os
import re
import signal
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from zoo.cluster import LOCAL, connected
from zoo.demo.guard import LOCAL as LOCAL_HOSTS
from zoo.demo.page import check_address
from zoo.errors import ZooError, check_whole, first_line
from zoo.serve.limits import Limits
from zoo.serve.run import HOST, PORT, STOP_SECONDS, check_open, say_address

NAME = "zoo"  # of the application
SPARE = 64  # requests beyond `Limits.clients` that reach a replica, for /healthz and for what its Gate refuses


def serve_replicas(
    models: Sequence[str],
    replicas: int = 1,
    address: str = LOCAL,
    host: str = HOST,
    port: int = PORT,
    token: str = "",
    open: bool = False,
    limits: Limits | None = None,
    runtime: str | None = None,
    log: str | None = None,
    keep: bool = False,
    say: Callable[[str], None] = print,
) -> None:
    """Serve models on a Ray cluster until Ctrl-C or SIGTERM; what was accepted by then is finished.

    Args:
        models: As for `zoo.serve.run.serve`; files lie under the same path on every node.
        replicas: Servers, each with models of its own and a core.
        address: Of the cluster, "auto" for that of this machine, or "local" for one that lives as long as the call.
        host: Address at which every node with a replica listens.
        port: Port, the same on every node; 0 is any that is free here.
        token: What clients must send as `Authorization: Bearer TOKEN`.
        open: Whether everybody may use it where there is no token.
        limits: How much each replica takes.
        runtime: "litert" or "keras" for all presets; None for the faster one.
        log: FILE.jsonl: each replica adds lines to FILE-REPLICA.jsonl on its node.
        keep: Whether the logs have the text of the answers.
        say: Called with lines for whoever started it.

    Raises:
        ZooError: Without Ray Serve, a cluster at the address, or a core for each replica; or where Ray Serve runs there already.
    """
    check_open(host, token, open)
    check_whole("replicas", replicas)
    with check_address(host, port) as listener:
        port = listener.getsockname()[1]
    log, how = log and os.path.abspath(log), (limits or Limits(), runtime, keep, host in LOCAL_HOSTS, token)
    models = [os.path.abspath(model) if os.path.isfile(model) else model for model in models]
    with connected(address):
        ray_serve = _started(replicas, host, port)
        stop = threading.Event()
        usual = signal.signal(signal.SIGTERM, lambda *_: stop.set())
        try:
            say(f"Loading {', '.join(map(str, models))}, replicas: {replicas} ...")
            _run(ray_serve, lambda: _replica(models, log, *how), replicas, how[0])
            say_address(say, host, port, token)
            stop.wait()
        except KeyboardInterrupt:
            pass
        finally:
            signal.signal(signal.SIGTERM, usual)
            ray_serve.delete(NAME)  # waits for what was accepted
            ray_serve.shutdown()
    say("The server has stopped.")


def _started(replicas: int, host: str, port: int):
    """The module `ray.serve`, with its proxies started."""
    import ray

    try:
        from ray import serve
    except ImportError:
        raise ZooError('`cluster` needs Ray Serve: pip install "speech-zoo[cluster]".') from None
    if (cores := int(ray.cluster_resources().get("CPU", 0))) < replicas:
        raise ZooError(f"`replicas` must be at most the cores of the cluster, {cores}. Received: {replicas}.")
    if serve.status().proxies:
        raise ZooError("`cluster` must not run Ray Serve yet, whose port cannot change; `serve shutdown` ends it.")
    logging.getLogger("ray.serve").addFilter(lambda record: record.levelno >= logging.ERROR)
    quiet = {"log_level": "ERROR", "enable_access_log": False}
    serve.start(proxy_location="EveryNode", http_options={"host": host, "port": port}, logging_config=quiet)
    return serve


def _run(ray_serve, build: Callable, replicas: int, limits: Limits) -> None:
    """Have Ray Serve start the replicas, and wait until they answer."""
    deployment = ray_serve.deployment(
        ray_serve.ingress(build)(), name=NAME, num_replicas=replicas, ray_actor_options={"num_cpus": 1},
        max_ongoing_requests=limits.clients + SPARE, max_queued_requests=SPARE, max_constructor_retry_count=replicas,
        graceful_shutdown_timeout_s=STOP_SECONDS,
    )  # fmt: skip
    try:
        ray_serve.run(deployment.bind(), name=NAME)
    except RuntimeError as error:
        why = ray_serve.status().applications[NAME].deployments[NAME].message
        ours = re.search(r"^\s*zoo\.errors\.\w+: (.+)$", why, re.MULTILINE)
        raise ZooError(ours[1] if ours else f"`cluster` started no replicas ({first_line(error)}).") from None


def _replica(models: Sequence[str], log: str | None, limits: Limits, runtime: str | None, keep: bool, local: bool, token: str):  # fmt: skip
    """What a replica runs: the application, with models of its own."""
    from ray.serve import get_replica_context

    from zoo.serve.app import application
    from zoo.serve.models import open_models
    from zoo.serve.watch import Watch

    name = get_replica_context().replica_id.unique_id
    watch = Watch(log and Path(log).with_stem(f"{Path(log).stem}-{name}"), keep, name)
    return application(open_models(models, limits, runtime), limits, watch, local, token)
