"""The parameters document: what is signed, and everything that a client must refuse."""

import copy
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from lookup.errors import Code, InputError
from lookup.protocol import parameters
from lookup.protocol.parameters import (
    Argon2Document,
    FilterDocument,
    Parameters,
    PublishedDataset,
    is_version,
    parse,
    serialise,
    sign,
    verify,
    version_name,
)

ROOT = "ed0447ca" + "00" * 28
# DESIGN's document, key for key and in its order
GOOD: dict[str, Any] = {
    "protocol": 1,
    "lane": "public",
    "suite": "ristretto255-SHA512",
    "mode": "voprf",
    "argon2": {"salt": "a0" * 16, "memory_kib": 1024, "time_cost": 1, "parallelism": 1},
    "kinds": ["iin", "phone", "email"],
    "public_key": "b1" * 32,
    "publisher_key": "c2" * 32,
    "version": "7-ed0447ca",
    "version_salt": "d3" * 16,
    "published_at": "2026-11-22T10:00:00Z",
    "prefix_bits": 12,
    "range_entries": 4160,
    "root": ROOT,
    "datasets": [
        {"id": 1, "name": "kz-2025-16m", "data_classes": ["names", "phone-numbers"]},
        {"id": 300, "name": "b", "data_classes": []},
    ],
    "filter": {"bits": 306721869, "probes": 14, "bytes": 38340234, "sha256": "e4" * 32},
}
SEED = b"\x07" * 32
PUBLISHER = bytes.fromhex("ea4a6c63e29c520abef5507b132ec5f9954776aebebe7b92421eea691446d22c")
MARKER = "950515390002-MARKER"

Path = tuple[str | int, ...]


def paths(node: Any, at: Path = ()) -> list[Path]:
    """Where every value of a document stands."""
    pairs = node.items() if isinstance(node, dict) else enumerate(node)
    found: list[Path] = []
    for key, value in pairs:
        found.append((*at, key))
        if isinstance(value, dict | list):
            found += paths(value, (*at, key))
    return found


def with_value(value: Any, *path: str | int) -> bytes:
    """The good document with another value at a path."""
    raw = copy.deepcopy(GOOD)
    parent: Any = raw
    for key in path[:-1]:
        parent = parent[key]
    parent[path[-1]] = value
    return json.dumps(raw).encode()


def without(*path: str | int) -> bytes:
    """The good document without the value at a path."""
    raw = copy.deepcopy(GOOD)
    parent: Any = raw
    for key in path[:-1]:
        parent = parent[key]
    del parent[path[-1]]
    return json.dumps(raw).encode()


def value_at(path: Path) -> Any:
    """The good document's value at a path."""
    value: Any = GOOD
    for key in path:
        value = value[key]
    return value


def refusal(document: bytes) -> str:
    """The sentence with which a document is refused."""
    with pytest.raises(InputError) as caught:
        parse(document)
    assert caught.value.code is Code.BAD_PARAMETERS
    return caught.value.sentence


ALL_PATHS = paths(GOOD)
KEY_PATHS = [path for path in ALL_PATHS if isinstance(path[-1], str)]
INT_PATHS = [path for path in ALL_PATHS if isinstance(value_at(path), int)]


def test_the_good_document_is_read() -> None:
    """Every value of DESIGN's document arrives, and the lengths that follow from them."""
    got = parse(json.dumps(GOOD).encode())
    assert len(KEY_PATHS) == 16 + 4 + 2 * 3 + 4
    assert json.loads(serialise(got)) == GOOD
    assert list(json.loads(serialise(got))) == list(GOOD)
    assert (got.counter, got.range_bytes) == (7, 8 * 4160 + 32 * 12)
    assert got.view_bytes == got.range_bytes * 4096
    assert got.datasets[0] == PublishedDataset(1, "kz-2025-16m", ("names", "phone-numbers"))


@pytest.mark.parametrize("path", KEY_PATHS, ids=str)
def test_a_missing_key_is_refused(path: Path) -> None:
    """No value has a default: what publish left out stops the client."""
    assert refusal(without(*path)).endswith(f": {path[-1]} is missing")


WRONG: tuple[Any, ...] = (
    None,
    True,
    False,
    -1,
    1.5,
    1e300,
    MARKER,
    "",
    [],
    [None],
    [MARKER],
    {},
    {"a": 1},
)


@pytest.mark.parametrize("path", ALL_PATHS, ids=str)
def test_a_value_of_another_type_is_refused(path: Path) -> None:
    """A value of a wrong type is refused, and the refusal does not repeat it."""
    may_be_empty = path[-1] in ("data_classes", "datasets", "kinds")
    for wrong in WRONG:
        if wrong != [] or not may_be_empty:
            assert MARKER not in refusal(with_value(wrong, *path))


