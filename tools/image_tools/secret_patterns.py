"""Recognises secrets: in a file, in the name of a file, in an environment, in the history of a build.

It recognises only what is almost certainly a secret: a scan with false alarms would be switched off.
"""

import re
from pathlib import PurePosixPath

SHAPES: dict[str, bytes] = {
    "a private key": rb"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----"
    rb"(?:\\n|\s)+(?:[A-Za-z-]+: [^\n]+\s+)*[A-Za-z0-9+/=]{40}",
    "an AWS access key": rb"\b(?:AKIA|ASIA)(?![0-9A-Z]{9}EXAMPLE)[0-9A-Z]{16}\b",
    "a GitHub token": rb"\b(?:gh[opsur]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{60,})",
    "a GitLab token": rb"\bglpat-[A-Za-z0-9_-]{20,}",
    "a Slack token": rb"\bxox[abposr]-[0-9A-Za-z]{10,}-[0-9A-Za-z-]{10,}",
    "a package index token": rb"\bpypi-AgE[A-Za-z0-9_-]{50,}|\bnpm_[A-Za-z0-9]{36}\b",
    "a Google key": rb"\bAIza[0-9A-Za-z_-]{35}\b",
    "a payment key": rb"\b[rs]k_live_[0-9A-Za-z]{20,}",
    "a signed token": rb"\beyJ[A-Za-z0-9_-]{16,}\.eyJ[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{20,}",
}
"""Name of a kind of secret → its pattern."""
IN_URL = rb"\b[a-z][a-z0-9+]{2,}://[A-Za-z0-9_.-]+:(?![$<{%*])[^\s:/@\"'<>{}$%]{6,}@[A-Za-z0-9]"
"""A password in a URL. Documents are full of examples: looked for in our own files and in an image's settings only."""
ASSIGNED = (
    rb"\b(?i:[\w-]*(?:passw(?:or)?d|secret|token|api[_-]?key|access[_-]?key))[\"']?"
    rb"\s*[:=]\s*[\"'](?=(?:[^\"']*[0-9]){2})[^\"'\s{}<>$%]{8,}[\"']"
)
"""A literal with two digits or more given to a name that promises a secret; looked for in our own files only."""
SECRET_NAME = re.compile(r"(?i)(passw(or)?d|secret|token|credential|private|api_?key|access_?key|(^|_)key$|fernet)")
"""What the name of a variable that holds a secret contains."""
REFERENCE = re.compile(r"(?i)(_file|_path|_cmd|_command|_name|_dir|_uri|_url)\Z")
"""The names of variables that hold the place of a secret, not the secret."""
FILES = frozenset(
    (
        *(
            ".env",
            ".netrc",
            ".pgpass",
            ".pypirc",
            ".npmrc",
            ".git-credentials",
            ".dockercfg",
            ".htpasswd",
            "kubeconfig",
        ),
        *("id_rsa", "id_dsa", "id_ecdsa", "id_ed25519"),
        *("credentials.json", "service-account.json", "secrets.yaml", "secrets.env"),
    )
)
"""Files that hold secrets whatever is in them."""
ENDS = (".p12", ".pfx", ".jks", ".keystore", ".kdbx", ".ppk")
PLACES = (".aws/credentials", ".docker/config.json", ".kube/config", ".config/gcloud/credentials.db")

_BEGINNINGS = (
    *(b"PRIVATE KEY", b"AKIA", b"ASIA", b"ghp_", b"gho_", b"ghs_", b"ghu_", b"ghr_", b"github_pat_", b"glpat-", b"xox"),
    *(b"pypi-AgE", b"npm_", b"AIza", b"k_live_", b".eyJ"),
)
"""One of these is in every text that has one of the shapes: finding that out is fifty times as fast."""
_ANY = re.compile(b"|".join(b"(?P<s%d>%s)" % (n, shape) for n, shape in enumerate(SHAPES.values())))
_URL = re.compile(IN_URL)
_OWN = re.compile(b"|".join((IN_URL, ASSIGNED)))


def find_secret(text: bytes) -> str | None:
    """Returns which kind of secret `text` contains, if any. Never the secret."""
    match = _ANY.search(text) if any(beginning in text for beginning in _BEGINNINGS) else None
    return list(SHAPES)[int((match.lastgroup or "s0")[1:])] if match else None


def find_own_secret(text: bytes) -> str | None:
    """Returns the same for a file of this project, where a plain-text password counts too."""
    return find_secret(text) or ("a password in plain words" if _OWN.search(text) else None)


def is_secret_file(path: str) -> bool:
    """Whether a file at `path` holds secrets, by its name."""
    name = PurePosixPath(path).name
    return name in FILES or name.endswith(ENDS) or path.endswith(PLACES)


def find_variable_secret(name: str, value: str) -> str | None:
    """Returns which kind of secret the variable contains, if any. Never the secret."""
    shape = find_secret(value.encode()) or ("a password in a URL" if _URL.search(value.encode()) else None)
    if shape or not value:
        return shape
    return "a secret by its name" if SECRET_NAME.search(name) and not REFERENCE.search(name) else None
