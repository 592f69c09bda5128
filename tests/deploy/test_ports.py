"""Ports that are free."""

import socket

import pytest

from deploy.ports import RANGE, answers, free_port, is_free
from shared.errors import SettingsError


@pytest.fixture
def taken():
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield listening.getsockname()[1]


def test_the_wanted_port_is_given_where_it_is_free():
    port = free_port(0)

    assert free_port(port) == port


def test_another_port_is_given_where_the_wanted_one_is_taken(taken):
    port = free_port(taken)

    assert port != taken
    assert is_free(port)


def test_a_port_that_was_chosen_beside_is_not_given_again():
    port = free_port(0)

    assert free_port(port, beside={port}) != port


@pytest.mark.parametrize("wanted", [0, 30_110, 27_017])
def test_all_ports_are_of_the_range_of_the_settings(wanted, monkeypatch):
    monkeypatch.setenv(RANGE, "30100-30149")

    assert {free_port(wanted) for _ in range(100)} <= set(range(30_100, 30_150))


def test_no_free_port_at_all_is_told(taken, monkeypatch):
    monkeypatch.setenv(RANGE, f"{taken}-{taken}")

    with pytest.raises(SettingsError, match=f"no port is free .* between {taken} and {taken}"):
        free_port(taken)


@pytest.mark.parametrize("written", ["8000", "9000-8000", "0-100", "60000-65536", "a-b", "-1-5"])
def test_what_is_no_range_of_ports_is_told_with_how_one_is_written(written, monkeypatch):
    monkeypatch.setenv(RANGE, written)

    with pytest.raises(SettingsError, match=f"{RANGE}: '{written}' .* write it as 20000-31999"):
        free_port(8080)


def test_a_listening_port_answers_and_a_free_one_does_not(taken):
    assert answers(taken)
    assert not answers(free_port(0))
