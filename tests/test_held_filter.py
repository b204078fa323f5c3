"""The filter that a client holds: fetched in parts, gone on with after a cut, never a wrong one."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hostile_service import HostileService, Lie, Reply, Step, flipped, served
from small_publication import LEAKED, OTHER, Publication, publish

from lookup import held_filter
from lookup.client import Client
from lookup.errors import Code, CouldNotCheckError
from lookup.offline import OfflineClient, Possible
from lookup.protocol.suite import Kind

PUBLICATION = publish()
NEWER = publish([(LEAKED, {1: 1}), (OTHER, {1: 1})], counter=4)
SIZE = PUBLICATION.parameters.filter.bytes


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """A filter of 2,397 bytes comes in five parts; nobody waits."""
    monkeypatch.setattr(held_filter, "PART_BYTES", 500)
    monkeypatch.setattr(held_filter, "_PAUSES", (0.0, 0.0))


@pytest.fixture
def service() -> Iterator[HostileService]:
    with served(PUBLICATION) as made:
        yield made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "some" / "filters"


def client(service: HostileService, folder: Path) -> OfflineClient:
    """A program that has just been started."""
    return OfflineClient(Client(service.url), folder)


def parts(service: HostileService) -> list[str]:
    """The ranges of the filter that were asked for since this was last asked."""
    asked = [dict(one.headers)["Range"] for one in service.seen if one.step is Step.FILTER]
    service.seen.clear()
    return asked


def kept(folder: Path) -> dict[str, bytes]:
    """The files in the folder but the lock."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != ".lock"}


def name(publication: Publication) -> str:
    sha256 = publication.parameters.filter.sha256
    return f"public-{publication.parameters.version}-{sha256[:16]}.filter"


def refused(service: HostileService, folder: Path) -> Code:
    with pytest.raises(CouldNotCheckError) as caught:
        client(service, folder).refresh()
    assert caught.value.sentence.startswith("could not check: ")
    return caught.value.code


def failing_after(honest: int, lie: Lie) -> Lie:
    """So many honest replies, then the lie."""
    count = iter(range(1000))
    return lambda reply: reply if next(count) < honest else lie(reply)


def test_it_is_fetched_once(service: HostileService, folder: Path) -> None:
    """In parts, into a file that this program and the next one have from then on."""
    first = client(service, folder)
    assert PUBLICATION.parameters.version == first.refresh()
    starts = [0, 500, 1000, 1500]
    expected = [f"bytes={at}-{at + 499}" for at in starts] + [f"bytes=2000-{SIZE - 1}"]
    assert expected == parts(service)
    assert {name(PUBLICATION): PUBLICATION.filter} == kept(folder)
    first.refresh()
    client(service, folder).refresh()
    assert [] == parts(service)


@pytest.mark.parametrize(
    "cut",
    [
        lambda _: (b"HTTP/1.1 206 x\r\nContent-Length: 500\r\n\r\nabc",),  # amid the body
        lambda _: (b"HTTP/1.1 206",),
        lambda _: (),
        lambda _: Reply(b"", 206),
        lambda _: Reply(b"{}", 503),
    ],
)
def test_it_goes_on_after_a_cut(service: HostileService, folder: Path, cut: Lie) -> None:
    """What came before the connection went is kept, and the next program asks for the rest."""
    service.lies[Step.FILTER] = failing_after(3, cut)
    assert Code.SERVICE_UNREACHABLE is refused(service, folder)
    assert {f"{name(PUBLICATION)}.part": PUBLICATION.filter[:1500]} == kept(folder)
    assert ["bytes=1500-1999"] * 3 == parts(service)[-3:]
    del service.lies[Step.FILTER]
    client(service, folder).refresh()
    assert ["bytes=1500-1999", f"bytes=2000-{SIZE - 1}"] == parts(service)
    assert {name(PUBLICATION): PUBLICATION.filter} == kept(folder)


def test_one_cut_is_not_noticed(service: HostileService, folder: Path) -> None:
    """Within one fetch a part that did not come is asked for again."""
    cuts = iter([False, True, False, True, True, False, False, False])
    service.lies[Step.FILTER] = lambda reply: () if next(cuts) else reply
    client(service, folder).refresh()
    assert {name(PUBLICATION): PUBLICATION.filter} == kept(folder)


def test_parts_of_any_length(service: HostileService, folder: Path) -> None:
    """A service may send less of a part than was asked for; never more than that is taken."""
    service.lies[Step.FILTER] = lambda reply: replace(reply, body=reply.body[:99])
    client(service, folder).refresh()
    assert {name(PUBLICATION): PUBLICATION.filter} == kept(folder)
    for path in folder.iterdir():
        path.unlink()
    service.lies[Step.FILTER] = lambda reply: replace(reply, body=reply.body + bytes(9999))
    client(service, folder).refresh()
    assert {name(PUBLICATION): PUBLICATION.filter} == kept(folder)


