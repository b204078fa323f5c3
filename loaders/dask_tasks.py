"""Tasks on a Dask cluster, as futures of the standard library.

Dask's own (``Client.get_executor``) looks at a task's state only once its result was fetched. If
the worker has died meanwhile, the task waits to be done again, and its good result is taken for an
error: a load that could go on would stop.
"""

from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any
from weakref import WeakSet

from distributed import Client
from distributed import Future as Task


class Tasks(Executor):
    """Begins tasks; a worker that dies is replaced by another, also for results not yet fetched."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._begun: WeakSet[Task] = WeakSet()

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Begin one; its future has the result, or what Dask raises."""
        task = self._client.submit(fn, *args, pure=False, **kwargs)
        self._begun.add(task)
        outcome: Future[Any] = Future()
        self._client.loop.add_callback(self._hand_on, task, outcome)
        return outcome

    async def _hand_on(self, task: Task, outcome: Future[Any]) -> None:
        try:
            outcome.set_result(await self._client.gather(task, asynchronous=True))
        except BaseException as error:  # noqa: BLE001  else nobody would ever hear of it
            outcome.set_exception(error)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Cancel all that is not done: nobody waits for it any more."""
        del wait, cancel_futures
        self._client.cancel(list(self._begun))
