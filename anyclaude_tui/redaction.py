"""The only place that knows what a secret is: keys, tokens and passwords, by name, by form
and by value.

- by name: `is_secret("api_key")`, for settings and variables whose value is not for screens;
- by form: `FORMS`, the table of what keys look like and of what stands before them;
- by value: `OWN` knows this run's own (the session's token, the keys that go to backends).

`clean` takes what it finds by form and by value out of a text: journal, traces, logs, notices
and errors pass through it. `shown` is for addresses: what a URL may look like on a screen.
A secret of a form that is not in the table, and that is none of our own, is not found.
"""

from __future__ import annotations

import base64
import json
import re
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from urllib.parse import quote, unquote_plus

MARK = b"[redacted]"
HIDDEN = "…"

_SHORTEST = 6
"""A secret of our own that is shorter would be found in ordinary words."""
_SEARCHED_BYTES = 128 * 1024
"""A search holds Python's lock: so much at once, so that the session's loop gets its turn."""
_PLACEHOLDERS = {
    *("anything", "dummy", "empty", "lm-studio", "lmstudio", "local", "mlx_lm", "no-key", "none"),
    *("not-needed", "ollama", "placeholder", "sk-no-key-required", "unused", "vllm-mlx"),
}
"""The words that users write where a server takes any key: names of things, which stay readable."""
_PUBLIC_HEADERS = {"accept", "accept-encoding", "content-type", "user-agent"}
_PUBLIC_HEADERS |= {"anthropic-beta", "anthropic-version", "x-anyclaude-role"}


@dataclass(frozen=True, slots=True)
class Form:
    """One form of secrets: where an anchor stands, the pattern is tried, from there on.

    Only what follows the pattern's one group is the secret. So that the time grows with the
    text and not with its square, whatever stands in it: an anchor is found by a plain search,
    and a pattern takes a bounded number of characters before it fails, or a run in which it
    cannot begin again.
    """

    name: str
    anchors: tuple[bytes, ...]
    source: bytes
    """The pattern; most are never tried, and to compile all of them takes a tenth of a start."""
    lower: bool = False
    """Looked for in the text in lower case."""

    @property
    def pattern(self) -> re.Pattern[bytes]:
        """The pattern, compiled when it is first tried."""
        return _compiled(self.source)

    def spans(self, text: bytes) -> Iterator[tuple[int, int]]:
        """The places of the secrets of this form: (start, end) in bytes."""
        for anchor in self.anchors:
            at = 0
            while at < len(text):
                hit = text.find(anchor, at, at + _SEARCHED_BYTES)
                match = self.pattern.match(text, hit) if hit >= 0 else None
                if match is not None:
                    yield match.end(1), match.end()
                    at = match.end()
                else:
                    at = hit + len(anchor) if hit >= 0 else at + _SEARCHED_BYTES - len(anchor) + 1


@cache
def _compiled(source: bytes) -> re.Pattern[bytes]:
    return re.compile(source)


_WORD_START = rb"(?:(?<![A-Za-z0-9_-])|(?<=\\[nrt])|(?<=%[0-9A-Fa-f]{2}))"
"""Also right behind an escaped line end, or a percent-encoded sign."""


def _key(name: str, begins: str, characters: str = "A-Za-z0-9_-", least: int = 16) -> Form:
    """A key that is known by how it begins; so many of these characters follow."""
    anchors = tuple(begins.encode().split())
    literals = b"|".join(map(re.escape, anchors))
    rest = f"[{characters}]{{{least},}}".encode()
    return Form(name, anchors, _WORD_START + rb"()(?:" + literals + rb")" + rest)