@pytest.mark.parametrize("at", [0, 250, 499])
def test_a_wrong_byte(service: HostileService, folder: Path, at: int) -> None:
    """A filter that is not the one that was signed is never asked, and does not stay."""
    service.lies[Step.FILTER] = failing_after(
        4, lambda reply: replace(reply, body=flipped(reply.body, min(at, len(reply.body) - 1)))
    )
    assert Code.BAD_RANGE is refused(service, folder)
    assert {} == kept(folder)


def test_a_draft_of_something_else(service: HostileService, folder: Path) -> None:
    """What an earlier program left is tried once; then the filter is fetched from its beginning."""
    folder.mkdir(parents=True)
    for left in (bytes(700), bytes(SIZE), bytes(SIZE + 5)):
        (folder / f"{name(PUBLICATION)}.part").write_bytes(left)
        client(service, folder).refresh()
        assert {name(PUBLICATION): PUBLICATION.filter} == kept(folder)
        (folder / name(PUBLICATION)).unlink()


@pytest.mark.parametrize("change", [lambda b: flipped(b, 1000), lambda b: b[:-1], lambda _: b""])
def test_a_file_that_was_changed(service: HostileService, folder: Path, change: object) -> None:
    """A file that is not whole any more is fetched anew, before anybody is told anything."""
    assert callable(change)
    client(service, folder).refresh()
    (folder / name(PUBLICATION)).write_bytes(change(PUBLICATION.filter))
    assert isinstance(client(service, folder).check(Kind.IIN, LEAKED), Possible)
    assert {name(PUBLICATION): PUBLICATION.filter} == kept(folder)


def test_a_new_version_replaces_it(service: HostileService, folder: Path) -> None:
    """The newest version's filter is asked, and the one before is not kept."""
    running = client(service, folder)
    running.refresh()
    (folder / "other.txt").write_text("not ours")
    service.publication = NEWER
    assert isinstance(running.check(Kind.IIN, OTHER), Possible)
    assert {name(NEWER): NEWER.filter, "other.txt": b"not ours"} == kept(folder)


def test_a_version_that_goes_while_it_is_fetched(service: HostileService, folder: Path) -> None:
    """The new one is fetched instead; nothing of both is ever mixed."""

    def switches(_: Reply) -> Reply:
        service.publication = NEWER
        del service.lies[Step.FILTER]
        return Reply(b"{}", 410)

    service.lies[Step.FILTER] = failing_after(2, switches)
    assert NEWER.parameters.version == client(service, folder).refresh()
    assert {name(NEWER): NEWER.filter} == kept(folder)
    service.lies[Step.FILTER] = lambda _: Reply(b"{}", 410)
    (folder / name(NEWER)).unlink()
    assert Code.VERSION_GONE is refused(service, folder)


def test_a_service_that_sends_no_parts(
    service: HostileService, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A whole file in place of a part is taken if it is no longer than a part, else refused."""
    service.lies[Step.FILTER] = lambda _: Reply(PUBLICATION.filter)
    with pytest.raises(CouldNotCheckError, match="sends no parts of a file"):
        client(service, folder).refresh()
    monkeypatch.setattr(held_filter, "PART_BYTES", 1 << 20)
    client(service, folder).refresh()
    assert {name(PUBLICATION): PUBLICATION.filter} == kept(folder)


def test_programs_share_a_folder(service: HostileService, folder: Path) -> None:
    """Of several that begin at once, one fetches and the others wait for it."""
    made = [client(service, folder) for _ in range(6)]
    threads = [threading.Thread(target=one.refresh) for one in made]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 5 == len(parts(service))
    assert {name(PUBLICATION): PUBLICATION.filter} == kept(folder)


def test_a_folder_that_cannot_be_used(service: HostileService, folder: Path) -> None:
    """The error says which folder, and what is wrong with it."""
    folder.parent.mkdir()
    folder.write_text("a file")
    with pytest.raises(CouldNotCheckError, match=r"filters cannot be used \(file exists\)"):
        client(service, folder).refresh()


@pytest.mark.parametrize(
    ("size", "code", "asked"),
    [(1 << 30, Code.SERVICE_UNREACHABLE, 3), ((1 << 30) + 1, Code.BAD_PARAMETERS, 0)],
)
def test_a_filter_without_end(
    service: HostileService, folder: Path, size: int, code: Code, asked: int
) -> None:
    """A signed filter of 1 GiB is asked for; one of a byte more is not, lest it fill the disk."""
    large = replace(PUBLICATION.parameters.filter, bits=8 * size, bytes=size)
    service.publication = PUBLICATION.signed_anew(filter=large)
    service.lies[Step.FILTER] = lambda _: Reply(b"", 403)
    assert code is refused(service, folder)
    assert asked == len(parts(service))
