"""A Lambda on the developer's own machine: `phasegate lambda serve app.py:handler`.

A Python handler runs in child processes and is reached the two ways that AWS offers over HTTP: as behind an API Gateway
REST API and as behind a function URL. It needs nothing of Phasegate, so that it can stand for AWS when Phasegate is
tried.
"""
