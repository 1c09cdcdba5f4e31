"""Decides whether it helps to wait for an image that cannot be pulled.

A pure reading of the container runtime's messages. Unless a message says that the cause will last, waiting is worth it:
the wait has a limit of its own, and a registry may be unavailable in many ways.
"""

PULL_REASONS = ("ErrImagePull", "ImagePullBackOff", "RegistryUnavailable")
FINAL_REASONS = ("InvalidImageName", "ErrImageNeverPull", "ImageInspectError")
FINAL_MESSAGES = (
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
"""What a registry answers again if it is asked again."""
PASSING_MESSAGES = ("no such host", "too many requests", "rate limit", "toomanyrequests")
"""What sounds like a final answer of the registry, and is not."""


def is_final(reason: str, message: str) -> bool:
    """Returns whether there is no such image for us, by the answer of the registry or by the name itself.

    `reason` is that of the container's waiting state, `message` that of the container runtime.
    """
    if reason not in PULL_REASONS:
        return reason in FINAL_REASONS
    lower = message.lower()
    is_answer = any(answer in lower for answer in FINAL_MESSAGES)
    return is_answer and not any(sign in lower for sign in PASSING_MESSAGES)
