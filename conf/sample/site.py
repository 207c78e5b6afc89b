"""The sample upstream: an ordinary HTTP server that says what it was asked for."""

import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Site(BaseHTTPRequestHandler):
    """Answers GET and HEAD with the path it got and the client it was told of."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = f"You asked for {self.path}, from {self.headers.get('x-forwarded-for', 'nowhere')}.\n".encode()
        self.send_response(200)
        self.send_header("content-type", "text/plain; charset=utf-8")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_HEAD = do_GET

    def log_message(self, format: str, *args: object) -> None:
        """Leave the terminal to the gateway's own lines."""


if __name__ == "__main__":
    with ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Site) as server:
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            pass
