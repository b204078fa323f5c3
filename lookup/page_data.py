"""What the check's script needs to know: texts of the catalogues, data classes, formats.

It comes with the page, so that nothing has to be fetched once there is an answer.
"""

from flask_babel import gettext as _

from lookup import assets, facts, languages
from lookup.errors import Code

# Of Kazakhstan, for "a prefix that about N people share"; the protocol does not depend on it.
_POPULATION = 20_000_000


def sharing(prefix_bits: int) -> int:
    """About how many people share a prefix, to two digits."""
    return int(float(f"{_POPULATION / 2**prefix_bits:.2g}"))


def page_data() -> dict[str, object]:
    """The document in the check's page, in the language of this request."""
    language = languages.language()
    return {
        "language": language,
        "worker": assets.address("worker.ts"),
        "population": _POPULATION,
        "formats": languages.for_scripts(),
        "classes": {
            slug: {"name": known.name[language], "actions": known.actions}
            for slug, known in facts.data_classes().items()
        },
        "always": facts.ALWAYS,
        "precautions": facts.PRECAUTIONS,
        "labels": {"iin": _("IIN"), "phone": _("Phone number"), "email": _("E-mail address")},
        "hints": {
            "iin": _("12 digits. It stays on this device."),
            "phone": _("With its code, such as +7 701 234 56 78. It stays on this device."),
            "email": _("Such as name@example.kz. It stays on this device."),
        },
        "steps": {
            "params": _("Fetching what is the same for everybody…"),
            "evaluate": _("Computing on your device, then asking blindly…"),
            "range": _("Fetching a drawer that many people share…"),
        },
        "purposes": _purposes(),
        "received": _("Came back: %(bytes)s bytes.", bytes="%(bytes)s"),
        "refusals": _refusals(),
        "failures": _failures(),
        "statuses": {
            "claimed": _("reported, not confirmed"),
            "confirmed": _("confirmed"),
            "refuted": _("refuted"),
        },
        "suspected": _("suspected: %(name)s", name="%(name)s"),
        "processor": _("%(name)s (processor)", name="%(name)s"),
        "not_established": _("not established"),
        "by": _("%(day)s at the latest", day="%(day)s"),
        "not_searched": {
            "none": _("its data are not in this index"),
            "public": _("it cannot be searched by what you asked with"),
            "verified": _(
                "Leaks marked as sensitive are shown only in an app that has identified you."
            ),
        },
    }


def _purposes() -> dict[str, str]:
    """Why each request is made."""
    return {
        "params": _("The index's public settings, signed. The same for everybody."),
        "register": _("The whole register of leaks. The same for everybody."),
        "evaluate": _("Your number, blinded: a random point, to us and to anybody on the way."),
        "range": _(
            "A drawer of the index. About %(people)s people share the last characters of this "
            "address, so that alone they do not say who you are.",
            people="%(people)s",
        ),
        "range_of_many": _("A drawer of the index, which many people share."),
    }


def _refusals() -> dict[str, str]:
    """What was typed is no identifier; nothing was sent."""
    return {
        Code.EMPTY: _("Nothing was entered."),
        Code.IIN_CHARACTERS: _("An IIN has digits only. Nothing was sent."),
        Code.IIN_LENGTH: _("An IIN has exactly 12 digits. Nothing was sent."),
        Code.IIN_CHECK_DIGIT: _(
            "This IIN has a mistake: its check digit does not fit. Look at it once more. "
            "Nothing was sent."
        ),
        Code.IIN_PLACEHOLDER: _("No person has this IIN. Nothing was sent."),
        Code.PHONE_INVALID: _(
            "There is no such phone number. Write it with its code, such as +7 701 234 56 78. "
            "The number was not sent."
        ),
        Code.EMAIL_INVALID: _("This is no e-mail address. Nothing was sent."),
    }


def _failures() -> dict[str, str]:
    """There is no answer; whatever has no text of its own has that of ``other``."""
    return {
        Code.SERVICE_UNREACHABLE: _(
            "The service does not answer, or the connection broke. Try again in a few minutes."
        ),
        Code.RATE_LIMITED: _(
            "Too many questions came from your network in a short time. Try again later."
        ),
        Code.VERSION_GONE: _("The index was being renewed. Try again."),
        Code.PIN_MISMATCH: _(
            "The service shows another key or setting than it showed this device before. "
            "This may be an attack, so it is not believed. If the operator has announced a new "
            "index, clear this site's data in your browser and try again."
        ),
        Code.ROLLED_BACK: _(
            "The service shows an older index than it showed this device before. Try again "
            "in a few minutes."
        ),
        Code.BAD_FILE: _(
            "What this device remembers of the service cannot be read. Clear this site's data in "
            "your browser and try again."
        ),
        Code.INTERNAL: _(
            "A part of this page could not be loaded or failed. Reload the page and try again."
        ),
        "other": _(
            "What the service sent does not pass the checks of this page, so it is not believed. "
            "Try again later."
        ),
    }
