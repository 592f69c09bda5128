"""Senders are verified: secrets, signatures, networks, and Amazon's own signature."""

import base64
import hmac
import json
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

from services.ingest.door import Stranger, door
from services.ingest.sns import Sns, amazons
from shared.config import SourceConfig
from shared.errors import SettingsError, UnavailableError

BODY = b'{"alerts": []}'
TOPIC = "arn:aws:sns:eu-central-1:123456789012:alarms"
CERTIFICATE_URL = "https://sns.eu-central-1.amazonaws.com/SimpleNotificationService-0a1b.pem"
SUBSCRIBE_URL = "https://sns.eu-central-1.amazonaws.com/?Action=ConfirmSubscription&Token=abc"


async def never(url):
    raise AssertionError(f"{url} must not be fetched")


@pytest.fixture(autouse=True)
def secrets(monkeypatch):
    monkeypatch.setenv("OLD", "sesame")
    monkeypatch.setenv("NEW", "poppy")


def made(fetch=never, **config):
    return door(SourceConfig.model_validate(config), fetch)


async def admitted(entrance, headers=None, body=BODY, client="192.0.2.7"):
    lower = {name.lower(): value for name, value in (headers or {}).items()}
    try:
        entrance.knock(lower, client)
        await entrance.check(lower, body)
    except Stranger as stranger:
        return stranger.status
    return True


def mac(secret="sesame", body=BODY, algorithm="sha256"):
    return hmac.new(secret.encode(), body, algorithm)


BOTH = [{"env": "OLD"}, {"env": "NEW"}]


@pytest.mark.parametrize(
    ("headers", "answer"),
    [
        ({"Authorization": "Bearer sesame"}, True),
        ({"Authorization": "Bearer poppy"}, True),
        ({"Authorization": "Bearer other"}, 401),
        ({}, 401),
    ],
)
async def test_while_a_secret_is_exchanged_both_are_good(headers, answer):
    assert await admitted(made(bearer=BOTH), headers) == answer


@pytest.mark.parametrize(
    ("headers", "answer"),
    [
        ({"X-Gitlab-Token": "sesame"}, True),
        ({"X-Gitlab-Token": "Sesame"}, 401),
        ({"X-Gitlab-Token": ""}, 401),
        ({"X-Other": "sesame"}, 401),
    ],
)
async def test_a_token_in_a_header_of_its_own(headers, answer):
    entrance = made(header={"name": "X-Gitlab-Token", "value": {"env": "OLD"}})
    assert await admitted(entrance, headers) == answer


@pytest.mark.parametrize(
    ("style", "header", "signature"),
    [
        ("github", "X-Hub-Signature-256", "sha256={}"),
        ("pagerduty", "X-PagerDuty-Signature", "v1=0000,v1={}"),
        ("sentry", "Sentry-Hook-Signature", "{}"),
        ("grafana", "X-Grafana-Alerting-Signature", "{}"),
    ],
)
async def test_bodies_signed_in_the_ways_of_vendors(style, header, signature):
    entrance = made(hmac={"style": style, "secret": BOTH})
    for secret in ("sesame", "poppy"):
        signed = {header: signature.format(mac(secret).hexdigest())}
        assert await admitted(entrance, signed) is True
        assert await admitted(entrance, signed, body=BODY + b" ") == 401
    assert await admitted(entrance, {header: signature.format(mac("other").hexdigest())}) == 401
    assert await admitted(entrance, {header: mac().hexdigest()[:-1]}) == 401
    assert await admitted(entrance, {header: "\xff"}) == 401
    assert await admitted(entrance) == 401


@pytest.mark.parametrize("algorithm", ["sha256", "sha1", "sha512"])
async def test_bodies_signed_in_a_way_of_their_own(algorithm):
    entrance = made(
        hmac={
            "secret": {"env": "OLD"},
            "header": "X-Signature",
            "algorithm": algorithm,
            "encoding": "base64",
            "prefix": "v0:",
        }
    )
    signature = base64.b64encode(mac(algorithm=algorithm).digest()).decode()
    assert await admitted(entrance, {"X-Signature": "v0:" + signature}) is True
    assert await admitted(entrance, {"X-Signature": signature}) == 401


@pytest.mark.parametrize(
    ("client", "answer"),
    [("192.0.2.7", True), ("::ffff:192.0.2.7", True), ("192.0.3.7", 403), ("2001:db8::1", True),
     ("2001:db9::1", 403), ("", 403), ("testclient", 403)],
)  # fmt: skip
async def test_only_networks_that_are_allowed(client, answer):
    entrance = made(bearer={"env": "OLD"}, allow_from=["192.0.2.0/24", "2001:db8::/32"])
    headers = {"Authorization": "Bearer sesame"}
    assert await admitted(entrance, headers, client=client) == answer


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"bearer": {"env": "OLD"}, "hmac": {"style": "github", "secret": {"env": "OLD"}}},
        {"bearer": []},
        {"bearer": "sesame"},
        {"hmac": {"secret": {"env": "OLD"}}},
        {"hmac": {"secret": {"env": "OLD"}, "style": "github", "header": "X-Other"}},
        {"sns": {"topics": []}},
        {"bearer": {"env": "OLD"}, "allow_from": ["192.0.2.0/33"]},
    ],
)
def test_a_configuration_that_would_let_strangers_in_is_refused(wrong):
    with pytest.raises(ValueError, match=r".+"):
        SourceConfig.model_validate(wrong)


