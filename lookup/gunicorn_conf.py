"""The configuration of gunicorn: ``gunicorn -c python:lookup.gunicorn_conf wsgi:app``.

gunicorn reads its settings from the names of this module, so unlike all others it works at
import: it reads ``Settings``, starts the log and takes the stopping signals. Only ``QORGAN_*``
configures the service. gunicorn's own options (command line, ``GUNICORN_CMD_ARGS``) are refused,
except those of ``_HARMLESS``; of these the ones about logging have no effect.

House rule: gunicorn takes every name that it knows, so nothing else here may have such a name.
"""

import atexit
import gc
import os
import signal
import sys
import threading
from types import FrameType
from typing import Any, NoReturn

from gunicorn.config import Config

import lookup.app as _application  # noqa: F401  see gc.freeze below
from lookup import logs, open_files, tally
from lookup.errors import QorganError
from lookup.gunicorn_logger import QuietLogger
from lookup.gunicorn_worker import REFUSED, UNAVAILABLE, QuietWorker
from lookup.index.embedded import EmbeddedStore
from lookup.readiness import announce
from lookup.secrecy import forbid_core_dumps
from lookup.settings import Settings


def _refuse(sentence: str, exit_code: int = REFUSED) -> NoReturn:
    sys.stderr.write(f"qorgan: {sentence}\n")
    sys.exit(exit_code)


def _read_settings() -> Settings:
    try:
        return Settings.from_env()
    except QorganError as error:
        _refuse(error.sentence, error.exit_code)


def _stop_early(number: int, _: FrameType | None) -> NoReturn:
    sys.exit(128 + number)


forbid_core_dumps()
open_files.allow_most()
_settings = _read_settings()
logs.configure(json_lines=_settings.log_json)

# Until the arbiter takes the signals. A shell without job control starts background processes
# with SIGINT ignored; set here, so that whatever starts later can be interrupted too.
for _number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(_number, _stop_early)

# what serves
bind = [f"{_settings.host}:{_settings.port}"]
workers = _settings.workers
worker_class = QuietWorker
threads = 16  # a stalled client holds one for 10 s at most; idle ones cost nothing
preload_app = False  # each worker maps the version and opens its store itself, after the fork
gc.freeze()  # what was imported is there once for all workers, and is not looked through by any
worker_tmp_dir = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108 # no disk in the heartbeat
proc_name = "qorgan"

# when it stops
timeout = 30  # seconds without a sign of life from a worker's main loop
graceful_timeout = 5  # leaves the store half of the 10 s in which everything must have stopped
keepalive = 15  # seconds; an idle connection holds no thread

# what it refuses to read
limit_request_line = 2048  # bytes; our longest path has under 200
limit_request_fields = 64
limit_request_field_size = 8190  # bytes; a browser may bring cookies of the parent domain
http_parser = "python"  # the one whose refusals are tested
http_protocols = "h1"
http2_cleartext = "off"
protocol = "http"
proxy_protocol = "off"
header_map = "drop"  # names with an underscore: they could pass for others in the environment

# whom it trusts: nobody; QORGAN_PROXY_HOPS is for the application
forwarded_allow_ips = ""
forwarder_headers = ""
secure_scheme_headers: dict[str, str] = {}

# what it tells
logger_class = QuietLogger
accesslog = None
control_socket_disable = True  # it would be a socket in the home folder

_HARMLESS = {
    *("config", "wsgi_app", "default_proc_name", "chdir", "pythonpath"),
    *("pidfile", "user", "group", "umask", "worker_tmp_dir"),
    *("bind", "backlog", "workers", "threads", "worker_connections", "timeout", "keepalive"),
    *("loglevel", "accesslog", "access_log_format", "errorlog"),
}


def on_starting(server: Any) -> None:
    """Refuse foreign options, then hold the store; before sockets and workers exist."""
    ours = Config()
    for name in ours.settings:
        if name in globals():
            ours.set(name, globals()[name])
    for name, setting in server.cfg.settings.items():
        if name not in _HARMLESS and setting.get() != ours.settings[name].get():
            _refuse(f"gunicorn's {name} is not for changing here; use the QORGAN_ settings")
    server.APP_LOAD_ERROR, server.WORKER_BOOT_ERROR = REFUSED, UNAVAILABLE
    atexit.register(_release_once, os.getpid())
    _share_counts()
    try:
        _hold_store()
    except QorganError as error:
        _refuse(error.sentence, error.exit_code)


def on_exit(_server: Any) -> None:
    """Release the store, when all workers have gone."""
    _release_once(os.getpid())


def post_worker_init(worker: Any) -> None:
    """Let the first worker say when the service answers.

    Not ``when_ready``: the arbiter would then fork its workers while it has a second thread.
    """
    if worker.age == 1:
        threading.Thread(target=_announce, args=(worker,), daemon=True).start()


_embedded: EmbeddedStore | None = None


def _hold_store() -> None:
    """Attach to the embedded store, which starts it where nobody else has."""
    global _embedded  # noqa: PLW0603 # gunicorn's hooks are functions of a module
    if _settings.redis_url is None:
        _embedded = EmbeddedStore.attach(_settings.data / "store")


def _release_store() -> None:
    """Detach from the embedded store, which stops it where nobody else is attached.

    Called once, also where ``_hold_store`` failed or was interrupted by a signal.
    """
    if _embedded is not None:
        _embedded.detach()


_share: tally.Share | None = None


def _share_counts() -> None:
    """Give the workers a place to count in, of which each can tell the sums."""
    global _share  # noqa: PLW0603 # gunicorn's hooks are functions of a module
    _share = tally.share()


_released = False


def _release_once(pid: int) -> None:
    """Release the store, also where gunicorn leaves without ``on_exit``; never in a worker."""
    global _released  # noqa: PLW0603 # gunicorn's hooks are functions of a module
    if pid == os.getpid() and not _released:
        _released = True
        if _share is not None:
            _share.end()
        _release_store()


def _announce(worker: Any) -> None:
    host, port = worker.sockets[0].getsockname()[:2]
    announce(host, port, f"http://{_settings.host}:{port}", lambda: worker.alive)
