"""Phase 5: secrets and pickles in what a vendor sends. A finding shows the kind and the place, never the secret."""

import base64
import binascii
import math
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

from mercato_checks.codes import capped, found
from mercato_checks.findings import Finding, pointer, shorten
from mercato_contracts.keys import PATTERN, MalformedKey, parse_key

Where = Literal["manifest", "openapi"]


@dataclass(frozen=True, slots=True)
class _Kind:
    """A kind of secret. `certain`: the shape alone proves it; else it is suspected."""

    name: str
    pattern: re.Pattern[str]
    certain: bool = True


def _kind(name: str, pattern: str, *, certain: bool = True) -> _Kind:
    return _Kind(name, re.compile(rf"(?<![0-9A-Za-z_-])(?:{pattern})"), certain)


# Sources: the vendors' own documentation of their prefixes, as their secret-scanning programmes publish them.
_KINDS = (
    _kind(
        "private key", r"-----BEGIN (?:[A-Z]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----(?=\s*+(?:\\n\s*+)*[A-Za-z0-9+/=:\\])"
    ),
    _kind("AWS access key", r"(?:AKIA|ASIA)[A-Z2-7]{16}(?![0-9A-Za-z])"),
    _kind("Google API key", r"AIza[0-9A-Za-z_-]{35}(?![0-9A-Za-z_-])"),
    _kind("Google OAuth secret", r"GOCSPX-[0-9A-Za-z_-]{28}(?![0-9A-Za-z_-])"),
    _kind("Anthropic key", r"sk-ant-[a-z]{3,6}[0-9]{2}-[0-9A-Za-z_-]{80,120}"),
    _kind("OpenAI key", r"sk-(?:proj|svcacct|admin)-[0-9A-Za-z_-]{40,200}"),
    _kind("OpenAI key", r"sk-[0-9A-Za-z]{20}T3BlbkFJ[0-9A-Za-z]{20}"),
    _kind("OpenRouter key", r"sk-or-v1-[0-9a-f]{64}(?![0-9A-Za-z])"),
    # DeepSeek, Moonshot, DashScope and others write their keys like this.
    _kind(
        "model provider's key", r"sk-(?!.{20}T3BlbkFJ)(?:[0-9a-f]{32}|[0-9A-Za-z]{48})(?![0-9A-Za-z_-])", certain=False
    ),
    _kind("Groq key", r"gsk_[0-9A-Za-z]{52}(?![0-9A-Za-z])"),
    _kind("xAI key", r"xai-[0-9A-Za-z]{80}(?![0-9A-Za-z])"),
    _kind("Perplexity key", r"pplx-[0-9A-Za-z]{48}(?![0-9A-Za-z])"),
    _kind("NVIDIA key", r"nvapi-[0-9A-Za-z_-]{64}(?![0-9A-Za-z_-])"),
    _kind("Cerebras key", r"csk-[0-9a-z]{48}(?![0-9A-Za-z])"),
    _kind("Databricks token", r"dapi[0-9a-f]{32}(?![0-9A-Za-z])"),
    _kind("Pinecone key", r"pcsk_[0-9A-Za-z]{4,8}_[0-9A-Za-z]{60,66}(?![0-9A-Za-z])"),
    _kind("LangSmith key", r"lsv2_(?:pt|sk)_[0-9a-f]{32}_[0-9a-f]{10}(?![0-9A-Za-z])"),
    _kind("Docker token", r"dckr_pat_[0-9A-Za-z_-]{27}(?![0-9A-Za-z_-])"),
    _kind("DigitalOcean token", r"do[opr]_v1_[0-9a-f]{64}(?![0-9A-Za-z])"),
    _kind("Vault token", r"hv[sb]\.[0-9A-Za-z_-]{90,300}"),
    _kind("Azure storage key", r"AccountKey=[0-9A-Za-z+/]{86}=="),
    _kind("age key", r"AGE-SECRET-KEY-1[0-9A-Z]{58}(?![0-9A-Za-z])"),
    _kind("GitHub token", r"gh[pousr]_[0-9A-Za-z]{36,251}(?![0-9A-Za-z])"),
    _kind("GitHub token", r"github_pat_[0-9A-Za-z]{22}_[0-9A-Za-z]{59}"),
    _kind("GitLab token", r"gl(?:pat|cbt|rt|dt|oas|soat|ptt)-[0-9A-Za-z_-]{20,64}(?![0-9A-Za-z_-])"),
    _kind("Slack token", r"xox[abeoprs]-[0-9A-Za-z-]{10,250}"),
    _kind("Slack webhook", r"https://hooks\.slack\.com/services/T[0-9A-Z]{6,12}/B[0-9A-Z]{6,12}/[0-9A-Za-z]{20,32}"),
    _kind("Stripe key", r"(?:sk|rk)_live_[0-9A-Za-z]{20,250}"),
    _kind("Hugging Face token", r"(?:hf|api_org)_[A-Za-z]{34}(?![0-9A-Za-z])"),
    _kind("Replicate token", r"r8_[0-9A-Za-z]{37}(?![0-9A-Za-z])"),
    _kind("npm token", r"npm_[0-9A-Za-z]{36}(?![0-9A-Za-z])"),
    _kind("PyPI token", r"pypi-AgEIcHlwaS5vcmc[0-9A-Za-z_-]{50,250}"),
    _kind("SendGrid key", r"SG\.[0-9A-Za-z_-]{22}\.[0-9A-Za-z_-]{43}"),
    _kind(
        "JSON web token", r"eyJ[0-9A-Za-z_-]{8,2000}\.eyJ[0-9A-Za-z_-]{8,4000}\.[0-9A-Za-z_-]{16,2000}", certain=False
    ),
    _kind(
        "password in an address",
        r"[a-z][a-z0-9+.-]{1,20}://[^\s/:@{}<>$\"']{0,64}:[^\s/@{}<>$\"'*]{3,128}@",
        certain=False,
    ),
)
_SUSPICIOUS = re.compile(
    r"(?i)((api|private|secret|access|signing|encryption|master|account)[_-]?key|secret|passw(or)?d|passphrase|pwd"
    r"|(access|auth|refresh|session|api|bot|hf)[_-]?token)$"
)
_OPAQUE = re.compile(r"[0-9A-Za-z+/_=.-]{20,512}$")
_PLACEHOLDER = re.compile(
    r"(?i)example|sample|dummy|placeholder|your|xxxx|\*{3}|\.\.\.|1234567|abcdef|test|foobar|<|redacted"
)
# The parts of a link to a pickle: how it begins, how it ends, and what no link contains.
_LINK_PARTS = re.compile(
    r"(?i)(?P<begin>(?:https?|s3|gs|hf)://)|\.(?P<end>pkl|pickle|joblib|dill|cloudpickle)(?![0-9a-z])|(?P<gap>[\s\"'<>]++)"
)
_LONGEST_LINK = 500
_BASE64 = re.compile(r"(?<![0-9A-Za-z+/=])gA[I-X][0-9A-Za-z+/]{12,}={0,2}")
_HEX_PICKLE = re.compile(r"(?<![0-9a-fA-F])80(?:02|03|04|05)(?:[0-9a-f]{2}){10,}2e(?![0-9a-fA-F])")
_LEAST_BITS = 3.5
_LONGEST_TEXT = 200_000
_MOST_TEXTS = 500_000
_MOST_FINDINGS = 1_000
"""More are not looked for; far fewer are shown."""


