"""What every hello application answers."""

TEXT = "hello"
CONTENT_TYPE = "text/plain"
KEPT_SECONDS = 5
"""How long each server keeps idle connections if nothing else is said: what Hypercorn and uvicorn do by default."""
