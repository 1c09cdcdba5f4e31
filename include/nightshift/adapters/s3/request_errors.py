"""What a failed request to S3 means: wait for the server, ask again, or a sentence for whoever has to act.

Waited for is no answer, 429 and 5xx. Any other answer stays what it is until a person acts: it is `BadConfig` at once.
No sentence quotes the server or a library: their texts name objects, and sometimes values.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    HTTPClientError,
    IncompleteReadError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
    ProfileNotFound,
    ProxyConnectionError,
    SSLError,
)
from botocore.exceptions import ConnectionError as NoConnection
from botocore.parsers import ResponseParserError

from nightshift.errors import BadConfig

FAILURES = (BotoCoreError, ClientError, ResponseParserError, OSError, ValueError)
"""What a request to S3, or the making of its client, raises."""
CREDENTIALS = "check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or the AWS_PROFILE that stands for them"
RIGHTS = "check the credentials, what they may do, and the bucket's name"
REGION = "set NIGHTSHIFT_S3_REGION to the region of the bucket"
ADDRESS = "check NIGHTSHIFT_S3_ENDPOINT, and whether something else than S3, such as a sign-in page, answers there"
ACCOUNT = "the account of these credentials cannot be used: ask whoever administers it"
NO_SUPPORT = "this server cannot do it: use one that can (docs/production.md says what is needed)"
NAME = "a bucket's name has 3 to 63 lower-case letters, digits, dots and hyphens"
REMEDIES: Mapping[str, str] = {
    "AccessDenied": RIGHTS,
    "AccessDeniedException": RIGHTS,
    "AllAccessDisabled": ACCOUNT,
    "AccountProblem": ACCOUNT,
    "NotSignedUp": ACCOUNT,
    "InvalidPayer": ACCOUNT,
    "UserKeyMustBeSpecified": CREDENTIALS,
    "CredentialsNotSupported": CREDENTIALS,
    "InvalidAccessKeyId": CREDENTIALS,
    "InvalidSecurity": CREDENTIALS,
    "InvalidClientTokenId": CREDENTIALS,
    "UnrecognizedClientException": CREDENTIALS,
    "MissingSecurityHeader": CREDENTIALS,
    "MissingAuthenticationToken": CREDENTIALS,
    "InvalidIdentityToken": "check AWS_WEB_IDENTITY_TOKEN_FILE and AWS_ROLE_ARN",
    "IDPRejectedClaim": "check AWS_WEB_IDENTITY_TOKEN_FILE and AWS_ROLE_ARN",
    "SignatureDoesNotMatch": f"{CREDENTIALS}; a proxy that alters requests does the same",
    "RequestTimeTooSkewed": "the clock of this machine or of the server is wrong by more than 15 minutes: set it",
    "InvalidBucketName": NAME,
    "InvalidBucketState": "check the state of the bucket",
    "InvalidObjectState": "the object is archived: restore it, or keep this bucket out of the archive",
    "AuthorizationHeaderMalformed": REGION,
    "IllegalLocationConstraintException": REGION,
    "InvalidRegion": REGION,
    "PermanentRedirect": f"{REGION}, and NIGHTSHIFT_S3_ENDPOINT to its address",
    "Redirect": f"{REGION}, and NIGHTSHIFT_S3_ENDPOINT to its address",
    "IncorrectEndpoint": f"{REGION}, and NIGHTSHIFT_S3_ENDPOINT to its address",
    "MethodNotAllowed": f"{NO_SUPPORT}; {ADDRESS}",
    "NotImplemented": NO_SUPPORT,
    "InvalidRequest": NO_SUPPORT,
    "EntityTooLarge": "the object is larger than this server takes in one request",
    "QuotaExceeded": "the bucket's quota is used up: raise it, or remove what is not needed",
    "XMinioStorageFull": "the server's disk is full",
}
EXPIRED = {"ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired", "InvalidToken", "RequestExpired"}
BUSY = {
    "BandwidthLimitExceeded",
    "BadDigest",
    "IncompleteBody",
    "InternalError",
    "PriorRequestNotComplete",
    "RequestLimitExceeded",
    "RequestTimeout",
    "RequestTimeoutException",
    "ServerBusy",
    "ServiceUnavailable",
    "SlowDown",
    "TemporaryRedirect",
    "Throttling",
    "ThrottlingException",
    "TooManyRequests",
}
"""Codes that pass by themselves, whatever status a server gives them."""
NEVER = {501, 505}
"""Of the 5xx, those that say what the server cannot do."""
CONFLICTS = {"ConditionalRequestConflict", "OperationAborted", "409"}
FAILED_CONDITIONS = {"PreconditionFailed", "412"}
TLS_AT_A_PLAIN_PORT = re.compile(
    "WRONG_VERSION_NUMBER|UNKNOWN_PROTOCOL|HTTP_REQUEST|RECORD_LAYER_FAILURE", re.IGNORECASE
)


CA_FILE = re.compile("Errno 2|Errno 13|No such file|NO_CERTIFICATE_OR_CRL_FOUND|NO_START_LINE|PEM", re.IGNORECASE)


class NoSuchObject(Exception):
    """There is no such object."""


class ConditionFailed(Exception):
    """The condition of a write did not hold."""


class Conflict(Exception):
    """Another conditional write of the same object is under way: ask again."""


class NoAnswer(Exception):
    """No answer, or one that says "later". The message says what was tried and how it failed."""


class Expired(BadConfig):
    """Credentials that have expired: once they are read again, and then it stays so."""


class NoSuchBucket(BadConfig):
    """The bucket does not exist."""


@dataclass(frozen=True)
class Place:
    """Where a request went. `address`: the server's; `own`: the bucket of NIGHTSHIFT_S3_BUCKET."""

    address: str
    own: str
    bucket: str
    doing: str

    @property
    def server(self) -> str:
        """The server, and the setting that names it."""
        return f"S3 at {self.address} (NIGHTSHIFT_S3_ENDPOINT)"


