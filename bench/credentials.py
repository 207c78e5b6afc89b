"""What peers authorise themselves with; made up, for it only has to be there, and to be right."""

from __future__ import annotations

API_KEY = "an-api-key-of-the-usual-length-of-40-signs"
ACCESS_KEY = "AKIDEXAMPLE"
SECRET_KEY = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
REGION = "us-east-1"
SERVICE = "lambda"
