"""Whatever the service does wrong, the page says "could not check" and never "not found".

A visitor who was there before meets another key, another salt, a changed range, a dead store; each
time the first, honest answer was found, so that nothing else can be what is refused.
"""

import json
import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from chromium import LANGUAGES, chromium, keep, needs_chromium, visiting
from conftest import Installation, Served, get, wait_until
from playwright.sync_api import Browser, Route
from site_world import CLEAN, LEAKED, serving

from lookup import keys
from lookup.keys import LoaderKeys
from lookup.protocol import parameters
from lookup.protocol.oprf import ServerKey
from lookup.protocol.suite import Lane
from lookup.protocol.wire import EvaluateResponse, encode_evaluate_response

pytestmark = needs_chromium
__all__ = ["chromium"]

SAYS = {"kk": "Тексеру мүмкін болмады", "ru": "Проверить не удалось", "en": "Could not check"}
Lie = Callable[[bytes], bytes]


@dataclass
class World:
    """The honest site, and the keys to sign lies with."""

    served: Served
    installation: Installation

    @property
    def keys(self) -> LoaderKeys:
        return keys.loader_keys(self.installation.data / "keys")

    def parameters(self, **changes: object) -> tuple[bytes, str]:
        """The served parameters with changes, signed as the publisher signs."""
        _, body = get(f"{self.served.url}/v1/params/public")
        document = json.dumps(json.loads(body) | changes).encode()
        return document, parameters.sign(self.keys.publisher, document).hex()