def scan_tree(tree: Any, where: Where) -> list[Finding]:
    """Findings for every text of a parsed manifest or document. `where` says how its places are written."""
    findings: list[Finding] = []
    for index, (path, text) in enumerate(_texts(tree)):
        if index >= _MOST_TEXTS:
            break
        for finding in _scan(text[:_LONGEST_TEXT], path[-1] if path else ""):
            # Places are written for findings only: a name of a megabyte may stand above many texts.
            place = pointer(*path) if where == "openapi" else shorten(".".join(map(str, path)), 300)
            findings.append(replace(finding, where=place))
            if len(findings) >= _MOST_FINDINGS:
                return capped(findings, 20)
    return capped(findings, 20)


def scan_text(text: str, where: str = "") -> list[Finding]:
    """Findings for plain text, such as comments that no parser hands on; places are lines."""
    findings: list[Finding] = []
    for number, line in enumerate(text.splitlines(), start=1):
        place = f"{where}:{number}" if where else f"line {number}"
        findings += (replace(finding, where=place) for finding in _scan(line[:_LONGEST_TEXT], ""))
        if len(findings) >= _MOST_FINDINGS:
            break
    return capped(findings, 20)


def _texts(tree: Any) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Every text of the tree and every key, with its path; without recursion."""
    stack: list[tuple[tuple[str | int, ...], Any]] = [((), tree)]
    while stack:
        path, node = stack.pop()
        if isinstance(node, str):
            yield path, node
        elif isinstance(node, dict):
            for key, child in node.items():
                yield path, key
                stack.append(((*path, key), child))
        elif isinstance(node, list):
            stack.extend(((*path, index), child) for index, child in enumerate(node))


def _scan(text: str, field: str | int) -> Iterator[Finding]:
    """Findings of one text, still without a place."""
    if len(text) < 8:
        return
    named = False
    for name, certain, masked in _secrets(text):
        named = True
        code = "secret_found" if certain else "secret_suspected"
        yield found(code, "", f"This looks like a {name} ({masked}).")
    if not named and isinstance(field, str) and _SUSPICIOUS.search(field[-64:]) and _is_opaque(text):
        yield found("secret_suspected", "", f"A field of this name holds an opaque text ({mask(text)}).")
    yield from _pickles(text)


def _secrets(text: str) -> Iterator[tuple[str, bool, str]]:
    for match in PATTERN.finditer(text):
        try:
            parse_key(match[0])
        except MalformedKey:
            continue
        yield "key of this marketplace", True, mask(match[0])
    for kind in _KINDS:
        for match in kind.pattern.finditer(text):
            if kind.name == "private key" or not _is_placeholder(match[0]):
                yield kind.name, kind.certain, mask(match[0])


def _pickles(text: str) -> Iterator[Finding]:
    if _links_pickle(text):
        yield found("pickle_linked", "", "A link leads to a pickle.")
    if any(map(_is_pickle, _BASE64.findall(text))) or _HEX_PICKLE.search(text):
        yield found("pickle_found", "", "A text is an encoded pickle.")


def _links_pickle(text: str) -> bool:
    """Whether a link ends like a pickle. One walk over the text: the nearest beginning decides for each end."""
    begins = -1
    for part in _LINK_PARTS.finditer(text):
        if part["begin"]:
            begins = part.end()
        elif part["gap"]:
            begins = -1
        elif begins >= 0 and 1 <= part.start() - begins <= _LONGEST_LINK:
            return True
    return False


def _is_pickle(text: str) -> bool:
    """Whether base64 text is a pickle of protocol 2 to 5: it begins with PROTO and ends with STOP."""
    usable = text[: len(text) // 4 * 4]
    try:
        raw = base64.b64decode(usable, validate=True)
    except (binascii.Error, ValueError):
        return False
    return len(raw) > 8 and raw[0] == 0x80 and raw[1] in (2, 3, 4, 5) and raw[-1:] == b"."


def _is_opaque(text: str) -> bool:
    """Whether a text has the look of random characters: one word, mixed, and with much information a character."""
    if not _OPAQUE.match(text) or _is_placeholder(text):
        return False
    mixed = any(map(str.isdigit, text)) and any(map(str.isalpha, text))
    return mixed and _bits(text) >= _LEAST_BITS


def _is_placeholder(text: str) -> bool:
    return bool(_PLACEHOLDER.search(text)) or len(set(text)) < 10


def _bits(text: str) -> float:
    """Shannon's entropy of the characters, in bits a character."""
    return -sum(count / len(text) * math.log2(count / len(text)) for count in Counter(text).values())


def mask(text: str) -> str:
    """The first four characters at most, and how long the text is: enough to find it, too little to use it."""
    return f"{text[: min(4, len(text) // 6)]}…, {len(text)} characters"
