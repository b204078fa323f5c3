"""The costly part of a load on a Dask cluster: the second pool beside that of ``loaders.derive``.

The keys go from the loader straight to the workers, over TLS. Identifiers travel through the
scheduler, as Dask's tasks do, sealed with a key that went the other way. So the scheduler's
memory, log and dashboard hold neither. (A scheduler that was broken into can run any program on
its workers: then the keys are lost, as they are with any machine that holds them.)

A worker must be fit for keys: TLS, nothing written to its disk, no core dumps. Each slice brings
back a row that we derived ourselves: a worker with another version of this program is found out
before any of its rows gets into the ledger.
"""

import json
import logging
import secrets
import threading
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Executor, Future, InvalidStateError
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib.metadata import version
from itertools import count
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from distributed import Client, KilledWorker, Security, Worker, get_worker
from numpy.typing import NDArray

from loaders.dask_tasks import Tasks
from loaders.derive import Deriver, Recipe, derive
from lookup.errors import Code, InputError, QorganError, UnavailableError
from lookup.index import seal
from lookup.protocol.suite import Kind
from lookup.secrecy import forbid_core_dumps

_CONNECT = 10.0  # seconds
_CLOSE = 5.0
_LOOK, _MISSED = 0.5, 4  # seconds between two looks at the connection; how often it may be away
_WITNESS = "witness"  # in place of an identifier; nobody has it
_WITNESS_MASK = 0xA55A
_SETTINGS = "DASK_DISTRIBUTED__COMM__TLS__CA_FILE, ..._CLIENT__CERT and ..._CLIENT__KEY"
_LOGGERS = ("distributed", "distributed.client", "tornado", "tornado.application")


class UnfitWorkerError(Exception):
    """A worker may not have keys; the text is a sentence's end, for the operator."""


class WorkerFailedError(Exception):
    """A worker failed; the text is the error's class, for its own text may hold data."""


@dataclass(frozen=True)
class Sealed:
    """What the workers of one load get directly: its recipe, and the key of its slices."""

    recipe: Recipe
    key: bytes = field(repr=False)


@dataclass(frozen=True)
class Cluster:
    """A scheduler that we are connected to."""

    client: Client

    @property
    def workers(self) -> int:
        """How many slices it can derive at a time."""
        threads: dict[str, int] = self.client.nthreads()
        return max(1, sum(threads.values()))

    @contextmanager
    def pool(self, recipe: Recipe) -> Iterator[Executor]:
        """The cluster's workers, holding the recipe; ``derive`` is what to submit.

        When the block ends, however it does, they forget it.

        Raises:
            UnavailableError: no worker is there, or one is not fit for keys.
        """
        sealed = Sealed(recipe, secrets.token_bytes(32))
        with _told():
            if not self.client.nthreads():
                raise UnavailableError(
                    Code.SERVICE_UNREACHABLE, "the scheduler has no workers yet; start some"
                )
            self._refuse_unfit_workers()
            # By direct=True past the scheduler; without hash, for that would be one of the keys.
            held = self.client.scatter(sealed, direct=True, broadcast=True, hash=False)
        executor = Tasks(self.client)
        sealing = Sealing(executor, held, sealed)
        ended = threading.Event()
        threading.Thread(target=self._watch, args=(sealing, ended), daemon=True).start()
        try:
            yield sealing
        finally:
            ended.set()
            with suppress(Exception):  # a lost scheduler has forgotten by itself
                executor.shutdown()
                held.release()

    def _watch(self, sealing: "Sealing", ended: threading.Event) -> None:
        """Tell those who wait for a slice of a lost scheduler; Dask lets some wait for ever."""
        missed = 0
        while missed < _MISSED and not ended.wait(_LOOK):
            missed = 0 if self.client.status == "running" else missed + 1
        if missed:
            sealing.give_up(_unreachable())

    def _refuse_unfit_workers(self) -> None:
        try:
            self.client.run(_refuse_unfit)
        except (UnfitWorkerError, OSError, CancelledError):
            raise
        except Exception:  # noqa: BLE001  where it has no such module, Dask raises no better one
            raise _other_program("does not have this program") from None


