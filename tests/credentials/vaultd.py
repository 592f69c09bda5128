"""A server that answers as Vault's HTTP API does, for what Handrail asks of it."""

import json
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Vaultd:
    """What it holds, whom it lets in, and what it was asked, as method and path."""

    address: str = ""
    secrets: dict = field(default_factory=dict)
    tokens: set = field(default_factory=lambda: {"root-token"})
    lease: tuple = ("", 0)
    ttl: int = 0
    sealed: bool = False
    asked: list = field(default_factory=list)

    def answer(self, method, path, token, body):  # noqa: PLR0911 one answer each
        """The status and the JSON of an answer."""
        if self.sealed:
            return 503, {"errors": ["Vault is sealed"]}
        if path == "/v1/auth/approle/login":
            if body != {"role_id": "role", "secret_id": "role-secret"}:
                return 400, {"errors": ["invalid role or secret ID"]}
            self.tokens.add("role-token")
            return 200, {"auth": {"client_token": "role-token", "lease_duration": self.ttl}}
        if token not in self.tokens:
            return 403, {"errors": ["permission denied"]}
        if path == "/v1/auth/token/lookup-self":
            return 200, {"data": {"ttl": self.ttl, "renewable": bool(self.ttl)}}
        if path == "/v1/auth/token/renew-self":
            return 200, {"auth": {"client_token": token, "lease_duration": self.ttl}}
        if path == "/v1/sys/leases/renew":
            if body["lease_id"] != self.lease[0]:
                return 400, {"errors": ["lease not found"]}
            return 200, {"lease_id": self.lease[0], "lease_duration": self.lease[1]}
        if path in self.secrets:
            lease_id, seconds = self.lease
            data = {"data": self.secrets[path], "metadata": {"deletion_time": ""}}
            return 200, {"lease_id": lease_id, "lease_duration": seconds, "data": data}
        return 404, {"errors": []}


@contextmanager
def vaultd():
    """One that runs."""
    held = Vaultd()

    class Handler(BaseHTTPRequestHandler):
        def _answer(self):
            length = int(self.headers.get("content-length") or 0)
            body = json.loads(self.rfile.read(length) or b"null")
            path = self.path.partition("?")[0]
            held.asked.append(f"{self.command} {path}")
            token = self.headers.get("X-Vault-Token")
            status, said = held.answer(self.command, path, token, body)
            content = json.dumps(said).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = _answer  # noqa: N815 as the library calls them

        def log_message(self, *_):
            """Tests look at ``asked``."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        held.address = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield held
        finally:
            server.shutdown()
            thread.join()
