"""Secrets go, everything else stays, JSON stays JSON, and no text makes it slow."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyclaude_tui.redaction import FORMS, MARK, OWN, Form, Redactor, clean, is_secret

KEY = "sk-" + "ant-api03-" + "aB3" * 12  # in parts, so that no scanner takes it for a real one
WORD = "hunter2hunter2"
HEX = "0123456789abcdef" * 4
MIXED = "aB3dE6gH9" * 6

EXAMPLES: dict[str, list[tuple[str, str]]] = {
    "Anthropic, OpenAI, OpenRouter, DeepSeek": [("sk-", "or-v1-" + HEX), ("sk-", "proj-" + MIXED)],
    "Groq": [("gsk" + "_", MIXED)],
    "xAI": [("xai" + "-", MIXED)],
    "Perplexity": [("pplx" + "-", MIXED)],
    "NVIDIA": [("nvapi" + "-", MIXED)],
    "Replicate": [("r8" + "_", MIXED)],
    "Fireworks": [("fw" + "_", MIXED)],
    "Together": [("tgp" + "_v1_", MIXED)],
    "Cerebras": [("csk" + "-", MIXED)],
    "Tavily": [("tvly" + "-", "dev-" + MIXED)],
    "LangSmith": [("lsv2" + "_pt_", HEX[:32] + "_" + HEX[:10])],
    "Pinecone": [("pcsk" + "_", MIXED)],
    "Hugging Face": [("hf" + "_", MIXED)],
    "Weights & Biases": [("wandb" + "_v1_", MIXED)],
    "GitHub": [("gh" + "p_", MIXED), ("gh" + "s_", MIXED), ("github" + "_pat_", MIXED)],
    "GitLab": [("glpat" + "-", MIXED), ("glrt" + "-", MIXED)],
    "Atlassian": [("ATATT3" + "xFfGF0", MIXED)],
    "Slack": [("xox" + "b-", "1234567890-" + MIXED), ("xapp" + "-", "1-A0-" + MIXED)],
    "Slack webhook": [("https://hooks.slack.com" + "/services/", "T00000000/B00000000/" + MIXED)],
    "Notion": [("ntn" + "_", MIXED)],
    "Linear": [("lin" + "_api_", MIXED)],
    "Figma": [("figd" + "_", MIXED)],
    "npm": [("npm" + "_", MIXED)],
    "PyPI": [("pypi" + "-", "AgEIcHlwaS5vcmc" + MIXED)],
    "RubyGems": [("rubygems" + "_", HEX)],
    "crates.io": [("ci" + "o", MIXED)],
    "Docker": [("dckr" + "_pat_", MIXED)],
    "AWS access key": [("AK" + "IA", "ABCDEFGHIJKLMNOP"), ("AS" + "IA", "ABCDEFGHIJKLMNO7")],
    "Google API key": [("AI" + "za", "SyA-" + MIXED)],
    "Google OAuth": [("ya29" + ".", "a0Af-" + MIXED), ("GOCSPX" + "-", MIXED)],
    "DigitalOcean": [("dop" + "_v1_", HEX)],
    "Heroku": [("HRKU" + "-", MIXED)],
    "Fly.io": [("fm2" + "_", MIXED + "/+=")],
    "Netlify": [("nfp" + "_", MIXED)],
    "Supabase": [("sbp" + "_", HEX[:40])],
    "PlanetScale": [("pscale" + "_pw_", MIXED)],
    "Databricks": [("da" + "pi", HEX[:32])],
    "Stripe": [("sk" + "_live_", MIXED), ("rk" + "_test_", MIXED)],
    "webhook": [("whsec" + "_", MIXED)],
    "Square": [("sq0atp" + "-", MIXED)],
    "Shopify": [("shpat" + "_", HEX[:32])],
    "Twilio": [("S" + "K", HEX[:32])],
    "SendGrid": [("S" + "G.", MIXED[:22] + "." + MIXED[:43])],
    "Mailgun": [("key" + "-", HEX[:32])],
    "Postman": [("PMAK" + "-", HEX)],
    "Grafana": [("glsa" + "_", MIXED)],
    "Sentry": [("sntrys" + "_", MIXED)],
    "New Relic": [("NRAK" + "-", "ABCDEFGHIJKLMNOPQRSTUVWXYZ1")],
    "Doppler": [("dp" + ".pt.", MIXED)],
    "HashiCorp Vault": [("hvs" + ".", MIXED)],
    "Tailscale": [("tskey" + "-", "auth-" + MIXED)],
    "1Password": [("ops" + "_ey", MIXED)],
    "age": [("AGE-SECRET" + "-KEY-1", "QQQQPPPPZZZZRRRRYYYY9999")],
    "Terraform": [("ABCDEFGHIJKLMN.atlas" + "v1.", MIXED)],
    "Telegram": [("110201543" + ":", "AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw")],
    "JSON web token": [("ey" + "J", "hbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmN")],
    "private key": [
        ("-----BEGIN RSA " + "PRIVATE KEY-----", "\nMIIabc\nMIIdef\n-----END"),
        ("-----BEGIN PGP " + "PRIVATE KEY BLOCK-----", "\n\nlQVYBGabc=\n-----END"),
    ],
    "key in double quotes": [('{"api_key": "', "correct horse"), ("accountKey\": \"", WORD)],
    "key in single quotes": [("{'apiKey': '", WORD), ("secret_key = '", "correct")],
    "key bare": [("api-key: ", WORD), ("aws_secret_access_key = ", "wJalrXUt/K7MDENG")],
    "token in double quotes": [('"access_token":"', "correct"), ('authToken = "', "correct")],
    "token in single quotes": [("'refresh_token': '", "correct")],
    "token bare": [("auth_token: ", WORD)],
    "secret in double quotes": [('"client_secret": "', "correct")],
    "secret in single quotes": [("clientSecret: '", "correct")],
    "secret bare": [("client-secret: ", WORD)],
    "password in double quotes": [('{"password": "', "pass with words"), ('dbPassword="', "open")],
    "password in single quotes": [("password => '", "correct")],
    "password bare": [("spring.datasource.password=", WORD), ("Password: ", "tr0ub4dor&3"[:8])],
    "passwd in double quotes": [('"passwd": "', "correct")],
    "passwd in single quotes": [("'passwd': '", "correct")],
    "passwd bare": [("passwd: ", WORD)],
    "passphrase in double quotes": [('passphrase: "', "correct horse")],
    "passphrase in single quotes": [("passphrase: '", "correct horse")],
    "passphrase bare": [("passphrase=", WORD)],
    "authorization in double quotes": [('"Authorization": "', "Basic bWU6b3Blbg==")],
    "authorization in single quotes": [("'authorization': '", "Token correct")],
    "authorization bare": [("Authorization: Basic ", "bWU6aHVudGVyMg=="), ("authorization=", WORD)],
    "cookie in double quotes": [('"cookie": "', "sid=correct")],
    "cookie in single quotes": [("'Set-Cookie': '", "sid=correct; Path=/")],
    "cookie bare": [("cookie=", WORD)],
    "credentials in double quotes": [('"credentials": "', "correct")],
    "credentials in single quotes": [("credentials: '", "correct")],
    "credentials bare": [("credentials=", WORD)],
    "token that looks random": [('"token": "', MIXED), ("token=", MIXED)],
    "secret that looks random": [("secret: ", MIXED)],
    "auth that looks random": [('"_auth": "', MIXED), ("_auth=", MIXED)],
    "credential that looks random": [("credential: ", MIXED)],
    "Bearer": [("Bearer ", "abcdef.ghijkl-123"), ("authorized by bearer ", "abcdefghij")],
    "header of cookies": [("Cookie: ", "sid=correct; theme=dark")],
    "query of a URL": [("http://10.0.0.1/v1?a=b&api_key=", "word"), ("/x?sig=", "a%2Fb%3D")],
    "option of a command": [("tool --api-key ", "correct"), ("tool --password=", "correct")],
    "user and password": [("curl -u me:", "correct"), ('curl --user "me:', "correct")],
    "netrc": [("machine example.org login me password ", "correct")],
    "connection string": [("Server=db;Uid=me;Pwd=", "correct")],
    "variable": [
        ("export OPENAI_API_KEY=", WORD), ('DB_PASSWORD="', WORD), ("GH_TOKEN=", "correct"),
    ],
    "password of a URL": [("https://me:", WORD + "@example.org"), ("redis://:", "word@h")],
    "user of a URL": [("https://", HEX[:24] + "@example.org/x.git")],
}  # fmt: skip


def test_each_form_has_examples() -> None:
    assert list(EXAMPLES) == [form.name for form in FORMS]


@pytest.mark.parametrize(
    ("before", "secret"), [each for found in EXAMPLES.values() for each in found]
)
def test_a_secret_goes(before: str, secret: str) -> None:
    """Plain, as a member of JSON, as JSON inside JSON (a tool's arguments), behind a line end."""
    hidden = secret.partition("@")[0].removesuffix("-----END")
    for text in (before + secret, f"and\n{before}{secret}\nand"):
        inner = json.dumps({"command": text})
        whole = json.dumps({"text": text, "arguments": inner, "after": "stays"})
        for data in (text, whole):
            assert hidden not in clean(data)
            assert json.dumps(hidden)[1:-1] not in clean(data)
            assert "[redacted]" in clean(data)
        assert json.loads(clean(whole))["after"] == "stays"
        json.loads(json.loads(clean(whole))["arguments"])


def test_members_by_name() -> None:
    given = {"x-api-key": WORD, "password": "hunter2", "n": 1}
    assert json.loads(clean(json.dumps(given))) == {
        "x-api-key": "[redacted]",
        "password": "[redacted]",
        "n": 1,
    }


def test_what_is_no_secret_stays() -> None:
    given = {
        "metadata": {"user_id": json.dumps({"device_id": "d" * 64, "session_id": "1a707b3f-fee4"})},
        "tools": [{"properties": {"password": {"type": "string"}, "token": {"type": "string"}}}],
        "max_tokens": 4096,
        "usage": {"input_tokens": 5, "cache_read_input_tokens": 1234567},
        "logprobs": [{"token": "Hello", "logprob": -0.1}, {"token": " 12", "logprob": -1}],
        "special": {"eos_token": "<|im_end|>", "bos_token": "<s>", "pad_token": "<pad>"},
        "signature": "EqoBCkYIARgCIkCcU6" + "aB3" * 20,
        "url": "http://localhost:80/a?page=2&sort=key see me@example.org, http://127.0.0.1:8080/v1",
        "text": "The bearer of this risk-averse task-force must ask-nicely. PATH=/usr/bin",
        "code": "def login(password: str, token: Token = None): self.secret = secret or ask()\n"
        "const { apiKey } = process.env; password = getpass(); api_key=None, cookie: Cookie",
        "sh": "git clone git@example.org:x/y.git -u origin; PWD=/root/x; tool --token-limit 5",
        "hash": "sha256:" + HEX,
        "image": {"type": "base64", "data": "iVBORw0KGgo" + "A" * 300 + "/EAAAA" + "A" * 60 + "=="},
    }
    raw = json.dumps(given)
    assert clean(raw) == raw


@pytest.mark.parametrize(
    ("name", "secret"),
    [
        ("api_key", True), ("ANTHROPIC_API_KEY", True), ("HF_TOKEN", True), ("DB_PASS", True),
        ("password", True), ("X_AUTH", True), ("session_cookie", True), ("max_tokens", False),
        ("keyboard", False), ("model", False), ("context_window", False),
    ],
)  # fmt: skip
def test_the_name_of_a_secret(name: str, secret: bool) -> None:
    assert is_secret(name) is secret


def test_the_sessions_own_secrets() -> None:
    redactor = Redactor(["session-token", "ab"])
    redactor.add_headers({"Authorization": "Bearer backend-key", "X-Other": "other-value"})
    redactor.add_headers({"anthropic-version": "2023-06-01"})
    redactor.add_query("api_key=short-one&v=2024-06-01")
    text = b"session-token backend-key other-value ab 2023-06-01 short-one 2024-06-01"
    assert redactor.clean(text) == (
        b"[redacted] [redacted] [redacted] ab 2023-06-01 [redacted] 2024-06-01"
    )


def test_a_secret_of_our_own_is_found_however_it_is_written() -> None:
    OWN.add('pass "word" é/1')
    for text in (
        'pass "word" é/1',
        json.dumps('pass "word" é/1')[1:-1],
        "pass%20%22word%22%20%C3%A9%2F1",
    ):
        assert clean(f"it is {text}.") == "it is [redacted]."


def test_what_servers_take_for_any_key_stays_readable() -> None:
    assert Redactor(["lm-studio", "Ollama", "not-needed"]).clean(b"lm-studio") == b"lm-studio"


def test_in_a_long_text_secrets_are_found_wherever_they_stand() -> None:
    """Longer than the pieces in which it is searched."""
    texts = [f"{'word ' * (n % 97)}{KEY}" for n in range(0, 3000, 7)]
    raw = json.dumps([{"text": text} for text in texts], separators=(",", ":")).encode()
    raw += json.dumps("x" * 200_000 + " " + KEY + "\n" * 70_000 + KEY).encode()
    for shift in range(0, 60, 7):  # an anchor on every side of a piece's end
        raw += b"y" * (128 * 1024 - 30 + shift) + b" " + KEY.encode() + b" "
    assert len(raw) > 400_000
    assert KEY.encode() not in Redactor().clean(raw)


PIECES = [
    *(text for found in EXAMPLES.values() for pair in found for text in pair),
    *'"\\ \n:=&?@/-_.{},', "\\n", '\\"', "%20", "password", "token", "key", "é", "\ud800",
]  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), max_size=12))
def test_json_stays_json_and_what_is_clean_stays_as_it_is(pieces: list[str]) -> None:
    text = "".join(pieces)
    for inner in (text, json.dumps([text])):
        once = clean(json.dumps({"a": inner, "b": 1}))
        assert json.loads(once)["b"] == 1
        assert clean(once) == once
    assert clean(clean(text)) == clean(text)


