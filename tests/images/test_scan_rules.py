"""The scan's rules, on texts: what each finds, and what it leaves alone."""

from datetime import date
from pathlib import Path

import pytest

from image_tools import exceptions
from image_tools.build import make_tag
from image_tools.exceptions import AcceptedFinding, ExceptionsError
from image_tools.findings import Finding
from image_tools.image_rules import check_settings, find_file_secret
from image_tools.list_packages import read_debian_licence
from image_tools.lock_rules import check_compose_file, check_dockerfile, check_lock, parse_pins
from image_tools.secret_patterns import find_variable_secret
from support.image_runs import SOURCES

DIGEST = "a1" * 32
GOOD_LOCK = f"""# made by hand
boto3==1.44.5 \\
    --hash=sha256:{DIGEST} \\
    --hash=sha256:{"b2" * 32}
Ruamel.yaml[jinja2]==0.19.1 ; sys_platform == "linux" --hash=sha256:{DIGEST}
"""
KEY_BODY = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQ"
PEM = f"-----BEGIN PRIVATE KEY-----\n{KEY_BODY}\n"
AWS = "AKIA" + "QWERTYUIOPASDF12"
OURS = "opt/nightshift/include/nightshift/settings.py"


def _lock(path: Path, text: str) -> list[Finding]:
    file = path / "lock.txt"
    file.write_text(text)
    return check_lock(file, "lock.txt")


def _dockerfile(path: Path, text: str) -> list[Finding]:
    file = path / "Dockerfile"
    file.write_text(text)
    return check_dockerfile(file, "Dockerfile")


def test_a_good_lock_has_no_finding_and_its_pins_are_read(tmp_path: Path) -> None:
    assert _lock(tmp_path, GOOD_LOCK) == []
    assert [(pin.name, pin.version, len(pin.digests)) for pin in parse_pins(GOOD_LOCK)] == [
        ("boto3", "1.44.5", 2),
        ("ruamel-yaml", "0.19.1", 1),
    ]


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        (f"boto3>=1.44 --hash=sha256:{DIGEST}", "unpinned"),
        (f"boto3==1.44.* --hash=sha256:{DIGEST}", "unpinned"),
        (f"boto3 --hash=sha256:{DIGEST}", "unpinned"),
        (f"boto3 @ https://example.org/boto3.whl --hash=sha256:{DIGEST}", "unpinned"),
        ("-e .", "unpinned"),
        ("--extra-index-url https://example.org/simple", "unpinned"),
        ("boto3==1.44.5", "unhashed"),
        ("boto3==1.44.5 --hash=md5:0123456789abcdef0123456789abcdef", "unhashed"),
        ("boto3==1.44.5 --hash=sha256:a1b2", "unhashed"),
    ],
)
def test_a_loose_line_of_a_lock_is_found(line: str, rule: str, tmp_path: Path) -> None:
    findings = _lock(tmp_path, f"{GOOD_LOCK}{line}\n")
    assert [(finding.rule, finding.where) for finding in findings] == [(rule, "lock.txt:6")]


@pytest.mark.parametrize(
    ("text", "rules"),
    [
        ("FROM debian:bookworm-slim\n", []),
        (f"FROM registry.example:5000/debian@sha256:{DIGEST}\n", []),
        ("ARG BASE=debian:bookworm-slim\nFROM ${BASE} AS base\nFROM base AS steps\nCOPY --from=base /a /b\n", []),
        ("FROM debian\n", ["unpinned"]),
        ("FROM registry.example:5000/debian\n", ["unpinned"]),
        ("FROM --platform=linux/amd64 debian:latest AS base\n", ["unpinned"]),
        ("ARG BASE=debian:latest\nFROM $BASE\n", ["unpinned"]),
        ("FROM debian:12\nCOPY --from=busybox /bin/sh /sh\n", ["unpinned"]),
        ("FROM debian:12\nRUN apt-get update \\\n && pip install boto3\n", ["unhashed"]),
        ("FROM debian:12\nRUN pip install --require-hashes -r lock.txt\n", []),
    ],
)
def test_the_images_of_a_dockerfile_have_a_fixed_tag_and_installations_digests(
    text: str, rules: list[str], tmp_path: Path
) -> None:
    assert [finding.rule for finding in _dockerfile(tmp_path, text)] == rules


def test_the_images_of_a_compose_file_have_a_fixed_tag(tmp_path: Path) -> None:
    file = tmp_path / "compose.yaml"
    images = {"a": "postgres:15.14", "b": "x:${TAG:-local}", "c": "postgres", "d": "x:${TAG:-latest}", "e": "x:latest"}
    file.write_text(
        "services:\n  z: !reset null\n  y: {image: !override 'x:1', ports: !reset []}\n"
        + "".join(f"  {name}: {{image: '{image}'}}\n" for name, image in images.items())
    )
    assert [finding.where[-1] for finding in check_compose_file(file, "compose")] == ["c", "d", "e"]


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("etc/ssl/private/server.pem", PEM),
        ("opt/x.txt", PEM.replace("PRIVATE", "OPENSSH PRIVATE")),
        ("opt/x.json", PEM.replace("\n", "\\n")),
        ("opt/x.py", f"id = '{AWS}'"),
        ("opt/x.py", "t = 'ghp_" + "a1B2" * 9 + "'"),
        ("root/.netrc", "machine x"),
        ("home/a/.aws/credentials", "x"),
        ("opt/nightshift/.env", "x"),
        ("opt/store.p12", "x"),
        (OURS, "DATABASE = 'postgresql://nightshift:hunter22@db/x'"),
        (OURS, "password: 'correct-horse-42'"),
    ],
)
def test_a_secret_in_a_file_is_found(path: str, content: str) -> None:
    assert find_file_secret(path, content.encode())


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("opt/x.py", "if line == '-----BEGIN PRIVATE KEY-----':"),
        ("opt/x.md", "AKIAIOSFODNN7EXAMPLE"),
        ("usr/lib/x.py", "postgresql://user:password@host/x"),  # an example in somebody's documents
        (OURS, "postgresql://nightshift:${PASSWORD}@db/x"),
        (OURS, 'secret_name = "nightshift-steps"'),
        (OURS, 'password = settings["password"]'),
        ("opt/x.so", "\0" + PEM),
        ("opt/environment.txt", "x"),
    ],
)
def test_what_only_looks_like_a_secret_is_left_alone(path: str, content: str) -> None:
    assert find_file_secret(path, content.encode()) is None


