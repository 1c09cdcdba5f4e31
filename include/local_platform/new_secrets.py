"""New secrets."""

import base64
import secrets


def make_password() -> str:
    """A password that people type: 16 characters."""
    return secrets.token_urlsafe(12)


def make_key() -> str:
    """A key that programs use: 32 bytes as hexadecimal digits, safe in any URL and file."""
    return secrets.token_hex(32)


def make_fernet_key() -> str:
    """A key for Fernet encryption."""
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