_ALNUM = "A-Za-z0-9"
_HEX = "a-f0-9"
_KEYS = (
    _key("Anthropic, OpenAI, OpenRouter, DeepSeek", "sk-"),
    _key("Groq", "gsk_", _ALNUM, 20),
    _key("xAI", "xai-"),
    _key("Perplexity", "pplx-"),
    _key("NVIDIA", "nvapi-"),
    _key("Replicate", "r8_", _ALNUM, 20),
    _key("Fireworks", "fw_", _ALNUM),
    _key("Together", "tgp_v1_"),
    _key("Cerebras", "csk-", _ALNUM, 20),
    _key("Tavily", "tvly-"),
    _key("LangSmith", "lsv2_pt_ lsv2_sk_", "A-Za-z0-9_"),
    _key("Pinecone", "pcsk_", "A-Za-z0-9_"),
    _key("Hugging Face", "hf_", _ALNUM, 20),
    _key("Weights & Biases", "wandb_v1_"),
    _key("GitHub", "ghp_ gho_ ghu_ ghs_ ghr_ github_pat_", "A-Za-z0-9_", 20),
    _key("GitLab", "glpat- gldt- glrt- glptt- glcbt- glft- glsoat- glagent- gloas-"),
    _key("Atlassian", "ATATT3", "A-Za-z0-9_=-", 20),
    _key("Slack", "xoxa- xoxb- xoxc- xoxe- xoxo- xoxp- xoxr- xoxs- xapp-", "A-Za-z0-9-", 10),
    _key("Slack webhook", "hooks.slack.com/services/", "A-Za-z0-9_/-"),
    _key("Notion", "ntn_ secret_", _ALNUM, 30),
    _key("Linear", "lin_api_ lin_oauth_", _ALNUM),
    _key("Figma", "figd_"),
    _key("npm", "npm_", _ALNUM, 30),
    _key("PyPI", "pypi-"),
    _key("RubyGems", "rubygems_", _HEX, 32),
    _key("crates.io", "cio", _ALNUM, 32),
    _key("Docker", "dckr_pat_ dckr_oat_"),
    _key("AWS access key", "AKIA ASIA ABIA ACCA", "A-Z0-9"),
    _key("Google API key", "AIza", least=30),
    _key("Google OAuth", "ya29. GOCSPX- 1//0"),
    _key("DigitalOcean", "dop_v1_ doo_v1_ dor_v1_", _HEX, 32),
    _key("Heroku", "HRKU-"),
    _key("Fly.io", "fo1_ fm1r_ fm2_", "A-Za-z0-9_+/=,-"),
    _key("Netlify", "nfp_ nfc_ nfo_", _ALNUM, 20),
    _key("Supabase", "sbp_ sb_secret_"),
    _key("PlanetScale", "pscale_tkn_ pscale_pw_ pscale_oauth_", "A-Za-z0-9_.=-"),
    _key("Databricks", "dapi", _HEX, 32),
    _key("Stripe", "sk_live_ sk_test_ rk_live_ rk_test_", _ALNUM),
    _key("webhook", "whsec_", "A-Za-z0-9+/="),
    _key("Square", "sq0atp- sq0csp-", least=20),
    _key("Shopify", "shpat_ shpss_ shpca_ shppa_", "A-Fa-f0-9", 32),
    _key("Twilio", "SK", _HEX, 32),
    _key("SendGrid", "SG.", "A-Za-z0-9_.-", 20),
    _key("Mailgun", "key-", _HEX, 32),
    _key("Postman", "PMAK-"),
    _key("Grafana", "glsa_ glc_", "A-Za-z0-9_+/="),
    _key("Sentry", "sntrys_ sntryu_", "A-Za-z0-9_+/="),
    _key("New Relic", "NRAK-", "A-Z0-9", 20),
    _key("Doppler", "dp.pt. dp.st. dp.ct. dp.sa.", "A-Za-z0-9._-", 20),
    _key("HashiCorp Vault", "hvs. hvb. hvr."),
    _key("Tailscale", "tskey-"),
    _key("1Password", "ops_ey"),
    _key("age", "AGE-SECRET-KEY-1", "A-Z0-9", 20),
    Form("Terraform", (b".atlasv1.",), rb"(\.atlasv1\.)[A-Za-z0-9_-]{16,}"),
    Form("Telegram", (b":AA",), rb"((?<=[0-9]{8}):)AA[A-Za-z0-9_-]{30,}"),
    Form(
        "JSON web token",
        (b"eyJ",),
        _WORD_START + rb"()eyJ[A-Za-z0-9_-]{10,}+(?:\.[A-Za-z0-9_-]++){2,4}",
    ),
    Form(
        "private key",
        (b"-----BEGIN ",),
        (
            rb"(-----BEGIN [A-Z ]{0,40}PRIVATE KEY(?: BLOCK)?-----)"
            rb"(?:[^\"\\-]|\\++[^\"\\]|-(?!----))++"
        ),
    ),
)

