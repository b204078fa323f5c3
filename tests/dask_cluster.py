"""A Dask scheduler and workers on loopback, over TLS with certificates made for the occasion."""

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dask.config
import pytest
from conftest import free_port, wait_until
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

_ROLES = ("CLIENT", "SCHEDULER", "WORKER")
_MOST_READ = 1 << 22  # bytes of another process's memory at a time


@dataclass
class DaskCluster:
    """A scheduler, and its workers as far as they were started."""

    folder: Path
    url: str
    environ: dict[str, str]
    scheduler: subprocess.Popen[bytes]
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def log(self) -> str:
        """All that scheduler and workers wrote."""
        return "".join(path.read_text(encoding="utf-8") for path in self.folder.glob("*.log"))

    def add_workers(self, count: int, *options: str) -> None:
        """Start workers and wait for them."""
        known = self.log.count("Registered to:")
        for _ in range(count):
            name = f"worker-{len(self.workers)}"
            words = (self.url, "--no-nanny", "--nthreads", "1", "--no-dashboard", "--name", name)
            spill = ("--local-directory", str(self.folder / name), *options)
            program = "distributed.cli.dask_worker"
            self.workers.append(_started(self.folder / name, program, *words, *spill))
        wait_until(lambda: self.log.count("Registered to:") == known + count)

    def end(self, process: subprocess.Popen[bytes]) -> None:
        """Kill a process outright."""
        process.kill()
        process.wait()

    def memory_holds(self, process: subprocess.Popen[bytes], *wanted: bytes) -> list[bool]:
        """Whether each of these is anywhere in a process's memory."""
        found: set[bytes] = set()
        for part in _memory(process.pid, max(map(len, wanted))):
            found.update(each for each in wanted if each in part)
        return [each in found for each in wanted]


def _memory(pid: int, overlap: int) -> Iterator[bytes]:
    maps = Path(f"/proc/{pid}/maps").read_text(encoding="ascii")
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        for low, high in re.findall(r"^([0-9a-f]+)-([0-9a-f]+) rw", maps, re.MULTILINE):
            end, kept = int(high, 16), b""
            for at in range(int(low, 16), end, _MOST_READ):
                try:
                    memory.seek(at)
                    yield (kept := kept[-overlap:] + memory.read(min(_MOST_READ, end - at)))
                except OSError:  # it was given back meanwhile
                    break


@contextmanager
def dask_cluster(folder: Path, workers: int) -> Iterator[DaskCluster]:
    """A cluster for the length of a block."""
    _make_certificates(folder)
    environ = {"DASK_DISTRIBUTED__COMM__TLS__CA_FILE": str(folder / "ca.pem")}
    for role in _ROLES:
        environ[f"DASK_DISTRIBUTED__COMM__TLS__{role}__CERT"] = str(folder / "cert.pem")
        environ[f"DASK_DISTRIBUTED__COMM__TLS__{role}__KEY"] = str(folder / "key.pem")
    with ExitStack() as stack:
        port = free_port()
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        stack.callback(dask.config.refresh)
        for name, value in environ.items():
            patch.setenv(name, value)
        dask.config.refresh()  # it was read when dask was imported
        words = ("--protocol", "tls", "--host", "127.0.0.1", "--port", str(port), "--no-dashboard")
        scheduler = _started(folder / "scheduler", "distributed.cli.dask_scheduler", *words)
        made = DaskCluster(folder, f"tls://127.0.0.1:{port}", environ, scheduler)
        stack.callback(lambda: [made.end(each) for each in (*made.workers, scheduler)])
        made.add_workers(workers, "--memory-limit", "0")
        yield made


def _started(log: Path, program: str, *words: str) -> subprocess.Popen[bytes]:
    with log.with_suffix(".log").open("wb") as out:
        return subprocess.Popen(
            [sys.executable, "-m", program, *words], stdout=out, stderr=out, start_new_session=True
        )


def _make_certificates(folder: Path) -> None:
    """A certificate authority, and one certificate that it gave."""
    authority, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    issuer, subject = (
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]) for name in ("ca", "node")
    )
    now = datetime.now(UTC)
    for name, whose, is_ca in (("ca", authority, True), ("cert", key, False)):
        made = (
            x509.CertificateBuilder()
            .subject_name(issuer if is_ca else subject)
            .issuer_name(issuer)
            .public_key(whose.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
            .sign(authority, SHA256())
        )
        (folder / f"{name}.pem").write_bytes(made.public_bytes(Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
