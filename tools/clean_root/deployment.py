"""The deployment: installed as docs/operations.md says, services started as compose would."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tools.clean_root import manual, programs
from tools.clean_root.compose import Mount, Service
from tools.clean_root.containers import Host, Result, Running
from tools.clean_root.image import Image
from tools.clean_root.manual import RunOnce, Shell, Up
from tools.clean_root.report import DiffersError, expect, step

NAME = "nginx"  # what the certificate is for, and the name by which nginx is asked
_PATIENCE = 60.0  # seconds until a service answers
_DATASET = """name = "kz-2025-example"
sensitive = false
title = {kk = "Мысал", ru = "Пример", en = "Example"}
breach_date = 2025-06-16
data_classes = ["government-issued-ids", "names", "phone-numbers"]
"""
# Asks for no service of its own: somebody at home, with the certificate's authority.
ASKER = Service(
    name="asker",
    image="qorgan",
    command=None,
    user=None,
    is_read_only=True,
    capabilities=(),
    no_new_privileges=True,
    tmpfs=(),
    networks=("outside",),
    depends_on=(),
    environment={"SSL_CERT_FILE": "/authority.pem"},
    env_files=(),
    mounts=(
        Mount("asker", "/data", is_read_only=False),
        Mount("./secrets/tls/fullchain.pem", "/authority.pem", is_read_only=True),
    ),
    is_operators=True,
    is_checked=False,
)


@dataclass
class Deployment:
    """Services, images by the names in compose.yaml, and what is running.

    Attributes:
        folder: a copy of ``deploy/`` with secrets and dumps of its own.
    """

    services: dict[str, Service]
    images: dict[str, Image]
    folder: Path
    host: Host
    running: dict[str, Running] = field(default_factory=dict)

    def image(self, service: Service) -> Image:
        """What the service is made from.

        Raises:
            DiffersError: nothing stands in for it here.
        """
        repository = service.image.partition(":")[0]
        if repository not in self.images:
            raise DiffersError(f"{service.name}: nothing stands in for the image {service.image}")
        return self.images[repository]

    def start(self, name: str) -> Running:
        """Start a service and wait: for its image's health check, or until somebody can connect.

        Raises:
            DiffersError: it ended, or is not so far in time.
        """
        service = self.services[name]
        image = self.image(service)
        command = image.command if service.command is None else service.command
        container = self.host.prepared(service, image)
        told = "healthy" if image.check and service.is_checked else "started"
        with step(f"{name}: {told}"):
            one = Running(container, [*image.entrypoint, *command])
            self.running[name] = one
            if told == "healthy":
                wait(lambda: not one.run(image.check).code, f"{name} is not healthy", one)
            elif service.is_checked:
                wait(one.is_listening, f"{name} does not listen", one)
        return one

    def stop(self, name: str) -> None:
        """Stop a service as Docker does; it must end by itself, with exit code 0."""
        with step(f"{name}: stopped in order"):
            expect(f"{name}: exit code", 0, self.running.pop(name).stop())

    def run(self, name: str, *words: str, given: str = "", code: int = 0) -> Result:
        """``docker compose run --rm NAME WORDS``.

        Raises:
            DiffersError: it ended with another exit code.
        """
        service = self.services[name]
        image = self.image(service)
        return _ended(
            self.host.run(service, image, [*image.entrypoint, *words], given), words, code
        )

    def ask(self, *words: str, given: str = "", code: int = 0) -> Result:
        """Somebody outside runs a command of our image, as ``docker run --entrypoint`` does.

        Raises:
            DiffersError: it ended with another exit code.
        """
        image = self.image(ASKER)
        return _ended(self.host.run(ASKER, image, words, given), words, code)


def _ended(done: Result, words: tuple[str, ...], code: int) -> Result:
    if done.code != code:
        said = "\n".join((done.output + done.errors).splitlines()[-15:])
        name = " ".join(words[:2])
        raise DiffersError(f"{name}: exit code {done.code} instead of {code}:\n{said}")
    return done


@dataclass(frozen=True)
class People:
    """Of a synthetic dump: an IIN that is in it, and one that is not."""

    found: str
    clean: str


def prepare(deployment: Deployment) -> People:
    """What an operator brings: a certificate, a dump, and what the register tells of it.

    Raises:
        DiffersError: one of them cannot be made.
    """
    kept, dumps = deployment.folder / "secrets", deployment.folder / "dumps"
    (kept / "tls").mkdir(parents=True)
    dumps.mkdir()
    programs.run(
        (
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-nodes", "-days", "1", "-subj", f"/CN={NAME}"),
            *("-addext", f"subjectAltName=DNS:{NAME}"),
            *("-keyout", str(kept / "tls/privkey.pem"), "-out", str(kept / "tls/fullchain.pem")),
        ),
        "openssl req",
    )
    (dumps / "kz-2025-example.toml").write_text(_DATASET)
    lines = deployment.ask("qorgan", "synth", "--people", "400").output.splitlines()
    (dumps / "people.csv").write_text("\n".join(lines[:301]) + "\n")
    inside = {line.partition(";")[0] for line in lines[1:301]}
    clean = next(iin for line in lines[301:] if (iin := line.partition(";")[0]) not in inside)
    return People(min(inside), clean)


def install(deployment: Deployment, text: str) -> str:
    """Run the commands of docs/operations.md; what they printed.

    Raises:
        DiffersError: one failed.
    """
    told = ""
    for command in manual.commands(text):
        match command:
            case Shell(script):
                with step(f"by the manual: {len(script.splitlines())} lines for a shell"):
                    words = ("bash", "-euc", script)
                    told += programs.run(words, "the manual's script", folder=deployment.folder)
            case RunOnce(name, words):
                for needed in deployment.services[name].depends_on:
                    if needed not in deployment.running:
                        deployment.start(needed)
                with step(f"by the manual: {name} {' '.join(words[:2])}"):
                    told += deployment.run(name, *words).output
            case Up():
                for name, service in deployment.services.items():
                    if name not in deployment.running and not service.is_operators:
                        deployment.start(name)
    return told


def wait(is_so: Callable[[], bool], sentence: str, one: Running) -> None:
    """Until it is so.

    Raises:
        DiffersError: the service ended meanwhile, or it is not so in time.
    """
    deadline = time.monotonic() + _PATIENCE
    while not is_so():
        one.pid()
        if time.monotonic() > deadline:
            raise DiffersError(f"{sentence}; the end of its log:\n{one.log_end()}")
        time.sleep(0.2)