_SAID_BY_NAME = {
    "key": "access account api client encryption license master private secret shared-access "
    "signing",
    "token": "access api auth bearer bot csrf deploy id oauth personal refresh security session",
    "secret": "api app client consumer jwt shared signing webhook",
    "password": "",
    "passwd": "",
    "passphrase": "",
    "authorization": "",
    "cookie": "",
    "credentials": "",
}
"""A name's last word, and what has to stand before it (nothing: whatever stands there) so that
the value is a secret whatever it looks like: `dbPassword`, `x-api-key`, `AWS_SECRET_ACCESS_KEY`.
"""
_OFTEN = ("token", "secret", "auth", "credential")
"""Last words of names that often hold something else: only a long value of letters and digits
is taken for a secret."""

_IS = rb"\\{0,8}[\"']?[ \t]{0,4}(?::=|=>|[:=])[ \t]{0,4}"
"""Between a name and its value: `: `, `=`, `\\": \\"` of JSON in JSON, and their like."""
_IN_DOUBLE = rb"\\{0,8}\")(?=[^\"]{4})(?:[^\"\\]|\\++[^\"\\])++"
_IN_SINGLE = rb"\\{0,8}')(?=[^'\"]{4})(?:[^\"'\\]|\\++[^\"'\\])++"
_SCHEME = rb"(?:(?:basic|bearer|digest|token|apikey)[ ]{1,4})?"
_BARE = rb"[^\s\"'\\,;&|<>(){}\[\]$]{4,}"
_LIKELY = rb"(?=[^\s\"'\\]{0,64}[0-9!#%*+/=@^~])"
"""Without quotes it may be code: `password = ask()`, `token: str`."""
_RANDOM = rb"(?=[a-z0-9_.~+/=-]{0,64}[0-9])(?=[0-9_.~+/=-]{0,64}[a-z])[a-z0-9_.~+/=-]{16,}"


def _lower(name: str, anchors: str, pattern: bytes) -> Form:
    return Form(name, tuple(anchors.encode().split()), pattern, lower=True)


def _named() -> Iterator[Form]:
    for last, before in _SAID_BY_NAME.items():
        words = [word.replace("-", "[_-]").encode() for word in before.split()]
        behind = b"|".join(rb"(?<=%b)|(?<=%b[_-])" % (word, word) for word in words)
        name = (b"(?:" + behind + b")" if words else b"") + last.encode()
        yield _lower(f"{last} in double quotes", last, b"(" + name + _IS + _IN_DOUBLE)
        yield _lower(f"{last} in single quotes", last, b"(" + name + _IS + _IN_SINGLE)
        yield _lower(f"{last} bare", last, b"(" + name + _IS + _SCHEME + b")" + _LIKELY + _BARE)
    for last in _OFTEN:
        pattern = b"(" + last.encode() + _IS + rb"\\{0,8}[\"']?)" + _RANDOM
        yield _lower(f"{last} that looks random", last, pattern)


_QUERY = (
    "access_token api_key apikey api-key auth client_secret code key pass password pwd secret sig "
    "signature token x-amz-credential x-amz-security-token x-amz-signature x-goog-signature"
)
_VARIABLES = "KEY TOKEN SECRET PASSWORD PASSWD PASSPHRASE CREDENTIALS _PASS _PWD _AUTH _DSN"

