"""A host that speaks WS-Management as Windows documents it (MS-WSMV), over HTTPS with basic auth.

There is no PowerShell behind it: what the connector's scripts ask for is done here by a POSIX
shell, in the same files. It shows the wire and the connector, not the scripts.
"""

import base64
import datetime as dt
import ipaddress
import json
import ssl
import subprocess
import threading
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from uuid import uuid4

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

USER, PASSWORD = "deploy", "correct horse"

SOAP = "http://www.w3.org/2003/05/soap-envelope"
ADDRESSING = "http://schemas.xmlsoap.org/ws/2004/08/addressing"
SHELL = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell"
TRANSFER = "http://schemas.xmlsoap.org/ws/2004/09/transfer"
WSMAN = "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"
RSP = f"{{{SHELL}}}"


class Windows:
    """What stands on the host: shells, commands, claims."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.claims = folder / "claims"
        self.shells: set[str] = set()
        self.asked: list[dict] = []
        self.starts = True
        self.broken = 0
        self._stdin: dict[str, bytes] = {}
        self._said: dict[str, bytes] = {}
        self._running: dict[str, subprocess.Popen] = {}

    def create(self, body: ET.Element) -> str:
        assert body.find(f"{RSP}Shell/{RSP}InputStreams").text == "stdin"
        shell = str(uuid4()).upper()
        self.shells.add(shell)
        return (
            f"<rsp:Shell><rsp:ShellId>{shell}</rsp:ShellId></rsp:Shell>"
            "<x:ResourceCreated><a:ReferenceParameters><w:SelectorSet>"
            f'<w:Selector Name="ShellId">{shell}</w:Selector>'
            "</w:SelectorSet></a:ReferenceParameters></x:ResourceCreated>"
        )

    def command(self, body: ET.Element) -> str:
        line = body.find(f"{RSP}CommandLine")
        assert line.find(f"{RSP}Command").text == "powershell.exe"
        arguments = [each.text for each in line.findall(f"{RSP}Arguments")]
        bootstrap = base64.b64decode(arguments[-1]).decode("utf-16-le")
        assert "ConvertFrom-Json" in bootstrap
        command = str(uuid4()).upper()
        self._stdin[command] = b""
        return (
            f"<rsp:CommandResponse><rsp:CommandId>{command}</rsp:CommandId></rsp:CommandResponse>"
        )

    def send(self, body: ET.Element) -> str:
        stream = body.find(f"{RSP}Send/{RSP}Stream")
        command = stream.attrib["CommandId"]
        self._stdin[command] += base64.b64decode(stream.text or "")
        if stream.attrib["End"].lower() == "true":
            asked = json.loads(base64.b64decode(self._stdin.pop(command)))
            self.asked.append(asked)
            answer = json.dumps(getattr(self, f"_{asked['action']}")(asked)).encode()
            self._said[command] = b"handrail:" + base64.b64encode(answer) + b"\r\n"
        return "<rsp:SendResponse/>"

    def receive(self, body: ET.Element) -> str:
        command = body.find(f"{RSP}Receive/{RSP}DesiredStream").attrib["CommandId"]
        said = base64.b64encode(self._said.pop(command)).decode()
        return (
            f'<rsp:ReceiveResponse><rsp:Stream Name="stdout" CommandId="{command}">{said}'
            f'</rsp:Stream><rsp:CommandState CommandId="{command}" '
            f'State="{SHELL}/CommandState/Done">'
            "<rsp:ExitCode>0</rsp:ExitCode></rsp:CommandState></rsp:ReceiveResponse>"
        )

    def signal(self, _body: ET.Element) -> str:
        return "<rsp:SignalResponse/>"

    def delete(self, shell: str) -> str:
        self.shells.remove(shell)
        return ""

    def close(self) -> None:
        for process in self._running.values():
            process.kill()
            process.wait()

    def _launch(self, asked: dict) -> dict:
        claim = self.claims / asked["key"]
        claim.mkdir(parents=True, exist_ok=True)
        if _taken(claim / "claim", asked["owner"]) and self.starts:
            threading.Thread(target=self._wrap, args=(claim, asked)).start()
        return self._answer(asked)

    def _wrap(self, claim: Path, asked: dict) -> None:
        if not _taken(claim / "started", "123 456"):
            return
        (claim / "command").write_text(asked["command"])
        with (claim / "stdout").open("wb") as out, (claim / "stderr").open("wb") as err:
            process = subprocess.Popen(["sh", claim / "command"], stdout=out, stderr=err)
        self._running[asked["key"]] = process
        try:
            code = process.wait(asked["seconds"])
        except subprocess.TimeoutExpired:
            (claim / "timed_out").touch()
            process.kill()
            process.wait()
            code = 124
        (claim / "exit.new").write_text(str(code))
        (claim / "exit.new").rename(claim / "exit")

    def _look(self, asked: dict) -> dict:
        return self._answer(asked)

    def _cancel(self, asked: dict) -> dict:
        claim = self.claims / asked["key"]
        claim.mkdir(parents=True, exist_ok=True)
        _taken(claim / "claim", asked["owner"])
        if not _taken(claim / "started", "cancelled") and asked["key"] in self._running:
            (claim / "cancelled").touch()
            self._running[asked["key"]].kill()
            self._running[asked["key"]].wait()
            while not (claim / "exit").exists():
                threading.Event().wait(0.01)
        return self._answer(asked)

    def _read(self, asked: dict) -> dict:
        try:
            ran = subprocess.run(
                ["sh", "-c", asked["command"]],
                capture_output=True,
                check=False,
                timeout=asked["seconds"],
            )
        except subprocess.TimeoutExpired:
            return {"state": "ended", "exit_code": -1, "timed_out": True}
        out, err = (base64.b64encode(each).decode() for each in (ran.stdout, ran.stderr))
        return {
            "state": "ended",
            "exit_code": ran.returncode,
            "timed_out": False,
            "stdout": out,
            "stderr": err,
        }

    def _answer(self, asked: dict) -> dict:
        claim = self.claims / asked["key"]
        state = _state(claim)
        return {
            "state": state,
            "exit_code": int((claim / "exit").read_text()) if state == "ended" else -1,
            "owner": (claim / "claim").read_text() if (claim / "claim").exists() else "",
            "timed_out": (claim / "timed_out").exists(),
            "cancelled": (claim / "cancelled").exists(),
            **{name: _piece(claim / name, asked[name]) for name in ("stdout", "stderr")},
        }


def _state(claim: Path) -> str:
    if not (claim / "claim").exists():
        return "absent"
    if not (claim / "started").exists():
        return "unstarted"
    started = (claim / "started").read_text()
    if started == "cancelled":
        return "cancelled"
    if (claim / "exit").exists():
        return "ended"
    return "gone" if started == "dead" else "running"


def _taken(path: Path, text: str) -> bool:
    try:
        with path.open("x") as file:
            file.write(text)
    except FileExistsError:
        return False
    return True


def _piece(path: Path, start: int) -> str:
    data = path.read_bytes()[start : start + 65536] if path.exists() else b""
    return base64.b64encode(data).decode()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    windows: Windows

    def do_POST(self) -> None:
        data = self.rfile.read(int(self.headers["Content-Length"]))
        login = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        if self.headers.get("Authorization") != f"Basic {login}":
            self._say(401, b"")
            return
        envelope = ET.fromstring(data)
        header, body = (envelope.find(f"{{{SOAP}}}{part}") for part in ("Header", "Body"))
        action = header.find(f"{{{ADDRESSING}}}Action").text.rpartition("/")[2].lower()
        if action == "receive" and self.windows.broken:
            self.windows.broken -= 1
            self.close_connection = True
            return
        if action == "delete":
            selector = header.find(f"{{{WSMAN}}}SelectorSet/{{{WSMAN}}}Selector")
            answer = self.windows.delete(selector.text)
        else:
            answer = getattr(self.windows, action)(body)
        message = header.find(f"{{{ADDRESSING}}}MessageID").text
        self._say(
            200,
            f'<s:Envelope xmlns:s="{SOAP}" xmlns:a="{ADDRESSING}" xmlns:rsp="{SHELL}" '
            f'xmlns:x="{TRANSFER}" xmlns:w="{WSMAN}"><s:Header><a:RelatesTo>{message}</a:RelatesTo>'
            f"</s:Header><s:Body>{answer}</s:Body></s:Envelope>".encode(),
        )

    def _say(self, status: int, data: bytes) -> None:
        self.send_response(status)
        if status == 401:
            self.send_header("WWW-Authenticate", "Basic")
        self.send_header("Content-Type", "application/soap+xml;charset=UTF-8")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Nothing."""


@contextmanager
def serving(windows: Windows) -> Iterator[int]:
    """The host at a port of 127.0.0.1; its certificate is in ``ca.pem`` of its folder."""
    handler = type("Handler", (_Handler,), {"windows": windows})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(_certificate(windows.folder))
    server.socket = context.wrap_socket(
        server.socket, server_side=True, do_handshake_on_connect=False
    )
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        windows.close()


def _certificate(folder: Path) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "web-1")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "ca.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    both = folder / "server.pem"
    both.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return both
