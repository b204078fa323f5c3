"""The one suite of protocol version 1: names and sizes that every other module shares."""

from enum import StrEnum

PROTOCOL = 1
SUITE = "ristretto255-SHA512"  # RFC 9497, section 4.1
MODE = "voprf"  # RFC 9497, mode 0x01

ELEMENT_BYTES = 32  # a serialised ristretto255 element, RFC 9496
PROOF_BYTES = 64  # two scalars: c and s, RFC 9497 section 2.2.1
OUTPUT_BYTES = 64  # SHA-512
TOKEN_BYTES = 32  # output[0:32]
PERSON_BYTES = 8  # token[0:8]
BLOCK_BYTES = 8
ENTRY_BYTES = 8
HASH_BYTES = 32  # SHA-256: leaves, nodes, root
SALT_BYTES = 16  # the Argon2 salt and the version salt

MIN_PREFIX_BITS = 10
MAX_PREFIX_BITS = 20
MAX_DATASET_ID = 65535
MAX_DATA_CLASSES = 16  # the field mask has 16 bits
MAX_ELEMENTS = 64  # of one evaluate request
MAX_TOKENS = 1000  # of one check request
MAX_ARGON2_MEMORY_KIB = 64 * 1024  # a five-year-old phone still has that much for a page
MAX_ARGON2_PASSES = 4


class Lane(StrEnum):
    """Who may ask: an index has two lanes with an OPRF key each."""

    PUBLIC = "public"  # anyone
    VERIFIED = "verified"  # API clients that have identified the person; sensitive datasets


class Kind(StrEnum):
    """The kinds of identifier, in the order a load works through them."""

    IIN = "iin"
    PHONE = "phone"
    EMAIL = "email"