@pytest.fixture(scope="module")
def world(
    published_site: Installation, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    with serving(published_site, tmp_path_factory.mktemp("doubts")) as (served, installation):
        yield World(served, installation)


def changed(route: Route, lie: Lie) -> None:
    """Let the request through, and change the body of what comes back."""
    reply = route.fetch()
    route.fulfill(response=reply, body=lie(reply.body()))


def flipped(at: int) -> Lie:
    def lie(body: bytes) -> bytes:
        changed = bytearray(body)
        changed[at] ^= 1
        return bytes(changed)

    return lie


RANGE_LIES: dict[str, Lie] = {
    "first byte": flipped(0),
    "last byte": flipped(-1),
    "one byte short": lambda body: body[:-1],
    "one byte more": lambda body: body + b"\0",
    "empty": lambda _: b"",
    "all entries noise": lambda body: os.urandom(len(body) - 384) + body[-384:],
}


@pytest.mark.parametrize("name", RANGE_LIES)
@pytest.mark.parametrize("iin", [LEAKED, CLEAN], ids=["leaked", "clean"])
def test_a_changed_range(chromium: Browser, world: World, name: str, iin: str) -> None:
    """A range that differs in any byte from the signed one is no answer, on a first visit too."""
    with visiting(chromium, world.served.url) as visit:
        visit.open("/ru/")
        visit.context.route("**/v1/range/**", lambda route: changed(route, RANGE_LIES[name]))
        assert visit.ask(iin) == "could_not_check"
        assert "(bad_range)" in visit.page.locator("#answer").inner_text()
        assert visit.page.locator("#actions").is_hidden()


PARAMETER_LIES: dict[str, dict[str, object]] = {
    "another key": {"public_key": ServerKey(b"\7" * 32, b"other").public_key.hex()},
    "another salt": {
        "argon2": {"salt": "00" * 16, "memory_kib": 8, "time_cost": 1, "parallelism": 1}
    },
    "more prefix bits": {"prefix_bits": 16},
}


@pytest.mark.parametrize("name", PARAMETER_LIES)
def test_other_parameters(chromium: Browser, world: World, name: str) -> None:
    """What this device has seen of the service may not change, though the publisher signed it."""
    document, signature = world.parameters(**PARAMETER_LIES[name])
    with visiting(chromium, world.served.url) as visit:
        visit.open("/ru/")
        assert visit.ask(LEAKED) == "found"
        visit.open("/ru/")
        visit.context.route(
            "**/v1/params/**",
            lambda route: route.fulfill(body=document, headers={"Qorgan-Signature": signature}),
        )
        before = len(visit.api())
        assert visit.ask(LEAKED) == "could_not_check"
        assert "(pin_mismatch)" in visit.page.locator("#answer").inner_text()
        asked = {path.split("/")[2] for _, path in visit.api()[before:]}
        assert asked == {"params", "breaches"}  # nothing about the person was asked


def test_another_publisher(chromium: Browser, world: World) -> None:
    """Parameters that somebody else signed are not believed."""
    other = b"\x11" * 32
    _, body = get(f"{world.served.url}/v1/params/public")
    key = keys.publisher_key(other).hex()
    document = json.dumps(json.loads(body) | {"publisher_key": key}).encode()
    signature = parameters.sign(other, document).hex()
    with visiting(chromium, world.served.url) as visit:
        visit.open("/ru/")
        assert visit.ask(LEAKED) == "found"
        visit.context.route(
            "**/v1/params/**",
            lambda route: route.fulfill(body=document, headers={"Qorgan-Signature": signature}),
        )
        assert visit.ask(LEAKED) == "could_not_check"


def test_a_proof_under_another_key(chromium: Browser, world: World) -> None:
    """An evaluation that was not made with the published key is no answer, on a first visit too."""
    other = keys.derive_lane_key(b"\x22" * 32, Lane.PUBLIC)

    def lie(route: Route) -> None:
        blinded = json.loads(route.request.post_data or "")["blinded"]
        evaluation = other.blind_evaluate([bytes.fromhex(element) for element in blinded])
        reply = EvaluateResponse(evaluation.evaluated, evaluation.proof)
        body = encode_evaluate_response(reply)
        route.fulfill(body=body, content_type="application/json")

    with visiting(chromium, world.served.url) as visit:
        visit.open("/kk/")
        visit.context.route("**/v1/evaluate", lie)
        assert visit.ask(LEAKED) == "could_not_check"
        assert "(bad_evaluation)" in visit.page.locator("#answer").inner_text()


def test_a_spoilt_memory(chromium: Browser, world: World) -> None:
    """A pin that cannot be read is not taken for a first visit; the page says what to do."""
    with visiting(chromium, world.served.url) as visit:
        visit.open("/en/")
        visit.page.evaluate("localStorage.setItem('qorgan-pin:', '{\"counter\": 1}')")
        assert visit.ask(LEAKED) == "could_not_check"
        assert "Clear this site's data" in visit.page.locator("#answer").inner_text()


@pytest.mark.parametrize("step", ["params/public", "breaches", "evaluate", "range/**"])
def test_a_broken_connection(chromium: Browser, world: World, step: str) -> None:
    """A request that fails at any step is no answer; trying again after it works."""
    with visiting(chromium, world.served.url) as visit:
        visit.open("/en/")
        visit.context.route(f"**/v1/{step}", lambda route: route.abort())
        assert visit.ask(LEAKED) == "could_not_check"
        assert visit.page.locator("#identifier").input_value() == LEAKED
        visit.context.unroute(f"**/v1/{step}")
        visit.page.get_by_role("button", name="Try again").click()
        visit.page.locator("#answer[data-answer=found]").wait_for()


def test_a_range_broken_once(chromium: Browser, world: World) -> None:
    """What came broken is not kept: trying again asks again."""
    with visiting(chromium, world.served.url) as visit:
        visit.open("/en/")
        visit.context.route("**/v1/range/**", lambda route: changed(route, flipped(0)))
        assert visit.ask(LEAKED) == "could_not_check"
        visit.context.unroute("**/v1/range/**")
        visit.page.get_by_role("button", name="Try again").click()
        visit.page.locator("#answer[data-answer=found]").wait_for()


def test_a_part_of_the_worker_cannot_be_loaded(chromium: Browser, world: World) -> None:
    """The rules for phone numbers come when they are needed; failing once is not for ever."""
    with visiting(chromium, world.served.url) as visit:
        visit.open("/en/")
        visit.context.route("**/static/phones-*", lambda route: route.abort())
        assert visit.ask("+77010001122", "phone") == "could_not_check"
        visit.context.unroute("**/static/phones-*")
        visit.page.get_by_role("button", name="Try again").click()
        visit.page.locator("#answer[data-answer=found]").wait_for()


def test_a_storage_that_fails(chromium: Browser, world: World) -> None:
    """A browser whose storage throws in every call checks all the same, as on a first visit."""
    with visiting(chromium, world.served.url) as visit:
        visit.context.add_init_script(
            "for (const name of ['getItem', 'setItem', 'removeItem'])"
            " Storage.prototype[name] = () => { throw new Error('no') }"
        )
        visit.open("/en/")
        assert visit.ask(LEAKED) == "found"
        visit.page.locator("#done-stop_credit").check()
        visit.page.locator("#clear").click()
        assert visit.ask(CLEAN) == "not_found"


def test_a_worker_that_cannot_be_made(chromium: Browser, world: World) -> None:
    """A browser without module workers is told that it could not check."""
    with visiting(chromium, world.served.url) as visit:
        visit.context.add_init_script(
            "window.Worker = class { constructor() { throw new Error() } }"
        )
        visit.open("/en/")
        assert visit.ask(LEAKED) == "could_not_check"


def test_two_tabs_that_were_told_different_things(chromium: Browser, world: World) -> None:
    """An answer under a key that this device, meanwhile, has learnt otherwise is not shown."""
    other = {"publisher_key": "11" * 32, "public_key": "22" * 32, "argon2": {}, "counter": 9}
    with visiting(chromium, world.served.url) as visit:
        visit.open("/en/")
        kept = f"localStorage.setItem('qorgan-pin:', JSON.stringify({json.dumps(other)}))"

        def meanwhile(route: Route) -> None:
            visit.page.evaluate(kept)
            route.continue_()

        visit.context.route("**/v1/range/**", meanwhile)
        assert visit.ask(LEAKED) == "could_not_check"
        assert "(pin_mismatch)" in visit.page.locator("#answer").inner_text()


def test_the_worker_cannot_be_loaded(chromium: Browser, world: World) -> None:
    """Without its script nothing can be checked; the page says so and gets over it."""
    with visiting(chromium, world.served.url) as visit:
        visit.context.route("**/static/worker-*", lambda route: route.abort())
        visit.open("/en/")
        assert visit.ask(LEAKED) == "could_not_check"
        assert "could not be loaded" in visit.page.locator("#answer").inner_text()
        visit.context.unroute("**/static/worker-*")
        visit.page.get_by_role("button", name="Try again").click()
        visit.page.locator("#answer[data-answer=found]").wait_for()


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_stopped_store(
    chromium: Browser, published_site: Installation, tmp_path: Path, language: str
) -> None:
    """With the store dead nobody is evaluated: the page says that it could not check, and why."""
    limit = {"QORGAN_EVALUATE_LIMIT": "1000/hour"}
    with (
        serving(published_site, tmp_path, **limit) as (served, installation),
        visiting(chromium, served.url) as visit,
    ):
        visit.open(f"/{language}/")
        assert visit.ask(LEAKED) == "found"
        pid = int((installation.data / "store" / "valkey.pid").read_text())
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: b'"store": "away"' in get(f"{served.url}/readyz")[1])
        for iin in (LEAKED, CLEAN):
            assert visit.ask(iin) == "could_not_check"
            assert visit.page.locator("#answer h2").inner_text() == SAYS[language]
        keep(visit.page, f"could-not-check-{language}")
        visit.open(f"/{language}/breaches")
        assert visit.page.locator(".leaks > li").count() == 8
