"""Ledger rows: the protocol's own, sealed; and worker processes that never outlive their loader."""

import os
import random
import signal
import struct
import subprocess
import sys
import time
from concurrent.futures import Executor
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT, wait_until
from hypothesis import given, settings
from hypothesis import strategies as st
from processes import children, command_line, lives

from loaders import derive as deriving
from loaders.derive import Deriver, Recipe, derive, pool
from lookup import keys
from lookup.errors import Code, UnavailableError
from lookup.index import seal
from lookup.protocol import entries
from lookup.protocol.stretch import Argon2Parameters, stretch
from lookup.protocol.suite import Kind, Lane

ARGON2 = Argon2Parameters(bytes(range(16)), 64, 1, 1)
RECIPE = Recipe(Lane.VERIFIED, 40_000, ARGON2, b"\xa1" * 32, b"\xa2" * 32)
TEXTS = {
    Kind.IIN: ["000101590007", "000101590017", "000101590007"],
    Kind.PHONE: ["+77010000001", "+77010000002"],
    Kind.EMAIL: ["a@example.com", "b@xn--d1acpjx3f.example"],
}
MASKS = np.array([0, 0xFFFF, 0x0102], dtype=np.uint16)


def one_by_one(kind: Kind, text: str) -> bytes:
    """Person and block of one identifier by the protocol's functions."""
    key = keys.derive_lane_key(RECIPE.lane_seed, RECIPE.lane)
    token = entries.token(key.evaluate(stretch(kind, text, RECIPE.argon2)))
    return entries.person(token) + entries.block(token, RECIPE.dataset_id)


@pytest.mark.parametrize("kind", list(Kind))
def test_rows_are_those_of_the_protocol(kind: Kind) -> None:
    """What a loader writes is what a citizen's own computation will look for."""
    texts = TEXTS[kind]
    masks = MASKS[: len(texts)]
    rows = Deriver(RECIPE).rows(kind, texts, masks)
    pairs, unsealed = seal.unseal(RECIPE.ledger_key, rows)
    assert (len(texts), 18) == rows.shape
    assert [one_by_one(kind, text) for text in texts] == [pair.tobytes() for pair in pairs]
    assert masks.tolist() == unsealed.tolist()


def test_a_pool_gives_the_same_rows() -> None:
    """It makes no difference which process derived a row."""
    expected = {kind: Deriver(RECIPE).rows(kind, t, MASKS[: len(t)]) for kind, t in TEXTS.items()}
    with pool(RECIPE, 2) as executor:
        futures = {
            kind: executor.submit(derive, kind, t, MASKS[: len(t)]) for kind, t in TEXTS.items()
        }
        found = {kind: future.result(60) for kind, future in futures.items()}
    assert all(np.array_equal(expected[kind], found[kind]) for kind in Kind)


def test_a_failing_block_ends_its_workers_amid_their_work(tmp_path: Path) -> None:
    """Ctrl-C is not kept waiting by work already submitted, a minute of it with a slow profile."""
    begun, ended = tmp_path / "begun", tmp_path / "ended"

    def interrupted(executor: Executor) -> None:
        executor.submit(_work, begun, ended)
        wait_until(begun.exists)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), pool(RECIPE, 2) as executor:
        interrupted(executor)
    assert not ended.exists()
    assert [] == [pid for pid in children(os.getpid()) if "spawn_main" in command_line(pid)]


def _work(begun: Path, ended: Path) -> None:
    """What a worker may be at when it is interrupted."""
    begun.touch()
    time.sleep(20)
    ended.touch()


def test_workers_and_recipe_show_no_key() -> None:
    """No traceback and no log can hold a key by way of a recipe's text."""
    assert "Lane.VERIFIED" in repr(RECIPE)
    assert "a1" not in repr(RECIPE)
    assert "a2" not in repr(RECIPE)


