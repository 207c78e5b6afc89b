"""Calling out: the client that reaches upstreams and functions, and the choice among an upstream's nodes."""
