"""The listening side of HTTP: binds at once, bounds connections and their idle time, reads bodies."""

from __future__ import annotations

import json
import socket
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from .completions import RequestError

MAX_CONNECTIONS = 256
MAX_BODY_BYTES = 1_048_576
MAX_DRAINED_BYTES = 4 * MAX_BODY_BYTES  # of a body that is refused, so that its sender reads our answer
IDLE_TIMEOUT_S = 30


class HttpServer(ThreadingHTTPServer):
    """A thread per connection, at most MAX_CONNECTIONS of them; further ones are closed unanswered."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, host: str, port: int, handler: type[BaseHTTPRequestHandler]) -> None:
        """Binds and listens; raises OSError if it cannot."""
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.room = threading.BoundedSemaphore(MAX_CONNECTIONS)
        super().__init__((host, port), handler)

    def server_bind(self) -> None:
        # HTTPServer.server_bind would look up the host's name in DNS, which may take seconds.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = bound = self.socket.getsockname()
        self.server_name, self.server_port = bound[0], bound[1]

    def process_request(self, request: Any, client_address: Any) -> None:
        if self.room.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self.room.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Reports bugs; a client that went away is none."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class JsonHandler(BaseHTTPRequestHandler):
    """Reads bounded bodies, writes JSON and server-sent events."""

    protocol_version = "HTTP/1.1"
    timeout = IDLE_TIMEOUT_S
    server_version = "demo"
    sys_version = ""
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: Any) -> None:
        """No access log."""

    def read_body(self) -> bytes:
        """Returns the body; raises RequestError 400, 411 or 413."""
        text = self.headers.get("Content-Length")
        if text is None or "Transfer-Encoding" in self.headers:
            self.close_connection = True
            raise RequestError(411, "a body with Content-Length is required")
        if not (text.isascii() and text.isdigit() and len(text) <= 18):
            self.close_connection = True
            raise RequestError(400, "Content-Length is not a number")
        length = int(text)
        if length > MAX_BODY_BYTES:
            self.close_connection = True
            self.drain(min(length, MAX_DRAINED_BYTES))
            raise RequestError(413, f"the body is larger than {MAX_BODY_BYTES} bytes")
        body = self.rfile.read(length)
        if len(body) < length:
            self.close_connection = True
            raise RequestError(400, "the body ends early")
        return body

    def drain(self, count: int) -> None:
        """Reads and drops up to `count` bytes."""
        while count > 0 and (piece := self.rfile.read(min(count, 65_536))):
            count -= len(piece)

    def send_json(self, status: int, body: Any) -> None:
        """Answers in one piece."""
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def start_events(self) -> None:
        """Begins an answer of events; it ends with the connection."""
        self.close_connection = True
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream; charset=utf-8")
        self.send_header("Cache-Control", "no-cache")
        self.send_header("Connection", "close")
        self.end_headers()

    def send_event(self, data: str) -> None:
        """Writes one event."""
        self.wfile.write(f"data: {data}\n\n".encode())
