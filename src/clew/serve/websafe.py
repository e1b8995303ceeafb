"""Bytes as letters that a cookie or an address may hold: base64 without its padding."""

import base64


def encoded(said: bytes) -> str:
    """The letters."""
    return base64.urlsafe_b64encode(said).decode().rstrip("=")


def decoded(letters: str) -> bytes:
    """The bytes; ValueError for what stands for none."""
    return base64.urlsafe_b64decode(letters + "=" * (-len(letters) % 4))
