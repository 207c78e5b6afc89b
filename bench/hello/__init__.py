"""Listeners alone: an application behind each that answers `hello` at once."""