OTHER_RUNS = ("A", "://a:", "&key=")


def runs(form: Form) -> list[str]:
    """What a pattern that looks ahead, or back, takes its time over when it is repeated."""
    (before, secret), *_ = EXAMPLES[form.name]
    return [form.anchors[0].decode(), f"{before}{secret[:5]}"]


SEARCH = """
import json, sys
from anyclaude_tui.redaction import FORMS, clean
of_form, for_all = json.load(sys.stdin)
for form in FORMS:
    for run in of_form[form.name]:
        whole = run.encode() * (250_000 // len(run.encode()))
        list(form.spans(whole.lower() if form.lower else whole))
for run in for_all:
    clean(run * (1_000_000 // len(run)))
print("done")
"""


def test_a_megabyte_of_anything_takes_time_that_grows_with_it_only() -> None:
    """Of one capital letter 24 kB once took 27 s, so that a megabyte would take half a day. Each
    run takes some hundredths of a second here; the bound only has to tell the two apart."""
    done = subprocess.run(
        [sys.executable, "-c", SEARCH],
        input=json.dumps([{form.name: runs(form) for form in FORMS}, OTHER_RUNS]),
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert (done.stdout.strip(), done.stderr) == ("done", "")


def test_the_mark_is_no_secret_itself() -> None:
    assert clean(f'"password": "{MARK.decode()}"') == f'"password": "{MARK.decode()}"'


def test_whose_request_it_is_is_no_secret() -> None:
    """Our own header to a server of ours: its values stand in every line of the journal."""
    OWN.add_headers({"X-Anyclaude-Role": "subagent"})
    assert OWN.clean(b'{"role":"subagent"}') == b'{"role":"subagent"}'
