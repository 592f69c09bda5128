"""The small web service of the demo: answers on ``/health`` for as long as it lives.

Run as ``python -m deploy.demo.shop PORT PIDFILE``.
"""

import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class Shop(BaseHTTPRequestHandler):
    """Says that the shop is open."""

    def do_GET(self) -> None:
        found = self.path == "/health"
        self.send_response(200 if found else 404)
        self.end_headers()
        self.wfile.write(b"the shop is open\n" if found else b"there is only /health\n")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 as http.server has it
        """Say nothing: the story is told by Handrail."""


def main() -> None:
    port, pid_file = int(sys.argv[1]), Path(sys.argv[2])
    server = ThreadingHTTPServer(("127.0.0.1", port), Shop)
    pid_file.write_text(str(os.getpid()))
    server.serve_forever()


if __name__ == "__main__":
    main()
