"""The runbooks for certificates, names, hosts and what lies between them repair what they say."""

import shutil
import ssl
import subprocess
import threading
from contextlib import contextmanager, suppress
from pathlib import Path
from socketserver import BaseRequestHandler, ThreadingTCPServer

import pytest

from shared.lifecycle import StepState
from tests.library.machines import changed
from tests.library.site import firing
from tests.programs import program

SUBJECT = "/CN=localhost"


class Certificates:
    """A root, an intermediate, and certificates of `localhost` that the latter signs."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.root = directory / "root.pem"
        self.live = directory / "live" / "localhost"
        self.served = directory / "served.pem"
        self.key = directory / "leaf.key"
        self.live.mkdir(parents=True)
        (directory / "ca.ext").write_text("basicConstraints=critical,CA:TRUE\n")
        (directory / "leaf.ext").write_text("subjectAltName=DNS:localhost\n")
        for name in ("root", "middle", "leaf"):
            self._run("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", f"{name}.key")
        self._run(
            *("req", "-x509", "-key", "root.key", "-subj", "/CN=Root", "-days", "3650"),
            *("-out", "root.pem", "-addext", "basicConstraints=critical,CA:TRUE"),
        )
        self._signed(
            "middle", "/CN=Middle", by="root", out="live/localhost/chain.pem", ext="ca.ext"
        )

    def issue(self, days: int) -> None:
        """A new certificate on disk, with its whole chain."""
        shutil.copy(self.live / "chain.pem", self.directory / "middle.pem")
        self._signed("leaf", SUBJECT, by="middle", out="live/localhost/cert.pem", days=days)
        self.join("cert.pem", "chain.pem")

    def join(self, *names: str) -> None:
        texts = [(self.live / name).read_text() for name in names]
        (self.live / "fullchain.pem").write_text("".join(texts))

    @property
    def renewal(self) -> str:
        """The shell command that issues a certificate for 90 days."""
        sign = (
            f"cd {self.directory} && openssl x509 -req -in leaf.csr -CA middle.pem"
            " -CAkey middle.key -CAcreateserial -days 90 -extfile leaf.ext"
            " -out live/localhost/cert.pem"
        )
        return f"{sign}\ncd live/localhost && cat cert.pem chain.pem >fullchain.pem\n"

    def _signed(self, name, subject, *, by, out, days=3650, ext="leaf.ext"):
        self._run("req", "-new", "-key", f"{name}.key", "-subj", subject, "-out", f"{name}.csr")
        self._run(
            *("x509", "-req", "-in", f"{name}.csr", "-CA", f"{by}.pem", "-CAkey", f"{by}.key"),
            *("-CAcreateserial", "-days", str(days), "-extfile", ext, "-out", out),
        )

    def _run(self, *arguments):
        subprocess.run(
            [program("openssl"), *arguments], cwd=self.directory, check=True, capture_output=True
        )


@contextmanager
def serving(certificates: Certificates):
    """A TLS server that reads what it was last told to; on which port."""
    shutil.copy(certificates.live / "fullchain.pem", certificates.served)

    class Handshake(BaseRequestHandler):
        def handle(self):
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificates.served, certificates.key)
            # A client that does not trust us goes away.
            with (
                suppress(OSError),
                context.wrap_socket(self.request, server_side=True) as connection,
            ):
                connection.recv(1)

    server = ThreadingTCPServer(("127.0.0.1", 0), Handshake)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def certificates(tmp_path):
    return Certificates(tmp_path)


def web_server(site, certificates):
    """A host whose web server reads the chain on a reload, as nginx does."""
    host = site.machine("web-1", "systemctl", "certbot")
    host.unit("nginx")
    full = certificates.live / "fullchain.pem"
    host.hook("nginx.service.reload", f"cat {full} >{certificates.served}\n")
    return host


def about(name, certificates, port):
    return firing(
        name,
        {"host": "web-1", "domain": "localhost", "port": str(port)},
        {
            "certificate_directory": str(certificates.live.parent),
            "trust_store": str(certificates.root),
        },
    )


async def test_a_certificate_that_expires_is_renewed_and_served(site, certificates):
    certificates.issue(days=5)
    host = web_server(site, certificates)
    host.hook("certbot.renew", certificates.renewal)
    with serving(certificates) as port:
        await site.repaired(about("BlackboxSslCertificateWillExpireSoon", certificates, port))
    assert host.read("units/nginx.service") == "active 1 reloaded\n"


async def test_a_certificate_that_was_renewed_already_is_only_read_again(site, certificates):
    certificates.issue(days=5)
    host = web_server(site, certificates)
    host.hook("certbot.renew", "exit 1\n")
    with serving(certificates) as port:
        certificates.issue(days=80)
        session = await site.repaired(about("BlackboxSslCertificateExpired", certificates, port))
    assert "its check says that it is done" in session.run("renew").reason


async def test_without_a_rehearsal_that_works_nothing_is_renewed(site, certificates):
    certificates.issue(days=5)
    web_server(site, certificates)
    before = (certificates.live / "cert.pem").read_text()
    with serving(certificates) as port:
        plan = site.plan(about("SSLCertExpiringSoon", certificates, port))
        session = await site.run(plan)
        assert not await site.is_well(plan)
    assert session.run("renew").state is StepState.SKIPPED
    assert (certificates.live / "cert.pem").read_text() == before


async def test_a_chain_without_its_intermediate_is_made_whole(site, certificates):
    certificates.issue(days=80)
    certificates.join("cert.pem")
    web_server(site, certificates)
    with serving(certificates) as port:
        plan = site.plan(about("TlsChainBroken", certificates, port))
        session = await site.repaired(about("TlsChainBroken", certificates, port))
        assert (certificates.live / "fullchain.pem").read_text().count("BEGIN") == 2
        await site.taken_back(session, "join")
        assert not await site.is_well(plan)


async def test_a_chain_that_is_served_whole_is_not_written_anew(site, certificates):
    certificates.issue(days=80)
    web_server(site, certificates)
    with serving(certificates) as port:
        certificates.join("cert.pem")
        session = await site.run(site.plan(about("TlsChainBroken", certificates, port)))
    assert session.run("join").state is StepState.SKIPPED
    assert not (certificates.live / "fullchain.pem.before").exists()


async def test_a_chain_that_fits_nothing_on_disk_is_left_alone(site, certificates):
    certificates.issue(days=80)
    certificates.join("cert.pem")
    (certificates.live / "chain.pem").write_text((certificates.live / "cert.pem").read_text())
    web_server(site, certificates)
    with serving(certificates) as port:
        await site.left_alone(about("TlsChainBroken", certificates, port))
    assert (certificates.live / "fullchain.pem").read_text().count("BEGIN") == 1


@pytest.mark.parametrize(
    ("kind", "wrong", "right"),
    [("A", "192.0.2.66", "192.0.2.1"), ("CNAME", "old.cdn.example.net.", "new.cdn.example.net.")],
)
async def test_a_record_points_to_the_right_place_again(site, kind, wrong, right):
    host = site.machine("ns-1", "dig", "nsupdate")
    others = "example.com NS ns-1.example.com.\nmail.example.com A 192.0.2.7\n"
    host.write("zone", f"{others}www.example.com {kind} {wrong}\n")
    alert = firing(
        "DnsRecordWrong",
        {
            "name_server": "ns-1",
            "zone": "example.com",
            "record": "www.example.com",
            "record_type": kind,
        },
        {"expected_value": right},
    )

    session = await site.repaired(alert)

    assert host.read("zone") == f"{others}www.example.com {kind} {right}\n"
    await site.taken_back(session, "replace")
    assert host.read("zone") == f"{others}www.example.com {kind} {wrong}\n"


def dead_host(site, power):
    beside = site.machine("bastion", "ipmitool", "nc")
    beside.ends("ping", 1)
    beside.write("power/192.0.2.50", f"{power}\n")
    beside.write("power/192.0.2.51", "on\n")
    return beside


DEAD = firing("HostUnreachable", {"instance": "db-7:9100", "bmc": "192.0.2.50"})


@pytest.mark.parametrize(("power", "after"), [("off", "on"), ("on", "cycled")])
async def test_a_host_that_is_dead_gets_power(site, power, after):
    beside = dead_host(site, power)
    before = site.files()
    await site.repaired(DEAD)
    assert beside.read("power/192.0.2.50") == f"{after}\n"
    assert changed(before, site) == {"bastion/power/192.0.2.50", "bastion/ends/ping"}


async def test_a_host_whose_ssh_port_answers_keeps_its_power(site):
    beside = dead_host(site, "on")
    beside.write("ports/db-7:22", "")
    await site.left_alone(DEAD)


def shop_and_its_database(site, *, heals):
    shop = site.machine("shop-1", "systemctl", "journalctl", "nc")
    shop.says("getent", "192.0.2.9 db-1\n")
    shop.ends("curl", 22)
    shop.unit("shop")
    database = site.machine("db-1", "systemctl", "journalctl")
    database.unit("postgresql", "failed")
    healed = f"; echo 0 >{shop.state}/ends/curl" if heals else ""
    opened = f"mkdir -p {shop.state}/ports; : >{shop.state}/ports/db-1:5432{healed}\n"
    database.hook("postgresql.service.restart", opened)
    shop.hook("shop.service.restart", "test -e ports/db-1:5432 && echo 0 >ends/curl\n")
    return shop, database


DEPENDENT = firing(
    "DependencyDown",
    {
        "service": "shop",
        "instance": "shop-1:8080",
        "dependency": "postgresql",
        "dependency_host": "db-1",
        "dependency_port": "5432",
    },
    {"probe_url": "http://localhost:8080/health"},
)


@pytest.mark.parametrize("heals", [True, False], ids=["by itself", "by a restart"])
async def test_a_dependency_comes_back_and_then_the_service(site, heals):
    shop, database = shop_and_its_database(site, heals=heals)
    await site.repaired(DEPENDENT)
    assert database.read("units/postgresql.service") == "active 2\n"
    assert shop.read("units/shop.service") == ("active 1\n" if heals else "active 2\n")


async def test_a_dependency_that_runs_is_not_touched(site):
    shop, database = shop_and_its_database(site, heals=False)
    database.unit("postgresql")
    shop.write("ports/db-1:5432", "")
    session = await site.repaired(DEPENDENT)
    assert session.run("start").state is StepState.SKIPPED
    assert database.read("units/postgresql.service") == "active 1\n"


async def test_a_table_of_connections_is_doubled(site):
    host = site.machine("web-1", "sysctl")
    host.says("ss", "ESTAB 0 0 192.0.2.1:443 198.51.100.7:5555\n")
    host.write("sysctl/net.netfilter.nf_conntrack_count", "60000\n")
    host.write("sysctl/net.netfilter.nf_conntrack_max", "65536\n")
    before = site.files()

    session = await site.repaired(
        firing("NodeHighNumberConntrackEntriesUsed", {"instance": "web-1:9100"})
    )

    assert host.read("sysctl/net.netfilter.nf_conntrack_max") == "131072\n"
    assert changed(before, site) == {"web-1/sysctl/net.netfilter.nf_conntrack_max"}
    await site.taken_back(session, "double")
    assert site.files() == before


async def test_a_table_of_connections_does_not_grow_for_ever(site):
    host = site.machine("web-1", "sysctl")
    host.says("ss", "")
    host.write("sysctl/net.netfilter.nf_conntrack_count", "4100000\n")
    host.write("sysctl/net.netfilter.nf_conntrack_max", "4194304\n")
    await site.left_alone(firing("HostConntrackLimit", {"instance": "web-1:9100"}))


async def test_a_host_may_have_more_files_open(site):
    host = site.machine("web-1", "sysctl")
    host.write("sysctl/fs.file-nr", "95000 0 100000\n")
    host.write("sysctl/fs.file-max", "100000\n")
    await site.repaired(firing("NodeFileDescriptorLimit", {"instance": "web-1:9100"}))
    assert host.read("sysctl/fs.file-max") == "200000\n"