@pytest.mark.parametrize(
    ("name", "value", "is_secret"),
    [
        ("DB_PASSWORD", "x", True),
        ("API_TOKEN", "x", True),
        ("AWS_SECRET_ACCESS_KEY", "x", True),
        ("FERNET_KEY", "x", True),
        ("ANYTHING", AWS, True),
        ("DATABASE", "postgresql://a:hunter22@db/x", True),
        ("DB_PASSWORD", "", False),
        ("DB_PASSWORD_FILE", "/run/keys/db", False),
        ("AIRFLOW__CORE__FERNET_KEY_CMD", "cat /run/keys/fernet", False),
        ("PATH", "/usr/bin", False),
    ],
)
def test_a_variable_that_holds_a_secret_is_told_from_one_that_says_where(
    name: str, value: str, is_secret: bool
) -> None:
    assert bool(find_variable_secret(name, value)) is is_secret


@pytest.mark.parametrize(
    ("user", "number"),
    [
        ("10001", 0),
        ("10001:10001", 0),
        ("1:0", 0),
        ("", 1),
        ("0", 1),
        ("0:10001", 1),
        ("00", 1),
        ("root", 1),
        ("nobody", 1),
    ],
)
def test_the_user_is_a_number_that_is_not_root(user: str, number: int) -> None:
    assert len(check_settings("image", {"config": {"User": user}})) == number


def test_no_finding_shows_the_secret() -> None:
    history = [{"created_by": "RUN |1 API_TOKEN=canary-77 /bin/sh -c true"}, {"created_by": f"RUN echo {AWS}"}]
    settings = {"User": "1", "Env": ["DB_PASSWORD=canary-77"], "Labels": {"deploy.token": "canary-77"}}
    findings = check_settings("image", {"config": settings, "history": history})
    assert len(findings) == 4
    assert not any("canary" in str(finding) or AWS in str(finding) for finding in findings)


def test_an_accepted_finding_is_left_out_until_it_is_old() -> None:
    known = [AcceptedFinding("vulnerability", "PYSEC-1", "not reachable", date(2020, 1, 1))]
    accepted, other = (
        Finding("vulnerability", "PYSEC-1", "boto3 1", "x"),
        Finding("vulnerability", "PYSEC-2", "boto3 1", "x"),
    )
    assert exceptions.sift([accepted, other], known, date(2020, 2, 1)) == [other]
    assert [f.rule for f in exceptions.sift([accepted], known, date(2021, 2, 1))] == ["exception"]


@pytest.mark.parametrize(
    "text",
    [
        "[[exception]]\nrule = 'hole'\ntext = 'x'\ndecided = 2020-01-01\n",
        "[[exception]]\nrule = 'hole'\ntext = 'x'\nreason = ' '\ndecided = 2020-01-01\n",
        "[[exception]]\nrule = 'hole'\ntext = ''\nreason = 'y'\ndecided = 2020-01-01\n",
        "[[exception]]\nrule = 'hole'\ntext = 'x'\nreason = 'y'\ndecided = 'once'\n",
        "[[exception]\n",
    ],
)
def test_an_exception_without_a_reason_or_a_day_is_refused(text: str, tmp_path: Path) -> None:
    file = tmp_path / "exceptions.toml"
    file.write_text(text)
    with pytest.raises(ExceptionsError, match=r"exceptions\.toml"):
        exceptions.read_exceptions(file)


def test_our_own_locks_recipes_and_exceptions_keep_the_rules() -> None:
    locks = [
        *SOURCES.glob("requirements*.txt"),
        *SOURCES.glob("requirements/*.txt"),
        SOURCES / "tools/requirements-uv.txt",
    ]
    assert len(locks) >= 7
    assert [finding for lock in locks for finding in check_lock(lock, lock.name)] == []
    assert all(len(parse_pins(lock.read_text())) >= 1 for lock in locks)
    assert check_dockerfile(SOURCES / "Dockerfile", "Dockerfile") == []
    assert all(known.reason for known in exceptions.read_exceptions(SOURCES / exceptions.FILE))


@pytest.mark.parametrize(
    ("version", "expected"), [("v1.2-3-gabc", "v1.2-3-gabc"), ("1+x/y", "1_x_y"), ("-.a" + "b" * 200, "a" + "b" * 127)]
)
def test_a_version_becomes_a_tag(version: str, expected: str) -> None:
    assert make_tag(version) == expected


def test_debians_licences_come_from_the_copyright_file(tmp_path: Path) -> None:
    (tmp_path / "bash").write_text("Format: x\n\nFiles: *\nLicense: GPL-3+\n\nFiles: a\nLicense: Latex2e\n text\n")
    (tmp_path / "old").write_text("This package was made by somebody.\n")
    where = str(tmp_path / "{}")
    assert [read_debian_licence(name, where) for name in ("bash", "old", "none")] == ["GPL-3+, Latex2e", "", ""]
