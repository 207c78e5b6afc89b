"""Processes and sockets: from bytes to `Request`, and from `Response` to bytes."""