_AROUND = (
    _lower("Bearer", "bearer", _WORD_START + rb"(bearer[ :]{1,4})[a-z0-9._~+/=-]{8,}"),
    _lower(
        "header of cookies", "cookie:", rb"(cookie:[ \t]{0,4})(?=[^=\"'\\]{1,64}=)[^\"'\\\r\n]{4,}"
    ),
    _lower(
        "query of a URL",
        " ".join(f"{name}=" for name in _QUERY.split()),
        rb"((?<=[?&])[a-z_-]{1,24}=)[^\s&#\"'\\]{4,}",
    ),
    _lower(
        "option of a command",
        "--",
        rb"(--(?:[a-z]{1,16}-){0,3}(?:key|token|password|secret|passphrase)"
        rb"(?:=|[ ]{1,4})\\{0,8}[\"']?)(?=[^-])" + _BARE,
    ),
    _lower(
        "user and password",
        "-u --user",
        _WORD_START + rb"(-(?:u|-user)[ =]{1,4}\\{0,8}[\"']?[^\s:\"'\\]{1,64}:)[^\s\"'\\]{3,}",
    ),
    _lower(
        "netrc",
        "login",
        rb"(login[ \t]{1,4}[^\s\"'\\]{1,64}[ \t]{1,4}password[ \t]{1,4})[^\s\"'\\]{3,}",
    ),
    _lower("connection string", ";pwd=", rb"(;pwd=)[^\s;\"'\\]{4,}"),
    Form(
        "variable",
        tuple(f"{name}=".encode() for name in _VARIABLES.split()),
        rb"([A-Z_]{3,16}=(?:\\{0,8}[\"'])?)[^\s\"'\\$;&|<>]{4,}",
    ),
    Form(
        "password of a URL",
        (b"://",),
        rb"(://[^\s/?#\"'\\:@]{0,256}+:)[^\s/?#\"'\\@]++(?=@)",
    ),
    Form("user of a URL", (b"://",), rb"(://)[A-Za-z0-9_.~%-]{20,}+(?=@)"),
)
"""The forms of secrets that the text before them gives away."""

FORMS = (*_KEYS, *_named(), *_AROUND)
"""All of them. A test has an example of each."""


def _forms_in(lower: bytes) -> Iterable[Form]:
    """The forms of which an anchor stands in a text in lower case: most are nowhere in most texts,
    and to look for them all at once takes a third of what one after the other does."""
    search, forms = _search()
    found: dict[Form, None] = {}
    for start in range(0, len(lower), _PIECE_BYTES):
        # An anchor across the edge ends in the next piece's first bytes.
        for match in search(lower, start, start + _PIECE_BYTES + _LONGEST_ANCHOR):
            found.update(forms[match[1]])
        if len(found) == len(FORMS):
            break
    return found


_LONGEST_ANCHOR = 64
_PIECE_BYTES = 16 * 1024
"""A search of this much takes 2 ms, in which Python's lock is held."""


@cache
def _search() -> tuple[Callable[..., Iterator[re.Match[bytes]]], dict[bytes, dict[Form, None]]]:
    """A search for anchors at every place, and the forms by the anchor. One that another begins
    with stands for both. Made when it is first needed."""
    anchors = sorted({anchor.lower() for form in FORMS for anchor in form.anchors})
    forms: dict[bytes, dict[Form, None]] = {}
    for anchor in anchors:
        assert len(anchor) <= _LONGEST_ANCHOR
        if not any(anchor.startswith(shorter) for shorter in forms):
            forms[anchor] = {
                form: None
                for form in FORMS
                if any(one.lower().startswith(anchor) for one in form.anchors)
            }
    pattern = _tree([*forms])
    return re.compile(b"(?=(" + pattern + b"))").finditer, forms


def _tree(words: list[bytes]) -> bytes:
    """A pattern for any of these words, that looks at each letter once."""
    if not words[0]:
        return b""
    by_letter: dict[bytes, list[bytes]] = {}
    for word in words:
        by_letter.setdefault(word[:1], []).append(word[1:])
    ways = [re.escape(letter) + _tree(rest) for letter, rest in by_letter.items()]
    return ways[0] if len(ways) == 1 else b"(?:" + b"|".join(ways) + b")"


