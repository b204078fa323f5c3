"""The check in a real browser: what a citizen sees, in three languages, and what leaves the page.

Everything is real: gunicorn, Valkey, the committed scripts, Chromium.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from chromium import LANGUAGES, chromium, needs_chromium, visiting
from conftest import Installation, Served, get, wait_until
from playwright.sync_api import Browser, Route
from site_world import CLEAN, EMAIL, IN_ONE, LEAKED, PHONE, SENSITIVE, serving

from lookup.facts import actions, data_classes

pytestmark = needs_chromium
__all__ = ["chromium"]

FOUND = {
    "kk": "Табылды, таралулар саны: 2",
    "ru": "Найдено в утечках: 2",
    "en": "Found in leaks: 2",
}
NOT_FOUND = {"kk": "Индексте табылмады", "ru": "Не найдено в индексе", "en": "Not found in the"}
HOSTILE = {"kk": "", "ru": "", "en": " <img src=x onerror=alert(1)>"}
# Whose leak, happened, made public, status, what followed: of "citizens", as each language has it.
TOLD = {
    "kk": [
        "A <b>shop</b>; күдікті: A bank; A clerk (өңдеуші)",
        "2024 ж. желтоқсан не одан бұрын",
        "2025 ж. 31 қаңтар",
        "хабарланған, расталмаған",
        "Айыппұл: 1 234 567,5 KZT (2025 ж. 1 қыркүйек); inquiry",
    ],
    "ru": [
        "A <b>shop</b>; под подозрением: A bank; A clerk (обработчик)",
        "самое позднее — декабрь 2024 г.",
        "31 января 2025 г.",
        "сообщалось, не подтверждена",
        "Штраф: 1 234 567,5 KZT (1 сентября 2025 г.); inquiry",
    ],
    "en": [
        "A <b>shop</b>; suspected: A bank; A clerk (processor)",
        "December 2024 at the latest",
        "January 31, 2025",
        "reported, not confirmed",
        "Fine: 1,234,567.5 KZT (September 1, 2025); inquiry",
    ],
}
QUESTIONS = [("phone", "8 701 000-11-22"), ("email", EMAIL.upper())]
WRONG_DIGIT = {"kk": "бақылау цифры", "ru": "контрольная цифра", "en": "check digit"}


@pytest.fixture(scope="module")
def site(
    published_site: Installation, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    with serving(published_site, tmp_path_factory.mktemp("site")) as (served, _):
        yield served


@pytest.mark.parametrize("language", LANGUAGES)
def test_found(chromium: Browser, site: Served, language: str) -> None:
    """A leaked person sees each leak, and only the data classes that their row had."""
    with visiting(chromium, site.url) as visit:
        visit.open(f"/{language}/")
        assert visit.ask(LEAKED) == "found"
        answer = visit.page.locator("#answer")
        assert answer.locator("h2").inner_text().replace("\n", " ") == FOUND[language]
        titles = answer.locator(".leak h3").all_inner_texts()
        assert titles == [f"shop {language}", f"citizens {language}{HOSTILE[language]}"]
        told = [
            leak.locator(".classes li").all_inner_texts() for leak in answer.locator(".leak").all()
        ]
        names = {slug: known.name[language] for slug, known in data_classes().items()}
        iin, name, address = (
            names[slug] for slug in ("government-issued-ids", "names", "physical-addresses")
        )
        assert told == [[iin, name], [iin, name, address]]
        assert visit.page.evaluate("document.activeElement.id") == "answer"
        assert visit.page.locator("#identifier").input_value() == ""


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_told_of_a_leak(chromium: Browser, site: Served, language: str) -> None:
    """Who, when and what followed read as on the leak's own page, in the language's numbers."""
    with visiting(chromium, site.url) as visit:
        visit.open(f"/{language}/")
        visit.ask(LEAKED)
        leak = visit.page.locator("#answer .leak").nth(1)
        assert plain(leak.locator("dd").all_inner_texts()) == TOLD[language]
        assert visit.page.locator("#answer [data-slot=unsearched] li").count() == 6
        visit.open(f"/{language}/breaches/citizens")
        whose, status, happened, _, public, *_ = visit.page.locator("dd").all_inner_texts()
        followed = visit.page.locator("h2 + ul").first.locator("li").all_inner_texts()
        told = [whose, happened, public, status, "; ".join(followed)]
        assert plain(told) == TOLD[language]


def plain(texts: list[str]) -> list[str]:
    """With common spaces for those that do not break."""
    return [text.replace("\xa0", " ").replace("\u202f", " ").strip() for text in texts]


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_to_do(chromium: Browser, site: Served, language: str) -> None:
    """Stop Credit comes first where an IIN has leaked; advice for other data is not there."""
    with visiting(chromium, site.url) as visit:
        visit.open(f"/{language}/")
        visit.ask(LEAKED)
        shown = visit.page.locator("#actions li:not([hidden])")
        texts = {action.id: action.text[language] for action in actions()}
        assert shown.locator("label").all_inner_texts() == [
            texts[name]
            for name in (
                "stop_credit",
                "credit_report",
                "data_access_control",
                "complain_isc",
                "beware_calls",
                "iin_forever",
                "compensation",
            )
        ]
        for action in shown.all():
            assert action.locator(".links a").count() >= 1
        doubtful = {action.id for action in actions() if action.confidence != "high"}
        marked = {
            action.get_attribute("data-action")
            for action in shown.all()
            if action.locator(".doubt").count()
        }
        assert marked == doubtful & {action.get_attribute("data-action") for action in shown.all()}


@pytest.mark.parametrize("language", LANGUAGES)
def test_not_found(chromium: Browser, site: Served, language: str) -> None:
    """Whoever is in none learns what was searched, what was not, and that it proves nothing."""
    with visiting(chromium, site.url) as visit:
        visit.open(f"/{language}/")
        assert visit.ask(CLEAN) == "not_found"
        answer = visit.page.locator("#answer")
        assert answer.locator("h2").inner_text().startswith(NOT_FOUND[language])
        searched, unsearched = (
            u.locator("li").all_inner_texts() for u in answer.locator("ul").all()
        )
        assert searched == [f"shop {language}", f"citizens {language}{HOSTILE[language]}"]
        assert len(unsearched) == 6  # the clinic, and five known leaks without data
        assert unsearched[0].startswith(f"clinic {language}: ")
        shown = visit.page.locator("#actions li:not([hidden])").all()
        assert [a.get_attribute("data-action") for a in shown] == [
            "stop_credit",
            "code_1414",
            "beware_calls",
        ]


def test_a_sensitive_leak_is_not_shown(chromium: Browser, site: Served) -> None:
    """Who is in a sensitive leak alone is not found by the anonymous page."""
    with visiting(chromium, site.url) as visit:
        visit.open("/en/")
        assert visit.ask(SENSITIVE) == "not_found"


@pytest.mark.parametrize(("kind", "value"), QUESTIONS)
def test_phone_and_email(chromium: Browser, site: Served, kind: str, value: str) -> None:
    """Phone numbers and e-mail addresses are asked about as people write them."""
    with visiting(chromium, site.url) as visit:
        visit.open("/ru/")
        assert visit.ask(value, kind) == "found"
        assert visit.page.locator("#answer .leak h3").all_inner_texts() == ["shop ru"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_wrong_check_digit(chromium: Browser, site: Served, language: str) -> None:
    """A mistyped IIN is told at once, and nothing is sent."""
    wrong = LEAKED[:-1] + str((int(LEAKED[-1]) + 1) % 10)
    with visiting(chromium, site.url) as visit:
        visit.open(f"/{language}/")
        assert visit.ask(wrong) == "refused"
        assert WRONG_DIGIT[language] in visit.page.locator("#refusal").inner_text()
        assert visit.api() == []
        assert visit.page.locator("#identifier").get_attribute("aria-invalid") == "true"
        assert visit.page.evaluate("document.activeElement.id") == "identifier"
        assert visit.ask(LEAKED) == "found"
        assert visit.page.locator("#refusal").inner_text() == ""


def test_by_keyboard_alone(chromium: Browser, site: Served) -> None:
    """The check and the ticks need no mouse."""
    with visiting(chromium, site.url) as visit:
        visit.open("/kk/")
        press = visit.page.keyboard.press
        for _ in range(40):
            press("Tab")
            if visit.page.evaluate("document.activeElement.id") == "identifier":
                break
        visit.page.keyboard.type(IN_ONE)
        press("Enter")
        visit.page.locator("#answer:not([hidden])").wait_for()
        assert visit.page.evaluate("document.activeElement.id") == "answer"
        for _ in range(40):
            press("Tab")
            if visit.page.evaluate("document.activeElement.id") == "done-stop_credit":
                break
        press("Space")
        assert visit.page.locator("#done-stop_credit").is_checked()


def test_ticks_stay_on_the_device_until_cleared(chromium: Browser, site: Served) -> None:
    """What is ticked is there at the next visit; clearing takes answer and ticks away."""
    with visiting(chromium, site.url) as visit:
        visit.open("/en/")
        visit.ask(LEAKED)
        visit.page.locator("#done-stop_credit").check()
        visit.open("/ru/")
        visit.ask(LEAKED)
        assert visit.page.locator("#done-stop_credit").is_checked()
        assert not visit.page.locator("#done-beware_calls").is_checked()
        visit.page.locator("#clear").click()
        assert visit.page.locator("#answer").is_hidden()
        assert visit.page.locator("#answer").inner_text() == ""
        assert visit.page.evaluate("Object.keys(localStorage)") == ["qorgan-pin:"]
        visit.ask(LEAKED)
        assert not visit.page.locator("#done-stop_credit").is_checked()


def test_what_was_sent_is_shown(chromium: Browser, site: Served) -> None:
    """The page shows each request as it left, and how many people share a prefix."""
    with visiting(chromium, site.url) as visit:
        visit.open("/en/")
        visit.ask(LEAKED)
        visit.page.locator("#exchange summary").click()
        sent = visit.page.locator("#exchanges [data-slot=sent]").all_inner_texts()
        assert [text.partition("\n")[0] for text in sent] == [
            f"{method} {path}" for method, path in visit.api()
        ]
        posted = next(r.post_data for r in visit.requests if r.method == "POST")
        assert posted is not None
        assert sent[2].partition("\n")[2] == posted
        assert len(json.loads(posted)["blinded"]) == 1
        text = visit.page.locator("#exchanges").inner_text()
        assert "About 4,900 people" in text
        (begin,) = visit.page.locator("#exchanges li:nth-child(3) [data-slot=begin]").all()
        assert begin.inner_text().startswith('{"evaluated"')
        received = visit.page.locator("#exchanges li .hint").all_inner_texts()
        paths = [path for _, path in visit.api() if "/v1/evaluate" not in path]
        lengths = [len(get(f"{site.url}{path}")[1]) for path in paths]
        told = [line for line in received if "bytes" in line]
        assert [told[at] for at in (0, 1, 3)] == [f"Came back: {n:,} bytes." for n in lengths]


def test_without_scripts(chromium: Browser, site: Served) -> None:
    """Without JavaScript the page says why it cannot check, and cannot be made to send anything."""
    with visiting(chromium, site.url, java_script_enabled=False) as visit:
        visit.open("/en/")
        assert "needs JavaScript" in visit.page.locator("noscript").inner_text()
        assert visit.page.locator("#ask").is_disabled()
        before = len(visit.requests)
        visit.page.locator("#identifier").fill(LEAKED)
        visit.page.locator("#identifier").press("Enter")
        visit.page.wait_for_timeout(300)
        assert len(visit.requests) == before
        assert visit.page.url == f"{site.url}/en/"
        visit.open("/en/breaches")
        assert visit.page.locator(".leaks > li").count() == 8


def test_the_register_is_filtered_on_the_device(chromium: Browser, site: Served) -> None:
    """Words, year, organisation and data class narrow the list down, and nothing is sent."""
    with visiting(chromium, site.url) as visit:
        visit.open("/en/breaches")
        shown = visit.page.locator(".leaks > li:not([hidden])")

        def names() -> list[str]:
            ids = [leak.get_attribute("id") or "" for leak in shown.all()]
            return [name.removeprefix("leak-") for name in ids]

        assert len(names()) == 8
        visit.page.locator("#words").fill("KazNU lists")
        assert names() == ["kaznu-2024"]
        visit.page.locator("#words").fill("")
        visit.page.locator("#year").select_option("2024")
        assert set(names()) == {"zaimer-2024", "isoon-2024", "kaznu-2024"}
        visit.page.locator("#data-class").select_option("credit-cards")
        assert names() == ["zaimer-2024"]
        visit.page.locator("#data-class").select_option("")
        visit.page.locator("#organisation").select_option("Kcell")
        assert names() == ["isoon-2024"]
        assert visit.page.locator("#shown").inner_text() == "Shown: 1"
        visit.page.locator("#words").fill(LEAKED)
        assert names() == []
        assert visit.api() == []
        assert not any(LEAKED in request.url for request in visit.requests)
        assert visit.page.url == f"{site.url}/en/breaches"


def test_what_is_asked_cannot_change_meanwhile(chromium: Browser, site: Served) -> None:
    """An answer is about what was asked, whoever types what while it is fetched."""
    with visiting(chromium, site.url) as visit:
        visit.open("/en/")
        held: list[Route] = []
        visit.context.route("**/v1/evaluate", lambda route: held.append(route))  # noqa: PLW0108  Playwright cannot take a built-in
        visit.page.locator("#identifier").fill(CLEAN)
        visit.page.locator("#ask").click()
        visit.page.wait_for_timeout(300)
        assert visit.page.locator("#identifier").is_editable() is False
        visit.page.keyboard.type(LEAKED)
        visit.page.keyboard.press("Enter")
        assert len(held) == 1
        held[0].continue_()
        visit.page.locator("#answer[data-answer=not_found]").wait_for()
        visit.page.locator("#identifier").fill("9")
        assert visit.page.locator("#answer").is_hidden()


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_verdict_is_in_view(chromium: Browser, site: Served, language: str) -> None:
    """On a small screen the first thing that is seen of an answer is what it says."""
    with visiting(chromium, site.url) as visit:
        visit.open(f"/{language}/")
        for value in (LEAKED, CLEAN):
            visit.ask(value)
            box = visit.page.locator("#answer h2").bounding_box()
            assert box is not None
            assert 0 <= box["y"] < 300


def test_an_iin_in_groups(chromium: Browser, site: Served) -> None:
    """People write an IIN in groups of digits, or copy it with a hyphen."""
    with visiting(chromium, site.url) as visit:
        visit.open("/en/")
        assert visit.ask(f" {LEAKED[:4]} {LEAKED[4:8]}\u00a0{LEAKED[8:]} ") == "found"
        assert visit.ask(f"{LEAKED[:6]}-{LEAKED[6:]}") == "found"


def test_undo_brings_nothing_back(chromium: Browser, site: Served) -> None:
    """After an answer, and after "clear", the number cannot be had back by undoing."""
    with visiting(chromium, site.url) as visit:
        visit.open("/en/")
        visit.page.locator("#identifier").click()
        visit.page.keyboard.type(LEAKED)
        visit.page.keyboard.press("Enter")
        visit.page.locator("#answer:not([hidden])").wait_for()
        visit.page.locator("#clear").click()
        visit.page.locator("#identifier").click()
        for keys in ("Control+z", "Control+y", "Control+Shift+z"):
            visit.page.keyboard.press(keys)
            assert visit.page.locator("#identifier").input_value() == ""


def test_a_phone_is_not_said_to_be_searched_where_there_are_none(
    chromium: Browser, published_site: Installation, tmp_path: Path
) -> None:
    """A leak that was not loaded by phone numbers was not searched by them, whatever it held."""
    with serving(published_site, tmp_path) as (served, installation):
        installation.dataset("iins-only", classes=("government-issued-ids", "phone-numbers"))
        dump = tmp_path / "iins.csv"
        dump.write_text(f"iin\n{CLEAN}\n", encoding="utf-8")
        installation.qorgan("load", dump, "--dataset", "iins-only", "--iin", "iin")
        installation.qorgan("publish", "iins-only")
        wait_until(lambda: b"iins-only" in get(f"{served.url}/v1/params/public")[1])
        with visiting(chromium, served.url) as visit:
            visit.open("/en/")
            assert visit.ask("+7 701 000 99 99", "phone") == "not_found"
            searched = visit.page.locator("[data-slot=searched]").inner_text()
            unsearched = visit.page.locator("[data-slot=unsearched]").inner_text()
            assert "iins-only" not in searched
            assert "iins-only en: it cannot be searched by what you asked with" in unsearched


def test_another_kind_takes_the_answer_away(chromium: Browser, site: Served) -> None:
    """An answer is never seen beside a field that asks for something else."""
    with visiting(chromium, site.url) as visit:
        visit.open("/en/")
        visit.ask(LEAKED)
        visit.page.locator("#check summary").click()
        visit.page.locator("input[value=phone]").check()
        assert visit.page.locator("#answer").is_hidden()
        assert visit.page.locator("#label").inner_text() == "Phone number"


def test_nobody_comes_back_to_an_answer(chromium: Browser, site: Served) -> None:
    """Whoever presses "back" on a shared device sees neither the answer nor the number."""
    with visiting(chromium, site.url) as visit:
        visit.open("/en/")
        assert visit.ask(LEAKED) == "found"
        visit.page.locator("#identifier").fill(IN_ONE)
        visit.page.locator("nav.pages a").nth(1).click()
        visit.page.go_back()
        assert visit.page.locator("#answer").is_hidden()
        assert visit.page.locator("#identifier").input_value() == ""


def test_two_people_after_each_other(chromium: Browser, site: Served) -> None:
    """A family checks one after the other; nothing of the first answer is left in the second."""
    with visiting(chromium, site.url) as visit:
        visit.open("/ru/")
        assert [visit.ask(iin) for iin in (LEAKED, CLEAN, LEAKED)] == [
            "found",
            "not_found",
            "found",
        ]
        assert visit.page.locator("#answer h2").count() == 1
        assert visit.page.locator("#exchanges > li").count() == 4
        assert PHONE not in visit.page.content()
