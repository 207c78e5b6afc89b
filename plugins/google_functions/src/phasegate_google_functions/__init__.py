"""Google Cloud Functions and Cloud Run behind Phasegate."""

from .plugin import GoogleCloudFunctions

__all__ = ["GoogleCloudFunctions"]