def translate(error: Exception, place: Place) -> Exception:
    """What a failure of a request means: one of this module's exceptions, or `BadConfig`."""
    if isinstance(error, ClientError):
        return _translate_answer(error, place)
    if isinstance(error, ResponseParserError):
        return BadConfig(f"{place.server} answered {place.doing} with something that is not S3's: {ADDRESS}")
    if isinstance(error, SSLError):
        return _translate_tls_error(error, place)
    if isinstance(error, ProxyConnectionError):
        return NoAnswer(f"{place.server} could not be reached at {place.doing}: the proxy of HTTPS_PROXY or HTTP_PROXY")
    if isinstance(error, CredentialRetrievalError) and "container" in str(error.kwargs.get("provider", "")):
        return NoAnswer(f"the service of this container that gives S3 credentials failed at {place.doing}")
    if isinstance(error, (HTTPClientError, NoConnection, IncompleteReadError)):
        elsewhere = _name_server(error.kwargs, place)
        return NoAnswer(f"{elsewhere} could not be reached at {place.doing}: {type(error).__name__}")
    return describe_unusable(error, place)


def describe_unusable(error: Exception, place: Place) -> BadConfig:
    """What is wrong with credentials or settings: no request was sent."""
    doing = place.doing
    if isinstance(error, NoCredentialsError):
        return BadConfig(f"no S3 credentials for {doing}: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
    if isinstance(error, PartialCredentialsError):
        return BadConfig(f"half of the S3 credentials is missing at {doing}: set {error.kwargs.get('cred_var')}, too")
    if isinstance(error, ProfileNotFound):
        return BadConfig(f"AWS_PROFILE names a profile that ~/.aws/config and ~/.aws/credentials do not have: {doing}")
    if isinstance(error, CredentialRetrievalError):
        provider = error.kwargs.get("provider")
        return BadConfig(f"no S3 credentials for {doing}: the provider {provider} failed; run its command by hand")
    if isinstance(error, ParamValidationError):
        return BadConfig(f"S3 was not asked for {doing}: the bucket {place.bucket!r} has no possible name: {NAME}")
    if isinstance(error, OSError) and error.filename:
        return BadConfig(
            f"the file {error.filename} that S3's credentials need cannot be read ({error.strerror}): "
            "check AWS_WEB_IDENTITY_TOKEN_FILE, AWS_CA_BUNDLE and AWS_CONFIG_FILE"
        )
    if isinstance(error, OSError):
        return BadConfig(f"a file that S3's client needs cannot be read at {doing}: check AWS_CA_BUNDLE and ~/.aws")
    kind = type(error).__name__
    return BadConfig(f"S3's client cannot be used for {doing} ({kind}): check the variables AWS_* and ~/.aws/config")


def check_listing(page: Any) -> Any:
    """A page of a listing. Raises what `translate` takes for no S3: a web page may be well-formed and hold nothing."""
    if "IsTruncated" not in page and "Name" not in page:
        raise ResponseParserError("no listing")
    return page


def _translate_answer(error: ClientError, place: Place) -> Exception:
    code, status = _get_code(error), int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    is_credential_request = error.operation_name.startswith(("Assume", "GetRole"))
    server = f"AWS STS ({error.operation_name})" if is_credential_request else place.server
    if code in FAILED_CONDITIONS:
        return ConditionFailed()
    if code in CONFLICTS:
        return Conflict()
    if code in {"NoSuchKey", "NoSuchVersion"}:
        return NoSuchObject()
    if code == "NoSuchBucket":
        return _build_no_such_bucket(place)
    if code in BUSY or status == 429 or (status >= 500 and status not in NEVER):
        return NoAnswer(f"{server} failed at {place.doing}: {code}")
    if code in EXPIRED:
        remedy = "get new credentials (AWS_SESSION_TOKEN belongs to the two keys)"
        return Expired(f"{server} refused {place.doing}: {code}, also after the credentials were read again: {remedy}")
    return BadConfig(f"S3 refused {place.doing}: {code}; {REMEDIES.get(code, ADDRESS)} ({server})")


def _build_no_such_bucket(place: Place) -> NoSuchBucket:
    named = "NIGHTSHIFT_S3_BUCKET" if place.bucket == place.own else "the uri in the model's definition"
    return NoSuchBucket(
        f"there is no bucket {place.bucket!r} at {place.server}, for {place.doing}: make it, or mend {named}"
    )


def _translate_tls_error(error: SSLError, place: Place) -> Exception:
    """A certificate stays what it is; a handshake that was cut short is a server that restarts."""
    text = str(error.kwargs.get("error", ""))
    if "CERTIFICATE_VERIFY_FAILED" in text:
        return BadConfig(
            f"the certificate of {place.server} is not one that this machine trusts, at {place.doing}: for a private "
            "authority set AWS_CA_BUNDLE to the file with its certificate (PEM)"
        )
    if CA_FILE.search(text):
        message = f"the file of certificates in AWS_CA_BUNDLE or REQUESTS_CA_BUNDLE cannot be read, for {place.doing}"
        return BadConfig(f"{message}: give the path of a PEM file")
    if TLS_AT_A_PLAIN_PORT.search(text):
        return BadConfig(f"{place.server} speaks no TLS, at {place.doing}: write http:// instead of https://")
    return NoAnswer(f"{place.server} could not be reached at {place.doing}: {type(error).__name__}")


def _name_server(kwargs: Mapping[str, Any], place: Place) -> str:
    """The server that did not answer: S3, or the one that gives credentials."""
    address = str(kwargs.get("endpoint_url") or "")
    return "AWS STS" if "//sts." in address and "//sts." not in place.address else place.server


def _get_code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code") or "without a code")