class Redactor:
    """The filter of secrets known by form, and of the very ones that it was told. Thread-safe."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._lock = threading.Lock()
        self._secrets: tuple[bytes, ...] = ()
        """As they may be written (plain, in JSON, in a URL), the longest first."""
        for secret in secrets:
            self.add(secret)

    def add(self, secret: str) -> None:
        """Never write this text."""
        secret = secret.strip()
        if len(secret) < _SHORTEST or secret.lower() in _PLACEHOLDERS:
            return
        written = {secret, json.dumps(secret)[1:-1], quote(secret, safe="")}
        new = {text.encode(errors="replace") for text in written}.difference(self._secrets)
        if new:
            with self._lock:
                self._secrets = tuple(sorted({*self._secrets, *new}, key=len, reverse=True))

    def add_headers(self, headers: Mapping[str, str]) -> None:
        """Never write the values of these headers; of `Bearer X` the X neither, nor the
        password of `Basic X`."""
        for name, value in headers.items():
            if name.lower() in _PUBLIC_HEADERS:
                continue
            scheme, _, rest = value.partition(" ")
            if scheme.lower() not in ("bearer", "basic"):
                self.add(value)
                continue
            self.add(rest)
            if scheme.lower() == "basic":
                with suppress(ValueError):
                    self.add(base64.b64decode(rest).decode().partition(":")[2])

    def add_query(self, query: str) -> None:
        """Never write the values in the query of a URL that are secrets by their name, or
        long."""
        for pair in filter(None, query.split("&")):
            name, _, value = pair.partition("=")
            if is_secret(name) or len(value) >= 16:
                self.add(value)
                self.add(unquote_plus(value))

    def forget(self) -> None:
        """Know forms only, as at first."""
        with self._lock:
            self._secrets = ()

    def clean(self, data: bytes) -> bytes:
        """The same text without secrets. JSON stays valid JSON: what goes never holds an end
        of a string. Takes time in proportion to the text: long ones are for a thread."""
        data = self.without_own(data)
        lower = data.lower()
        found = [
            span for form in _forms_in(lower) for span in form.spans(lower if form.lower else data)
        ]
        return b"".join(_without(sorted(found), data)) if found else data

    def without_own(self, data: bytes) -> bytes:
        """The same text without the very secrets that are known; other forms stay."""
        for secret in self._secrets:
            data = data.replace(secret, MARK)
        return data

    def clean_text(self, text: str) -> str:
        """The same for a text."""
        if not text:
            return text
        data = text.encode("utf-8", "surrogatepass")
        clean = self.clean(data)
        return text if clean == data else clean.decode("utf-8", "surrogatepass")


def _without(spans: Iterable[tuple[int, int]], data: bytes) -> Iterator[bytes]:
    """The pieces of `data` with MARK for each span; those that overlap are one."""
    kept = 0
    for start, end in spans:
        if start >= kept:
            yield data[kept:start]
            yield MARK
        kept = max(kept, end)
    yield data[kept:]


OWN = Redactor()
"""This process's own secrets, for whoever writes a text: a list that is handed from one to the
next is missing in the one place that nobody thought of."""


def clean(text: str) -> str:
    """A text that leaves (for a log, a screen, a client) without secrets."""
    return OWN.clean_text(text)


_SECRET_NAME = re.compile(
    rf"(?:{'|'.join({*_SAID_BY_NAME, *_OFTEN, 'pass', 'pwd'})})$", re.IGNORECASE
)


def is_secret(name: str) -> bool:
    """True if the value of a setting, or of a variable in an `env`, is not for screens."""
    return _SECRET_NAME.search(name) is not None


def without_secrets(env: Mapping[str, str], needed: Collection[str] = ()) -> dict[str, str]:
    """The environment for a program that needs no keys of the user's but the `needed` ones:
    without what is a secret by its name, by its form, or one of our own. An HTTP proxy stays,
    with its password: without it there is no way out."""
    return {
        name: value
        for name, value in env.items()
        if name in needed
        or name.lower().endswith("_proxy")
        or not (is_secret(name) or clean(value) != value)
    }


_USER = re.compile(r"(?<=://)([^\s/?#\"'@:]*:)?[^\s/?#\"']*@")
_BARE_USER = re.compile(r"^([^\s/?#\"'@:]+:)[^\s/?#\"'@]+@")
"""Of a URL whose `http://` was forgotten."""
_VALUE = re.compile(r"(?<=[?&])([^\s=&#?\"']{1,64}=)[^\s&#\"']+")


def shown(address: str) -> str:
    """A text without the secrets of the URLs in it: passwords, and every value of a query."""
    for pattern in (_USER, _BARE_USER):
        address = pattern.sub(rf"\g<1>{HIDDEN}@", address)
    return _VALUE.sub(rf"\1{HIDDEN}", address)
