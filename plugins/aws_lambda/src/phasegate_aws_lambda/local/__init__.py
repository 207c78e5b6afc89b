"""A Lambda on the developer's own machine: `phasegate lambda serve app.py:handler`.

A Python or Node handler runs in child processes and is reached the ways that AWS offers: as behind an API Gateway REST
API, as behind a function URL, and by the Lambda API itself. It needs nothing of Phasegate, so that it can stand for AWS
when Phasegate is tried.
"""
