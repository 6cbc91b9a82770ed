"""Real receivers for tests: of HTTP posts, and of mail by SMTP."""

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_string
from email.message import Message
from http.server import BaseHTTPRequestHandler, HTTPServer


@dataclass
class Receiver:
    """`posts` are headers and body; `answers` the statuses to give, the last again and again."""

    url: str = ""
    posts: list[tuple[dict, str]] = field(default_factory=list)
    answers: list[int] = field(default_factory=lambda: [200])


@contextmanager
def http_receiver() -> Iterator[Receiver]:
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            receiver.posts.append((dict(self.headers), body))
            answers = receiver.answers
            self.send_response(answers.pop(0) if len(answers) > 1 else answers[0])
            self.send_header("Location", receiver.url + "/elsewhere")
            self.end_headers()
            self.wfile.write(b"thanks")

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    receiver.url = f"http://127.0.0.1:{server.server_port}/hook?from=test"
    with _running(server):
        yield receiver


@contextmanager
def smtp_receiver() -> Iterator[tuple[int, list[Message]]]:
    """Port and mails of a server that takes everything but what is for nobody@."""
    mails: list[Message] = []

    class Handler(socketserver.StreamRequestHandler):
        def handle(self):
            self.wfile.write(b"220 test\r\n")
            for line in self.rfile:
                word = line[:4].upper()
                if word == b"DATA":
                    self.wfile.write(b"354 go on\r\n")
                    lines = iter(self.rfile.readline, b".\r\n")
                    mails.append(message_from_string(b"".join(lines).decode()))
                answer = b"550 no such mailbox" if b"nobody@" in line else b"221 bye" if word == b"QUIT" else b"250 ok"
                self.wfile.write(answer + b"\r\n")
                if word == b"QUIT":
                    return

    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
    with _running(server):
        yield server.server_address[1], mails


@contextmanager
def _running(server) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield
    server.shutdown()
    server.server_close()
