"""Ports that are free."""

import socket

import pytest

from deploy import ports
from deploy.ports import answers, free_port, is_free
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


def test_no_free_port_at_all_is_told(taken, monkeypatch):
    monkeypatch.setattr(ports, "_OTHERS", [taken] * 200)

    with pytest.raises(SettingsError, match="no port is free"):
        free_port(taken)


def test_a_listening_port_answers_and_a_free_one_does_not(taken):
    assert answers(taken)
    assert not answers(free_port(0))
