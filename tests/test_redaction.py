"""Secrets go, everything else stays, and JSON stays JSON."""

from __future__ import annotations

import json

import pytest

from anyclaude_tui.redaction import Redactor

KEY = "sk-" + "ant-api03-" + "aB3" * 12  # in parts, so that no scanner takes it for a real one
GITHUB = "gh" + "p_" + "Z9" * 18


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        (f"my key is {KEY}, keep it", KEY),
        (f"line\n{KEY}\nline", KEY),
        (f"token: {GITHUB}", GITHUB),
        ("Authorization: Bearer abcdef.ghijkl-123", "abcdef.ghijkl-123"),
        ("export OPENAI_API_KEY=hunter2hunter2\nls", "hunter2hunter2"),
        ('DB_PASSWORD="hunter2hunter2"', "hunter2hunter2"),
        ('{"api_key": "hunter2hunter2"}', "hunter2hunter2"),
        ("{'apiKey': 'hunter2hunter2'}", "hunter2hunter2"),
        ("git clone https://me:hunter2hunter2@example.org/x.git", "hunter2hunter2"),
        ("curl 'http://10.0.0.1/v1?a=b&api_key=hunter2hunter2&c=d'", "hunter2hunter2"),
        ("AKIA" + "ABCDEFGHIJKLMNOP", "ABCDEFGHIJKLMNOP"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIabc\n-----END RSA PRIVATE KEY-----", "MIIabc"),
    ],
)
def test_secrets_in_a_text(text: str, secret: str) -> None:
    """As a member of JSON, and as JSON inside JSON (a tool's arguments)."""
    inner = json.dumps({"command": text})
    whole = {"text": text, "arguments": inner, "after": "stays"}
    clean = Redactor().clean(json.dumps(whole).encode())
    assert secret.encode() not in clean
    assert b"[redacted]" in clean
    assert json.loads(clean)["after"] == "stays"
    json.loads(json.loads(clean)["arguments"])


def test_members_by_name() -> None:
    given = {"x-api-key": "hunter2hunter2", "password": "hunter2", "n": 1}
    assert json.loads(Redactor().clean(json.dumps(given).encode())) == {
        "x-api-key": "[redacted]",
        "password": "[redacted]",
        "n": 1,
    }


def test_what_is_no_secret_stays() -> None:
    given = {
        "metadata": {"user_id": json.dumps({"device_id": "d" * 64, "session_id": "1a707b3f-fee4"})},
        "tools": [{"properties": {"password": {"type": "string"}, "token": {"type": "string"}}}],
        "max_tokens": 4096,
        "usage": {"input_tokens": 5},
        "url": "http://localhost:80/a?page=2&sort=key see me@example.org",
        "text": "The bearer of this risk-averse task-force must ask-nicely. PATH=/usr/bin",
    }
    raw = json.dumps(given).encode()
    assert Redactor().clean(raw) == raw


def test_the_sessions_own_secrets() -> None:
    redactor = Redactor(["session-token", "ab"])
    redactor.add_headers({"Authorization": "Bearer backend-key", "X-Other": "other-value"})
    text = b"session-token backend-key other-value ab"
    assert redactor.clean(text) == b"[redacted] [redacted] [redacted] ab"


def test_in_a_long_text_secrets_are_found_wherever_they_stand() -> None:
    """Longer than the pieces in which it is searched."""
    texts = [f"{'word ' * (n % 97)}{KEY}" for n in range(0, 3000, 7)]
    raw = json.dumps([{"text": text} for text in texts], separators=(",", ":")).encode()
    raw += json.dumps("x" * 200_000 + " " + KEY + "\n" * 70_000 + KEY).encode()
    assert len(raw) > 400_000
    assert KEY.encode() not in Redactor().clean(raw)
