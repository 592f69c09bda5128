"""Text into terms: what is split, left out, and written as one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.runbook.search.words import of_names, terms


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("NodeFilesystemAlmostOutOfFiles", ("node", "filesystem", "almost", "file")),
        ("node_filesystem_avail_bytes", ("node", "filesystem", "avail", "byte")),
        ("PostgreSQL on db-3", ("postgres", "database")),
        ("restarting restarted restarts", ("restart", "restart", "restart")),
        ("the pod is not ready", ("pod", "notready")),
        ("OOMKilled", ("oom",)),
        ("out-of-memory", ("oom", "memory")),
        ("exit code 137", ("exit", "code", "oom")),
        ("k8s and pg", ("kubernetes", "postgres")),
        ("x509: cert expires", ("certificate", "certificate", "expire")),
        ("no space left on device", ("full", "space", "left", "devic")),
        ("too many open files", ("descriptor", "mani", "open", "file")),
        ("Festplatte voll", ("disk", "full")),
    ],
)
def test_names_are_split_and_words_brought_to_one_form(text, found):
    assert terms(text) == found


@pytest.mark.parametrize(
    "noise",
    [
        "10.0.3.7:9100",
        "10.0.0.0/8",
        "fe80:0:0:1:2:3:4:5",
        "web-1.prod.example.com",
        "2026-03-01T00:00:00Z",
        "0f8fad5b-d9cb-469f-a165-70867728950e",
        "8e9e05c52164694d",
        "someone@example.com",
        "{{ host }}",
        "98.5% 3 1,200",
        "of the and",
    ],
)
def test_what_names_one_machine_or_moment_is_left_out(noise):
    assert terms(f"disk {noise} full") == ("disk", "full")


def test_what_kubernetes_adds_to_a_pods_name_is_left_out():
    assert terms("pod shop/cart-7d9f8b6c5-x2x4z") == ("pod", "shop", "cart")


def test_a_path_of_an_address_stays_and_its_host_does_not():
    assert terms("https://api.example.com/checkout") == ("checkout",)


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("answers HTTP 503", ("503", "5xx")),
        ("returned 429", ("429", "4xx")),
        ("500 connections", ()),
    ],
)
def test_a_status_is_a_number_after_a_word_that_says_so(text, codes):
    assert tuple(term for term in terms(text) if term[0].isdigit()) == codes


def test_a_part_of_a_machines_name_is_told_from_the_same_word_in_the_text():
    assert of_names("auth-1 is slow") == {"authentication"}
    assert of_names("auth is slow on auth-1") == frozenset()


@given(st.text(max_size=300))
def test_any_text_has_terms(text):
    assert all(len(term) > 1 for term in terms(text))
