"""Whether waiting helps when an image cannot be pulled, in the words of container runtimes and registries."""

import pytest

from nightshift_airflow.kubernetes.image_pull import is_final

FAILED = 'rpc error: code = Unknown desc = failed to pull and unpack image "registry.example/steps:9": '
RESOLVE = 'failed to resolve reference "registry.example/steps:9": '


@pytest.mark.parametrize(
    "message",
    [
        f"{FAILED.replace('Unknown', 'NotFound')}{RESOLVE}registry.example/steps:9: not found",
        f"{FAILED}{RESOLVE}pull access denied, repository does not exist: insufficient_scope: authorization failed",
        f"{FAILED}{RESOLVE}failed to authorize: failed to fetch oauth token: unexpected status: 401 Unauthorized",
        f"{FAILED}{RESOLVE}unexpected status code [manifests 9]: 403 Forbidden",
        f"{FAILED}no match for platform in manifest: not found",
        "reading manifest 9 in registry.example/steps: manifest unknown",
        f"{FAILED}{RESOLVE}failed to do request: Head: x509: certificate signed by unknown authority",
    ],
)
def test_what_a_registry_says_again_when_it_is_asked_again_is_final(message: str) -> None:
    assert is_final("ErrImagePull", message)
    assert is_final("ImagePullBackOff", message)


@pytest.mark.parametrize(
    "message",
    [
        f"{FAILED}{RESOLVE}unexpected status code [manifests 9]: 503 Service Unavailable",
        f"{FAILED}{RESOLVE}failed to do request: Head: dial tcp 10.0.0.7:443: connect: connection refused",
        f"{FAILED}{RESOLVE}failed to do request: Head: dial tcp: lookup registry.example: no such host",
        f"{FAILED}{RESOLVE}failed to do request: Head: net/http: TLS handshake timeout",
        f"{FAILED}429 Too Many Requests - Server message: toomanyrequests: your unauthenticated pull rate limit",
        f"{FAILED}failed to copy: httpReadSeeker: failed open: unexpected EOF",
        'Back-off pulling image "registry.example/steps:9"',
        "",
    ],
)
def test_anything_else_may_pass(message: str) -> None:
    assert not is_final("ErrImagePull", message)


@pytest.mark.parametrize("reason", ["InvalidImageName", "ErrImageNeverPull"])
def test_a_name_that_is_none_is_final(reason: str) -> None:
    assert is_final(reason, "")


def test_a_missing_configmap_is_no_missing_image() -> None:
    assert not is_final("CreateContainerConfigError", 'configmap "nightshift-steps" not found')
