"""One error family with closed codes; pure, so that the protocol can raise it too.

Components raise these; ``lookup.problems`` alone turns one into HTTP, ``loaders.cli`` alone into
an exit code. A sentence is written for the person who reads it: lower case, no full stop, what
happened and then what to do. It never repeats what was given (an identifier could be in it).
"""

from collections.abc import Mapping
from enum import StrEnum


class Code(StrEnum):
    """Every reason we refuse or fail for; the value is what others may match on."""

    # identifiers: also the reasons counted in a load certificate
    IIN_CHARACTERS = "iin_characters"
    IIN_LENGTH = "iin_length"
    IIN_CHECK_DIGIT = "iin_check_digit"
    IIN_PLACEHOLDER = "iin_placeholder"
    PHONE_INVALID = "phone_invalid"
    EMAIL_INVALID = "email_invalid"
    EMPTY = "empty"
    IIN_ROUNDED = "iin_rounded"  # in a certificate only
    # the wire protocol, as a client or a server meets it
    BAD_ELEMENT = "bad_element"
    BAD_EVALUATION = "bad_evaluation"
    BAD_PARAMETERS = "bad_parameters"
    BAD_SIGNATURE = "bad_signature"
    BAD_RANGE = "bad_range"
    BAD_PREFIX = "bad_prefix"
    BAD_REGISTER = "bad_register"
    PIN_MISMATCH = "pin_mismatch"
    ROLLED_BACK = "rolled_back"
    # HTTP requests (docs/problems.md)
    BAD_REQUEST = "bad_request"
    TOO_MANY_ELEMENTS = "too_many_elements"
    UNAUTHORISED = "unauthorised"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    VERSION_GONE = "version_gone"
    NO_SUCH_PART = "no_such_part"
    TOO_LARGE = "too_large"
    BAD_MEDIA_TYPE = "bad_media_type"
    RATE_LIMITED = "rate_limited"
    PROOF_OF_WORK_REQUIRED = "proof_of_work_required"
    BUDGET_SPENT = "budget_spent"
    INTERNAL = "internal"
    STORE_UNAVAILABLE = "store_unavailable"
    STALE = "stale"
    # operators
    BAD_SETTING = "bad_setting"
    BAD_USAGE = "bad_usage"
    BAD_FILE = "bad_file"
    BAD_DATASET = "bad_dataset"
    BAD_KEY_FILE = "bad_key_file"
    KEY_MISMATCH = "key_mismatch"
    INDEX_MISSING = "index_missing"
    INDEX_EXISTS = "index_exists"
    INDEX_PROTOCOL = "index_protocol"
    STORE_EVICTS = "store_evicts"
    PUBLISH_CONFLICT = "publish_conflict"
    SERVICE_UNREACHABLE = "service_unreachable"


class QorganError(Exception):
    """Base of the family; never raised directly.

    Attributes:
        code: the closed reason.
        sentence: one sentence for a person: what happened, and what to do.
    """

    exit_code = 1

    def __init__(self, code: Code, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence


class InputError(QorganError):
    """What was given is refused; nothing was changed."""

    exit_code = 2


class UnavailableError(QorganError):
    """The store, a key or a service could not be reached or trusted."""

    exit_code = 3


class CouldNotCheckError(UnavailableError):
    """A lookup has no answer. This is never "not found"."""


class ProblemError(QorganError):
    """An HTTP request is answered with a problem document.

    Attributes:
        retry_after: seconds until trying again makes sense, for the Retry-After header.
        challenge: the proof of work to send along then.
    """

    def __init__(
        self,
        code: Code,
        sentence: str,
        *,
        retry_after: int | None = None,
        challenge: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(code, sentence)
        self.retry_after = retry_after
        self.challenge = challenge
