"""An image that cannot be pulled: whether waiting may help.

A pure reading of what the container runtime says. Whatever is not known to last is worth waiting for: the wait has an
end of its own, and a registry has many ways to be away.
"""

PULLING = ("ErrImagePull", "ImagePullBackOff", "RegistryUnavailable")
HOPELESS = ("InvalidImageName", "ErrImageNeverPull", "ImageInspectError")
ANSWERS = (
    "not found",
    "manifest unknown",
    "name unknown",
    "does not exist",
    "unauthorized",
    "authorization failed",
    "access denied",
    "forbidden",
    "no match for platform",
    "no matching manifest",
    "invalid reference format",
    "certificate signed by unknown authority",
)
"""What a registry says when it is asked again, too."""
PASSING = ("no such host", "too many requests", "rate limit", "toomanyrequests")
"""What sounds like an answer of the registry, and is not."""


def is_final(reason: str, message: str) -> bool:
    """Whether the registry, or the name itself, says that there is no such image for us.

    `reason` is that of the container's waiting state, `message` the runtime's own words.
    """
    if reason not in PULLING:
        return reason in HOPELESS
    words = message.lower()
    return any(answer in words for answer in ANSWERS) and not any(sign in words for sign in PASSING)
