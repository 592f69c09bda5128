"""The servers of a cluster, out of one setting."""

import pytest

from shared.bus.bus import servers


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("nats://one:4222", ["nats://one:4222"]),
        ("nats://one:4222/", ["nats://one:4222"]),
        ("nats://u:p@one:4222", ["nats://u:p@one:4222"]),
        ("nats://u:p@one:4222,two:4223", ["nats://u:p@one:4222", "nats://u:p@two:4223"]),
        ("tls://one:1,two:2,three:3", ["tls://one:1", "tls://two:2", "tls://three:3"]),
    ],
)
def test_each_server_gets_a_url_of_its_own(url, expected):
    assert servers(url) == expected