def test_a_killed_loader_leaves_no_worker() -> None:
    """When the loader is killed outright, its idle and its busy workers end by themselves."""
    program = (
        "import sys; sys.path[:0] = ['tests']\n"
        "from test_derive import RECIPE, pool, derive, Kind, MASKS\n"
        "if __name__ == '__main__':\n"
        "    with pool(RECIPE, 2) as executor:\n"
        "        executor.submit(derive, Kind.IIN, ['000101590007'] * 3, MASKS).result()\n"
        "        print('ready', flush=True)\n"
        "        executor.submit(derive, Kind.IIN, ['000101590007'] * 3_000_000, MASKS).result()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=ROOT,
        start_new_session=True,
    ) as loader:
        assert loader.stdout is not None
        assert b"ready\n" == loader.stdout.readline()
        family = children(loader.pid)
        loader.kill()
        loader.wait()
        wait_until(lambda: not any(lives(pid) for pid in family), seconds=30)
        assert len(family) >= 3  # two workers and the tracker of their semaphores


@settings(deadline=None, max_examples=60)
@given(
    st.binary(min_size=32, max_size=32), st.lists(st.integers(0, 0xFFFF), max_size=40), st.data()
)
def test_unsealing_gives_back_what_was_sealed(
    key: bytes, masks: list[int], data: st.DataObject
) -> None:
    """Persons, blocks and masks come back, and sealing again gives the same bytes."""
    pairs = data.draw(st.binary(min_size=16 * len(masks), max_size=16 * len(masks)))
    fields = np.array(masks, dtype=np.uint16)
    rows = seal.seal(key, pairs, fields)
    found, unsealed = seal.unseal(key, rows)
    assert (pairs, masks) == (found.tobytes(), unsealed.tolist())
    assert np.array_equal(rows, seal.seal(key, pairs, fields))


def test_sealed_rows_are_noise_without_the_key() -> None:
    """No plain byte shows: rows that share person, block or mask share no part of their bytes."""
    person, block = b"\x01" * 8, b"\x02" * 8
    pairs = b"".join(person + bytes([i]) * 8 for i in range(100))
    pairs += b"".join(bytes([i + 100]) * 8 + block for i in range(100))
    rows = seal.seal(b"\x33" * 32, pairs, np.full(200, 3, dtype=np.uint16))
    for part in (rows[:, :8], rows[:, 8:16]):
        assert 200 == len({row.tobytes() for row in part})
    assert len({row.tobytes() for row in rows[:, 16:]}) > 190
    other, masks = seal.unseal(b"\x34" * 32, rows)
    assert other.tobytes() != pairs
    assert len(set(masks.tolist())) > 190


def test_masks_of_one_person_tell_only_that_they_differ() -> None:
    """The same person and dataset is one sealed pair, so a repeated load adds nothing to a set."""
    dice = random.Random(1)
    pair = dice.randbytes(16)
    rows = seal.seal(b"\x33" * 32, pair * 3, np.array([5, 5, 6], dtype=np.uint16))
    assert rows[0].tobytes() == rows[1].tobytes()
    assert rows[0, :16].tobytes() == rows[2, :16].tobytes()
    assert rows[0].tobytes() != rows[2].tobytes()


def test_sealing_is_aes_256_of_fips_197() -> None:
    """Ledgers stay readable for ever: the standard's example (C.3), the mask's pad by OpenSSL 3."""
    pair = bytes.fromhex("00112233445566778899aabbccddeeff")
    rows = seal.seal(bytes(range(32)), pair, np.array([0x8001], dtype=np.uint16))
    assert f"8ea2b7ca516745bfeafc49904b496089{0x664A ^ 0x8001:04x}" == rows.tobytes().hex()


def _half_a_result() -> bytes:
    """Make this worker die when it has sent the length of its result and nothing more."""

    def send(line: Connection, data: bytes) -> None:
        line._send(struct.pack("!i", len(data)))
        os.kill(os.getpid(), signal.SIGKILL)

    Connection._send_bytes = send
    return bytes(100_000)


def test_a_worker_killed_while_it_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rest of its result never comes: the load must end and say so, not wait for it."""
    monkeypatch.setattr(deriving, "_GRACE", 0.3)
    with pytest.raises(UnavailableError) as caught, pool(RECIPE, 2) as executor:
        executor.submit(_half_a_result).result(timeout=30)
    assert Code.INTERNAL is caught.value.code