@pytest.mark.parametrize("path", INT_PATHS, ids=str)
def test_a_number_that_is_not_whole_to_json_is_refused(path: Path) -> None:
    """True is no 1 and 12.0 no 12, though Python takes them for equal; nor is a string."""
    value = value_at(path)
    for wrong in (float(value), str(value), bool(value), [value], None):
        refusal(with_value(wrong, *path))


BOUNDS = [
    (("protocol",), 1, 1),
    (("argon2", "memory_kib"), 8, 64 * 1024),
    (("argon2", "time_cost"), 1, 4),
    (("argon2", "parallelism"), 1, 4),
    (("prefix_bits",), 10, 20),
    (("range_entries",), 1, 1 << 20),
    (("datasets", 1, "id"), 2, 65535),  # 1 is the other dataset's
    (("datasets", 0, "id"), 1, 299),
    (("filter", "probes"), 1, 64),
]


@pytest.mark.parametrize(("path", "low", "high"), BOUNDS, ids=str)
def test_both_sides_of_every_bound(path: Path, low: int, high: int) -> None:
    """The last value within a bound is accepted, the first beyond it refused."""
    parse(with_value(low, *path))
    parse(with_value(high, *path))
    refusal(with_value(low - 1, *path))
    refusal(with_value(high + 1, *path))


def test_argon2_lanes_need_memory() -> None:
    """Argon2 wants 8 KiB a lane: less is refused here, not by a crash in the library."""
    tiny = {**GOOD["argon2"], "memory_kib": 16}
    parse(with_value({**tiny, "parallelism": 2}, "argon2"))
    refusal(with_value({**tiny, "parallelism": 3}, "argon2"))


