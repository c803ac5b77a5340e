"""Ids never repeat within a world, and random numbers depend only on the seed and the number of the task."""

import math
import re
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evolink_mock.core.seed import Seed, derive_seed, request_id, task_id, task_random_units, world_token

DOCUMENTED_FORM = re.compile(r"task-unified-[0-9]+-[0-9a-z]{8}")
SUFFIXES = 36**8
NOON = 1_757_169_743_000_000

SERVER_SEEDS = st.integers(0, 2**63 - 1)
KEYS = st.text(st.characters(min_codepoint=32, max_codepoint=255), min_size=1, max_size=60)
SEEDS = st.builds(derive_seed, SERVER_SEEDS, KEYS)
NUMBERS = st.integers(0, SUFFIXES - 1)
INSTANTS = st.integers(0, 4_102_444_800_000_000)


@given(SEEDS, NUMBERS, INSTANTS)
def test_a_task_id_has_the_documented_form_and_its_second(seed: Seed, n: int, created: int) -> None:
    name = task_id(seed, n, created)
    assert DOCUMENTED_FORM.fullmatch(name)
    assert name.split("-")[2] == str(created // 1_000_000)


@given(SEEDS)
def test_the_step_between_ids_shares_no_factor_with_36(seed: Seed) -> None:
    assert math.gcd(seed.step, 36) == 1
    assert 0 <= seed.offset < SUFFIXES


@given(SEEDS, NUMBERS)
def test_a_thousand_tasks_of_one_instant_have_a_thousand_ids(seed: Seed, first: int) -> None:
    names = {task_id(seed, n, NOON) for n in range(first, first + 1000)}
    assert len(names) == 1000


@given(SEEDS, NUMBERS, NUMBERS)
def test_two_tasks_of_one_instant_share_an_id_only_if_they_are_the_same(seed: Seed, n: int, m: int) -> None:
    assert (task_id(seed, n, NOON) == task_id(seed, m, NOON)) == (n == m)


@given(st.integers(0, SUFFIXES - 1), st.integers(0, SUFFIXES - 1))
def test_a_suffix_spells_its_whole_number(offset: int, n: int) -> None:
    seed = derive_seed(0, "")._replace(offset=offset, step=1)
    suffix = task_id(seed, n, NOON)[-8:]
    assert int(suffix, 36) == (offset + n) % SUFFIXES


@given(SEEDS, st.integers(1, 10**9))
def test_request_ids_of_one_world_are_unique(seed: Seed, first: int) -> None:
    ids = {request_id(seed, n) for n in range(first, first + 300)}
    assert len(ids) == 300
    assert all(re.fullmatch(r"req_[0-9a-z]{12,}", name) for name in ids)


@given(SERVER_SEEDS, KEYS, KEYS, st.integers(1, 10**9))
def test_request_ids_of_two_worlds_differ(server: int, key: str, other: str, n: int) -> None:
    one, two = (request_id(derive_seed(server, name), n) for name in (key, other))
    assert (one == two) == (key == other)


@given(SERVER_SEEDS, KEYS, KEYS)
def test_another_key_has_another_seed(server: int, key: str, other: str) -> None:
    one, two = derive_seed(server, key), derive_seed(server, other)
    assert (one == two) == (key == other)
    assert (one.secret == two.secret) == (key == other)
    assert (one.offset == two.offset) == (key == other)


@given(SERVER_SEEDS, SERVER_SEEDS, KEYS)
def test_another_server_seed_gives_another_seed(server: int, other: int, key: str) -> None:
    assert (derive_seed(server, key) == derive_seed(other, key)) == (server == other)


def test_ids_and_random_numbers_are_the_same_in_every_process() -> None:
    program = (
        "from evolink_mock.core.seed import *; seed = derive_seed(7, 'sk-local')\n"
        "print([task_id(seed, 3, 10**15), request_id(seed, 3), world_token(seed, 3), task_random_units(seed, 3)])"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    seed = derive_seed(7, "sk-local")
    here = [task_id(seed, 3, 10**15), request_id(seed, 3), world_token(seed, 3), task_random_units(seed, 3)]
    assert answer.stdout.strip() == str(here)


@given(SEEDS, NUMBERS)
def test_random_units_are_four_numbers_from_0_to_below_1(seed: Seed, n: int) -> None:
    units = task_random_units(seed, n)
    assert len(units) == 4
    assert all(0 <= number < 1 for number in units)


@given(SEEDS, st.permutations(range(8)))
def test_random_numbers_do_not_depend_on_the_order_of_calls(seed: Seed, order: list[int]) -> None:
    assert {n: task_random_units(seed, n) for n in order} == {n: task_random_units(seed, n) for n in range(8)}


@given(SEEDS)
def test_random_numbers_differ_from_task_to_task_and_are_uniform(seed: Seed) -> None:
    units = [task_random_units(seed, n) for n in range(1000)]
    assert len(set(units)) == 1000
    assert [sum(column) / 1000 for column in zip(*units, strict=True)] == pytest.approx([0.5] * 4, abs=0.07)


@given(SERVER_SEEDS, st.text("0123456789abcdef", min_size=10, max_size=24), st.integers(0, 10**6))
def test_a_world_token_is_short_hex_and_shows_neither_key_nor_secret(server: int, key: str, epoch: int) -> None:
    seed = derive_seed(server, key)
    token = world_token(seed, epoch)
    assert re.fullmatch(r"[0-9a-f]{24}", token)
    assert key not in token
    assert seed.secret.hex()[:12] not in token


@given(SERVER_SEEDS, SERVER_SEEDS, KEYS)
def test_a_world_token_cannot_be_computed_from_the_key_alone(server: int, other: int, key: str) -> None:
    one, two = (world_token(derive_seed(seed, key), 0) for seed in (server, other))
    assert (one == two) == (server == other)


@given(SEEDS, SEEDS, st.integers(0, 10**6), st.integers(0, 10**6))
def test_a_world_token_changes_with_the_world_and_with_every_reset(
    seed: Seed, other: Seed, epoch: int, later: int
) -> None:
    same = (seed.secret, epoch) == (other.secret, later)
    assert (world_token(seed, epoch) == world_token(other, later)) == same
    assert (world_token(seed, epoch) == world_token(seed, later)) == (epoch == later)


@given(SEEDS, st.integers(0, 10**6))
def test_a_world_token_reveals_no_random_number(seed: Seed, epoch: int) -> None:
    token = int(world_token(seed, epoch)[:8], 16)
    assert token / 2**32 not in task_random_units(seed, epoch)
