"""A real HTTPS server that does as a test tells it, and remembers what it was asked."""

import asyncio
import json
import ssl
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass
class Asked:
    """One request as it came."""

    method: str
    path: str
    headers: dict
    body: bytes


@dataclass
class Api:
    """``answers`` has what is said to a path: a status, headers and a body, or a coroutine."""

    port: int = 0
    ca: str = ""
    asked: list = field(default_factory=list)
    answers: dict = field(default_factory=dict)

    def url(self, host="localhost"):
        return f"https://{host}:{self.port}"

    async def __call__(self, reader, writer):
        with suppress(asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            await self._answer(reader, writer)
        writer.close()
        with suppress(ConnectionError, ssl.SSLError):
            await writer.wait_closed()

    async def _answer(self, reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        method, path, _ = head[0].split(" ")
        headers = {}
        for line in filter(None, head[1:]):
            name, _, value = line.partition(": ")
            headers[name.lower()] = value
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        self.asked.append(Asked(method, path, headers, body))
        said = self.answers.get(path, (404, {}, b"nothing here"))
        if callable(said):
            said = await said()
        if said is None:
            return
        status, extra, content = said
        if isinstance(content, dict | list):
            extra, content = {"content-type": "application/json", **extra}, json.dumps(content)
        content = content.encode() if isinstance(content, str) else content
        lines = [f"HTTP/1.1 {status} Said", *(f"{name}: {value}" for name, value in extra.items())]
        lines += [f"content-length: {len(content)}", "connection: close", "", ""]
        writer.write("\r\n".join(lines).encode() + (b"" if method == "HEAD" else content))
        await writer.drain()


@asynccontextmanager
async def api(folder, *, client_ca=None, name="localhost"):
    """An API that shows a certificate for its name and 127.0.0.1, which is its own ``ca``."""
    certificate, key = certified(folder, name)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    if client_ca:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(client_ca)
    one = Api(ca=str(certificate))
    server = await asyncio.start_server(one, "127.0.0.1", 0, ssl=context)
    one.port = server.sockets[0].getsockname()[1]
    try:
        yield one
    finally:
        server.close()
        await server.wait_closed()


def certified(folder, name):
    """A certificate that signs itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    names = [x509.DNSName(name), x509.IPAddress(ip_address("127.0.0.1"))]
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(subject, subject, key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    folder.mkdir(exist_ok=True)
    file, key_file = folder / f"{name}.pem", folder / f"{name}.key"
    file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return file, key_file
