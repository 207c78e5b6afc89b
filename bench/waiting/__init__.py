"""Requests that wait for a slow upstream, and the memory that each takes meanwhile."""