def test_a_secret_that_is_not_there_stops_the_start():
    with pytest.raises(SettingsError, match="NOWHERE"):
        made(bearer=[{"env": "OLD"}, {"env": "NOWHERE"}])


class Amazon:
    """Amazon's side: a key, the certificate with it, and what was fetched."""

    def __init__(self):
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.fetched = []
        self.away = False
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
        now = datetime(2026, 1, 1, tzinfo=UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(self.key.public_key())
            .serial_number(1)
            .not_valid_before(now)
            .not_valid_after(now + timedelta(days=365))
            .sign(self.key, hashes.SHA256())
        )
        self.pem = certificate.public_bytes(serialization.Encoding.PEM)

    async def fetch(self, url):
        if self.away:
            raise UnavailableError("away")
        self.fetched.append(url)
        return self.pem if url.endswith(".pem") else b"<ConfirmSubscriptionResponse/>"

    def message(self, version="2", kind="Notification", **changes):
        fields = {
            "Type": kind,
            "MessageId": "0e1f",
            "TopicArn": TOPIC,
            "Subject": 'ALARM: "cpu" in EU',
            "Message": '{"AlarmName": "cpu"}',
            "Timestamp": "2026-03-01T03:00:00.000Z",
            "SignatureVersion": version,
            "SigningCertURL": CERTIFICATE_URL,
        }
        names = ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"]
        if kind == "SubscriptionConfirmation":
            del fields["Subject"]
            fields |= {"Token": "abc", "SubscribeURL": SUBSCRIBE_URL}
            names = [
                *("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")
            ]
        fields |= {n: v for n, v in changes.items() if n in {"TopicArn", "SigningCertURL"}}
        text = "".join(f"{name}\n{fields[name]}\n" for name in names)
        algorithm = hashes.SHA1() if version == "1" else hashes.SHA256()
        signature = self.key.sign(text.encode(), padding.PKCS1v15(), algorithm)
        fields["Signature"] = base64.b64encode(signature).decode()
        return json.dumps(fields | changes).encode()


@pytest.fixture(scope="module")
def one_amazon():
    return Amazon()


@pytest.fixture
def amazon(one_amazon):
    one_amazon.fetched.clear()
    one_amazon.away = False
    return one_amazon


@pytest.fixture
def entrance(amazon):
    return made(amazon.fetch, sns={"topics": [TOPIC]})


@pytest.mark.parametrize("version", ["1", "2"])
async def test_a_message_that_amazon_signed_comes_in(amazon, entrance, version):
    assert await admitted(entrance, body=amazon.message(version)) is True


async def test_the_certificate_is_fetched_once(amazon, entrance):
    for _ in range(3):
        await admitted(entrance, body=amazon.message())
    assert amazon.fetched == [CERTIFICATE_URL]


@pytest.mark.parametrize(
    "changes",
    [
        {"Message": '{"AlarmName": "another"}'},
        {"Subject": "another"},
        {"Timestamp": "2026-03-02T03:00:00.000Z"},
        {"Signature": "AAAA"},
        {"Signature": "not base64!"},
        {"SignatureVersion": "3"},
        {"TopicArn": "arn:aws:sns:eu-central-1:123456789012:strangers"},
    ],
    ids=str,
)
async def test_anything_else_stays_out(amazon, entrance, changes):
    assert await admitted(entrance, body=amazon.message(**changes)) == 401


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"\xff", BODY])
async def test_what_is_no_message_of_sns_stays_out(entrance, body):
    assert await admitted(entrance, body=body) == 401


STRANGE = [
    "http://sns.eu-central-1.amazonaws.com/a.pem",
    "https://sns.eu-central-1.amazonaws.com.example.com/a.pem",
    "https://example.com/sns.eu-central-1.amazonaws.com/a.pem",
    "https://sns.eu-central-1.amazonaws.com@example.com/a.pem",
    "https://sns.eu-central-1.amazonaws.com:8443/a.pem",
    "https://s3.eu-central-1.amazonaws.com/a.pem",
    "https://user@sns.eu-central-1.amazonaws.com/a.pem",
    "https://[::1]/a.pem",
    "https://[/a.pem",
    "file:///etc/passwd",
    "",
]


@pytest.mark.parametrize("url", STRANGE)
async def test_no_other_host_is_ever_asked(amazon, entrance, url):
    assert not amazons(url)
    assert await admitted(entrance, body=amazon.message(SigningCertURL=url)) == 401
    assert amazon.fetched == []


async def test_a_certificate_that_cannot_be_fetched_is_a_reason_to_come_again(amazon, entrance):
    amazon.away = True
    with pytest.raises(UnavailableError):
        await entrance.check({}, amazon.message())


async def test_a_subscription_is_confirmed_at_amazon(amazon):
    sns = Sns((TOPIC,), amazon.fetch)
    asks = amazon.message(kind="SubscriptionConfirmation")
    assert await sns.admits(asks)
    assert await sns.confirm(asks)
    assert amazon.fetched == [CERTIFICATE_URL, SUBSCRIBE_URL]


async def test_a_subscription_is_not_confirmed_anywhere_else(amazon):
    asks = amazon.message(kind="SubscriptionConfirmation", SubscribeURL="https://example.com/")
    assert await Sns((TOPIC,), amazon.fetch).confirm(asks)
    assert amazon.fetched == []


async def test_a_notification_confirms_nothing(amazon):
    assert not await Sns((TOPIC,), amazon.fetch).confirm(amazon.message())
    assert amazon.fetched == []