@pytest.mark.parametrize("bits", [1, 7, 8, 9, 1 << 40])
def test_filter_bytes_follow_from_its_bits(bits: int) -> None:
    """A filter's length in bytes is its bits', rounded up; any other is refused."""
    size = (bits + 7) // 8
    good = {**GOOD["filter"], "bits": bits, "bytes": size}
    parse(with_value(good, "filter"))
    for wrong in (size - 1, size + 1):
        refusal(with_value({**good, "bytes": wrong}, "filter"))
    for more in (0, (1 << 40) + 1):
        refusal(with_value({**good, "bits": more, "bytes": (more + 7) // 8}, "filter"))


HEX_PATHS = [
    path
    for path in ALL_PATHS
    if path[-1] in ("salt", "public_key", "publisher_key", "version_salt", "root", "sha256")
]


@pytest.mark.parametrize("path", HEX_PATHS, ids=str)
def test_hex_has_one_spelling(path: Path) -> None:
    """Hex is lower case, of its exact length, with nothing around it."""
    assert len(HEX_PATHS) == 6
    good = value_at(path)
    for wrong in (good.upper(), good[:-1], good[:-2], good + "00", good + "\n", " " + good[1:]):
        refusal(with_value(wrong, *path))
    refusal(with_value("g" + good[1:], *path))
    refusal(with_value("\u0661" + good[1:], *path))


@pytest.mark.parametrize(
    ("path", "good", "bad"),
    [
        (("lane",), ["public", "verified"], ["Public", "", "publi", "public "]),
        (("suite",), ["ristretto255-SHA512"], ["P384-SHA384", "ristretto255-sha512"]),
        (("mode",), ["voprf"], ["oprf", "poprf", "VOPRF", 1]),
        (("kinds",), [["iin"], ["email", "iin"]], [["bin"], ["IIN"], ["iin", 1], [["iin"]], [{}]]),
        (("kinds",), [["iin", "phone", "email"]], [["iin", "phone", "email", "iin"]]),
        (("datasets", 0, "name"), ["a", "0-", "a" * 63], ["", "-a", "A", "a_", "a" * 64, "a\n"]),
        (("datasets", 0, "data_classes"), [["a" * 64], ["1-a"]], [[""], ["A"], ["a" * 65], [1]]),
        (("published_at",), ["2026-02-28T23:59:59Z"], ["2026-02-28", "2026-02-28T23:59:59+05:00"]),
    ],
    ids=str,
)
def test_texts_have_one_form(path: Path, good: list[Any], bad: list[Any]) -> None:
    """A name, a choice or a time is taken in its one form only."""
    for value in good:
        parse(with_value(value, *path))
    for value in bad:
        refusal(with_value(value, *path))


@pytest.mark.parametrize(
    "time",
    ["13-01T00:00:00", "00-10T00:00:00", "11-32T00:00:00", "11-22T24:00:00", "11-22T10:60:00"],
)
def test_a_time_that_no_clock_shows_is_refused(time: str) -> None:
    """A client that shows or compares published_at cannot fall over it."""
    refusal(with_value(f"2026-{time}Z", "published_at"))


def test_sixteen_data_classes_at_most() -> None:
    """The field mask has 16 bits: a seventeenth class could never be told."""
    classes = [f"class-{i}" for i in range(17)]
    parse(with_value(classes[:16], "datasets", 0, "data_classes"))
    refusal(with_value(classes, "datasets", 0, "data_classes"))


def test_two_datasets_with_one_id_are_refused() -> None:
    """An id is never used twice: the answer could name the wrong leak."""
    assert "two datasets" in refusal(with_value(300, "datasets", 0, "id"))


def test_as_many_datasets_as_there_are_ids() -> None:
    """65,535 datasets fit a document; with one more a list is refused unread."""
    many = [{"id": i, "name": f"d{i}", "data_classes": ["names"]} for i in range(1, 65537)]
    assert len(parse(with_value(many[:-1], "datasets")).datasets) == 65535
    assert "at most 65535" in refusal(with_value(many, "datasets"))
    assert parse(with_value([], "datasets")).datasets == ()


def versioned(version: str) -> bytes:
    """The good document with another version."""
    return with_value(version, "version")


def test_version_must_fit_the_root() -> None:
    """A version is its counter and its root's first digits: one root cannot pass for another."""
    parse(versioned("8-ed0447ca"))
    assert "root" in refusal(versioned("7-ed0447cb"))
    refusal(with_value("fd" + ROOT[2:], "root"))


def test_both_sides_of_the_counter() -> None:
    """A leaf holds the counter in 32 bits."""
    assert parse(versioned("0-ed0447ca")).counter == 0
    assert parse(versioned("4294967295-ed0447ca")).counter == (1 << 32) - 1
    for bad in ("4294967296", "9999999999", "99999999999", "07", "-7", "+7", "7 ", "", "\u0667"):
        refusal(versioned(f"{bad}-ed0447ca"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("7-ed0447ca", True),
        ("0-00000000", True),
        ("9999999999-ffffffff", True),
        ("07-ed0447ca", False),
        ("7-ED0447CA", False),
        ("7-ed0447c", False),
        ("7-ed0447ca0", False),
        ("7-ed0447ca\n", False),
        ("7ed0447ca", False),
        ("../7-ed0447ca", False),
        ("", False),
    ],
)
def test_form_of_a_version(text: str, *, expected: bool) -> None:
    """What stands in a URL is a version or it is not, before any file is looked for."""
    assert is_version(text) is expected


def test_unknown_keys_are_ignored() -> None:
    """A later document may say more: old clients read on."""
    expected = parse(json.dumps(GOOD).encode())
    assert parse(with_value({"deep": [1, None, 2.5]}, "new")) == expected
    for path in (("argon2",), ("filter",), ("datasets", 0)):
        assert parse(with_value(MARKER, *path, "new")) == expected


def test_every_cut_document_is_refused() -> None:
    """A document cut off at any byte is refused, not read as a shorter one."""
    document = json.dumps(GOOD, separators=(",", ":")).encode()
    for length in range(len(document)):
        refusal(document[:length])
    refusal(document + b"}")
    refusal(document + document)


@pytest.mark.parametrize(
    "document",
    [
        b"null",
        b"1",
        b'"text"',
        b"[]",
        b"[{}]",
        b"{}",
        b"\xff\xfe",
        b"\x80",
        b"NaN",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"[" * 100_000 + b"]" * 100_000,
        b'{"protocol":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"protocol":' + b"1" * 10_000 + b"}",
        b'{"protocol":1e999}',
        b'{"protocol":-1e999}',
        b'{"protocol":NaN}',
        b'{"protocol":"\\ud800"}',
        b"\0" * 100,
    ],
    ids=lambda document: repr(document[:14]),
)
def test_what_is_not_such_a_document_is_refused_without_a_crash(document: bytes) -> None:
    """However hostile the bytes, the client says that the parameters cannot be used."""
    refusal(document)


@pytest.mark.parametrize("path", INT_PATHS, ids=str)
@pytest.mark.parametrize("text", ["9" * 4000, "-" + "9" * 4000, "9" * 5000, "1e999", "NaN"])
def test_huge_numbers_are_refused(path: Path, text: str) -> None:
    """A number of thousands of digits is out of bounds like any other."""
    document = with_value("HUGE", *path).replace(b'"HUGE"', text.encode())
    assert "9999" not in refusal(document)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32", "utf-32-be"])
def test_a_document_is_utf_8(encoding: str) -> None:
    """A document in an encoding that browsers would not read is refused by all alike."""
    refusal(json.dumps(GOOD).encode(encoding))


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity"])
def test_a_document_is_json_in_unknown_keys_too(text: str) -> None:
    """NaN is Python's and no JSON: browsers would refuse the document."""
    refusal(with_value("HUGE", "new").replace(b'"HUGE"', text.encode()))


def test_both_sides_of_the_longest_document() -> None:
    """Four MiB are read, a byte more is refused before it is."""
    document = json.dumps(GOOD).encode()
    padding = b" " * (parameters.MAX_BYTES - len(document))
    parse(document + padding)
    assert "4 MiB" in refusal(document + padding + b" ")


hexes = {n: st.binary(min_size=n, max_size=n).map(bytes.hex) for n in (16, 28, 32)}
datasets = st.builds(
    PublishedDataset,
    id=st.integers(1, 65535),
    name=st.from_regex(r"[a-z0-9][a-z0-9-]{0,62}", fullmatch=True),
    data_classes=st.lists(
        st.from_regex(r"[a-z0-9-]{1,20}", fullmatch=True), max_size=16, unique=True
    ).map(tuple),
)


@st.composite
def documents(draw: st.DrawFn) -> Parameters:
    """Any parameters that a publisher may sign."""
    root = draw(hexes[32])
    bits = draw(st.integers(1, 1 << 40))
    unique = st.lists(datasets, max_size=4, unique_by=(lambda d: d.id, lambda d: d.name))
    return Parameters(
        protocol=1,
        lane=draw(st.sampled_from(["public", "verified"])),
        suite="ristretto255-SHA512",
        mode="voprf",
        argon2=Argon2Document(
            draw(hexes[16]), draw(st.integers(32, 65536)), draw(st.integers(1, 4)), 1
        ),
        kinds=("iin", "phone", "email"),
        public_key=draw(hexes[32]),
        publisher_key=draw(hexes[32]),
        version=version_name(draw(st.integers(0, (1 << 32) - 1)), bytes.fromhex(root)),
        version_salt=draw(hexes[16]),
        published_at=draw(st.datetimes()).strftime("20%y-%m-%dT%H:%M:%SZ"),
        prefix_bits=draw(st.integers(10, 20)),
        range_entries=draw(st.integers(1, 1 << 20)),
        root=root,
        datasets=tuple(draw(unique)),
        filter=FilterDocument(bits, draw(st.integers(1, 64)), (bits + 7) // 8, draw(hexes[32])),
    )


@given(documents())
@settings(deadline=None, max_examples=50)
def test_what_is_written_is_read(document: Parameters) -> None:
    """parse(serialise(x)) is x, and the same document gives the same bytes again."""
    written = serialise(document)
    assert parse(written) == document
    assert serialise(parse(written)) == written
    assert is_version(document.version)


def bad_signature(key: bytes, document: bytes, signature: bytes) -> bool:
    """Whether a signature is refused, for the one reason it may have."""
    try:
        verify(key, document, signature)
    except InputError as error:
        return error.code is Code.BAD_SIGNATURE
    return False


def test_a_document_changed_in_any_byte_is_refused() -> None:
    """Not a byte of what the publisher signed may be changed, lost or added on the way."""
    document = serialise(parse(json.dumps(GOOD).encode()))
    signature = sign(SEED, document)
    verify(PUBLISHER, document, signature)
    for at in range(len(document)):
        changed = bytearray(document)
        changed[at] ^= 1 << at % 8
        assert bad_signature(PUBLISHER, bytes(changed), signature)
    for other in (document[:-1], document + b"\n", b" " + document, b"", b"qorgan v1 params"):
        assert bad_signature(PUBLISHER, other, signature)


def test_a_signature_changed_in_any_byte_is_refused() -> None:
    """A signature has 64 bytes and one spelling, and fits one key."""
    document = b"document"
    signature = sign(SEED, document)
    for at in range(64):
        changed = bytearray(signature)
        changed[at] ^= 1 << at % 8
        assert bad_signature(PUBLISHER, document, bytes(changed))
    for other in (b"", signature[:-1], signature + b"\0", bytes(64), signature.hex().encode()):
        assert bad_signature(PUBLISHER, document, other)
    for key in (b"", PUBLISHER[:-1], PUBLISHER + b"\0", bytes([PUBLISHER[0] ^ 1]) + PUBLISHER[1:]):
        assert bad_signature(key, document, signature)


def test_a_signature_made_for_something_else_is_refused() -> None:
    """The publisher's key signs other things too: their signatures do not pass for parameters'."""
    key = Ed25519PrivateKey.from_private_bytes(SEED)
    assert bad_signature(PUBLISHER, b"document", key.sign(b"document"))
    verify(PUBLISHER, b"document", key.sign(b"qorgan v1 params" + b"document"))