class Sealing(Executor):
    """Seals what is submitted, and looks at what comes back."""

    def __init__(self, executor: Any, held: Any, sealed: Sealed) -> None:
        self._executor, self._held = executor, held
        self._cipher, self._nonces = ChaCha20Poly1305(sealed.key), count()
        self._waiting: set[Future[seal.Rows]] = set()
        self._lost: QorganError | None = None
        deriver = Deriver(sealed.recipe)
        self._witnesses = {kind: witness(deriver, kind) for kind in Kind}

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """``derive`` of a kind, texts and masks, on a worker."""
        assert fn is derive and not kwargs  # noqa: S101, PT018  nothing else is ever submitted
        kind, texts, masks = args
        plain = json.dumps([kind.value, [*texts, _WITNESS], [*masks.tolist(), _WITNESS_MASK]])
        nonce = next(self._nonces).to_bytes(12, "big")
        blob = nonce + self._cipher.encrypt(nonce, plain.encode(), None)
        outer: Future[seal.Rows] = Future()

        def hand_on(inner: Future[seal.Rows]) -> None:
            self._waiting.discard(outer)
            with suppress(InvalidStateError):  # given up already
                try:
                    with _told():
                        outer.set_result(self._checked(kind, len(texts), inner.result()))
                except InvalidStateError:
                    raise
                except QorganError as error:
                    outer.set_exception(error)
                except BaseException as error:  # noqa: BLE001  else nobody would ever hear of it
                    outer.set_exception(_failed(type(error).__name__))

        self._waiting.add(outer)
        if self._lost is not None:
            self.give_up(self._lost)
            return outer
        with _told():
            self._executor.submit(derive_sealed, self._held, blob).add_done_callback(hand_on)
        return outer

    def give_up(self, why: QorganError) -> None:
        """End all waiting, now and later."""
        self._lost = why
        for outer in list(self._waiting):
            with suppress(InvalidStateError):
                outer.set_exception(why)

    def _checked(self, kind: Kind, expected: int, rows: seal.Rows) -> seal.Rows:
        if rows.shape != (expected + 1, seal.SEALED_BYTES) or not np.array_equal(
            rows[-1:], self._witnesses[kind]
        ):
            raise _other_program("derives other rows than this program")
        return rows[:-1]


def witness(deriver: Deriver, kind: Kind) -> seal.Rows:
    """The row that each slice brings back beside its own."""
    return deriver.rows(kind, [_WITNESS], np.array([_WITNESS_MASK], dtype=np.uint16))


@contextmanager
def connected(url: str) -> Iterator[Cluster]:
    """A cluster for the length of a block; certificates are those of Dask's own configuration.

    Raises:
        InputError: BAD_USAGE, the URL is not ``tls://HOST:PORT``; BAD_SETTING, no certificates.
        UnavailableError: SERVICE_UNREACHABLE.
    """
    if not _is_tls(url):
        raise InputError(
            Code.BAD_USAGE, "--scheduler must be tls://HOST:PORT: keys travel over TLS only"
        )
    for name in _LOGGERS:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)  # ours is one sentence
    security = _security()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that versions of libraries differ: rows are what we check
        with _told():
            client = Client(
                url,
                security=security,
                timeout=_CONNECT,
                set_as_default=False,
                direct_to_workers=True,
            )
        try:
            yield Cluster(client)
        finally:
            with suppress(Exception):
                client.close(timeout=_CLOSE)


def derive_sealed(sealed: Sealed, blob: bytes) -> seal.Rows:
    """``Deriver.rows`` of one sealed slice, in a worker; its last row is the witness."""
    _refuse_unfit(get_worker())
    failure = ""
    try:
        plain = ChaCha20Poly1305(sealed.key).decrypt(blob[:12], blob[12:], None)
        kind, texts, masks = json.loads(plain)
        fields: NDArray[np.uint16] = np.array(masks, dtype=np.uint16)
        return Deriver(sealed.recipe).rows(Kind(kind), texts, fields)
    except Exception as error:  # noqa: BLE001  told below: a context would travel with it
        failure = type(error).__name__
    raise WorkerFailedError(failure)


def _refuse_unfit(dask_worker: Worker) -> None:
    """Refuse, in a worker, to have keys there."""
    forbid_core_dumps()
    if not dask_worker.address.startswith("tls://"):
        raise UnfitWorkerError("speaks without TLS; give it a certificate and a tls:// address")
    if type(dask_worker.data) is not dict:
        raise UnfitWorkerError("may write keys to its disk; start it with --memory-limit 0")


@contextmanager
def _told() -> Iterator[None]:
    """What Dask raises, as one sentence."""
    try:
        yield
    except QorganError:
        raise
    except UnfitWorkerError as error:
        raise _lost(f"a worker of the cluster {error}") from None
    except WorkerFailedError as error:
        raise _failed(str(error)) from None
    except KilledWorker:
        raise _lost("workers of the cluster died at the same work; give them memory") from None
    except (ImportError, AttributeError):  # its unpickling found no such module, or another one
        raise _other_program("does not have this program") from None
    except (OSError, CancelledError):  # FutureCancelledError too
        raise _unreachable() from None


def _unreachable() -> UnavailableError:
    return _lost(
        "the cluster cannot be reached; check that scheduler and workers run, and that the "
        f"certificates of {_SETTINGS} fit"
    )


def _is_tls(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme == "tls" and bool(parts.hostname and parts.port) and not parts.path
    except ValueError:
        return False


def _security() -> Security:
    security = Security(require_encryption=True)
    try:
        context = security.get_connection_args("client")["ssl_context"]
    except OSError:  # SSLError too
        context = None
    if context is None:
        raise InputError(
            Code.BAD_SETTING,
            f"--scheduler needs certificates; set {_SETTINGS} to their files",
        )
    return security


def _failed(kind: str) -> UnavailableError:
    return _lost(f"a worker of the cluster failed ({kind}); look at its log")


def _other_program(what: str) -> UnavailableError:
    return _lost(f"a worker of the cluster {what}; install qorgan[dask] {version('qorgan')} on all")


def _lost(what: str) -> UnavailableError:
    return UnavailableError(Code.SERVICE_UNREACHABLE, f"{what}, then run the same command again")
