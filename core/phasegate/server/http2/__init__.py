"""HTTP/2 on h2."""
