"""Traps of text: delimiters, quotes, line ends, encodings, headers, and files that were cut."""

import codecs
from dataclasses import replace

from traps.trap import NAMES, P, Trap, all_of, lines

_FOUR = tuple(f"{iin};{name}" for iin, name in zip(P[:4], NAMES[:4], strict=True))
_TABLE = lines("iin;name", *_FOUR)
_IN = all_of("ni", *P[:4])
_SEPARATORS = "\u2028\u2029\x85\x0b\x0c\x1c\x1d\x1e"
_CYRILLIC = lines("ИИН;Фамилия и имя", *_FOUR)
_RUSSIAN = "".join(
    f"{iin};{name}\r\n"
    for iin, name in zip(
        ("ИИН", *P[:4]),
        ("Фамилия и имя", "Маркерова Мария", "Маркеров Пётр", "Маркерова Ольга", "Маркеров Юрий"),
        strict=True,
    )
)
_KAZAKH = "".join(
    f"{iin};{name}\r\n"
    for iin, name in zip(
        ("ЖСН", *P[:4]),
        ("Аты-жөні", "Мәркерқызы Гүлнұр", "Мәркерұлы Өңғар", "Мәркер Қуаныш", "Мәркер Жаһан"),
        strict=True,
    )
)


def _wide(encoding: str, mark: bytes = b"") -> bytes:
    return mark + _KAZAKH.encode(encoding)


def _delimited(delimiter: str) -> bytes:
    return _TABLE.replace(";", delimiter).encode()


DELIMITERS = (
    Trap("semicolon.csv", "cells with ; between", _TABLE.encode(), _IN),
    Trap(
        "comma.csv",
        "commas, and one in a quoted name",
        lines("iin,name", f'{P[0]},"Маркеров, Аян"', f"{P[1]},{NAMES[1]}").encode(),
        all_of("ni", *P[:2]),
    ),
    Trap("tab.tsv", "tabs", _delimited("\t"), _IN),
    Trap("pipe.csv", "pipes", _delimited("|"), _IN),
    Trap("caret.csv", "a delimiter that few use", _delimited("^"), _IN),
    Trap("sep.csv", "Excel's own line before the header", f"sep=;\n{_TABLE}".encode(), _IN),
    Trap("trailing.csv", "; at each end", _TABLE.replace("\n", ";\n").encode(), _IN),
    Trap(
        "cells.csv",
        "a cell too few, a cell too many: nobody knows which is missing",
        lines("iin;name;city", f"{P[0]};x;y", f"{P[1]};x", f"{P[2]};x;y;z", f"{P[3]};x;y").encode(),
        all_of("ni", P[0], P[3]),
    ),
    Trap(
        "delimiter_given.csv",
        "more commas than delimiters, so the delimiter is said",
        lines("iin;name", f"{P[0]};a, b, c, d", f"{P[1]};a, b, c, d").encode(),
        all_of("ni", *P[:2]),
        words="--iin iin --delimiter ;",
    ),
)

QUOTES = (
    Trap(
        "quoted_lines.csv",
        "an address over three lines, one of which is like a row",
        lines(
            "iin;name;address",
            f'{P[0]};{NAMES[0]};"street 1\n{P[5]};x;y\nCity"',
            f"{P[1]};{NAMES[1]};z",
        ).encode(),
        all_of("ni", *P[:2]),
    ),
    Trap(
        "stray_quote.csv",
        "a quote that nobody closes costs nothing, wherever it is in the cell",
        lines("iin;name", f'{P[0]};"Маркеров', f'{P[1]};Мар"керов', *_FOUR[2:]).encode(),
        _IN,
    ),
    Trap(
        "two_stray_quotes.csv",
        "two quotes that look like one cell with rows in it",
        lines("iin;name", f'{P[0]};"Маркеров', *_FOUR[1:3], f'{P[3]};Маркеров"').encode(),
        _IN,
    ),
    Trap(
        "open_quote.csv",
        "a quote is open at the end of the file",
        lines("iin;name", *_FOUR[:3], f'{P[3]};"Марке')[:-1].encode(),
        _IN,
    ),
    Trap(
        "doubled_quotes.csv",
        "quotes in quotes, and a delimiter",
        lines("iin;name", f'{P[0]};"ТОО ""Маркер; и Ко"""', f"{P[1]};x").encode(),
        all_of("ni", *P[:2]),
    ),
)

ENDS = (
    Trap("crlf.csv", "line ends of Windows", _TABLE.replace("\n", "\r\n").encode(), _IN),
    Trap("cr.csv", "line ends of an old Mac", _TABLE.replace("\n", "\r").encode(), _IN),
    Trap(
        "mixed_ends.csv",
        "two files joined, with line ends of their own",
        (lines("iin;name", *_FOUR[:2], end="\r\n") + lines(*_FOUR[2:])).encode(),
        _IN,
    ),
    Trap(
        "blank_lines.csv",
        "blank lines are no rows, before the header and at the end too",
        f"\n\n{_TABLE}".replace(f"{P[2]}", f"\n \n{P[2]}").encode() + b"\r\n\n",
        _IN,
    ),
    Trap(
        "nul.csv",
        "NUL bytes in cells, and one in an IIN",
        lines("iin;name", f"{P[0]};Мар\0керов", f"{P[1][:6]}\0{P[1][6:]};x", *_FOUR[2:]).encode(),
        all_of("ni", P[0], P[2], P[3]),
    ),
    Trap(
        "half_line.csv",
        "the last line was being written",
        lines("iin;name", *_FOUR[:3], P[3][:8])[:-1].encode(),
        all_of("ni", *P[:3]),
    ),
    Trap(
        "disk_full.csv",
        "the disk had kept room for more",
        _TABLE.encode() + bytes(1000),
        _IN,
    ),
    Trap(
        "other_separators.csv",
        "what ends a line elsewhere ends none here",
        lines(
            "iin;name", *(f"{p};Мар{s}керов" for p, s in zip(P, _SEPARATORS, strict=False))
        ).encode(),
        all_of("ni", *P[: len(_SEPARATORS)]),
    ),
    Trap(
        "two_headers.csv",
        "two files joined with their marks and headers",
        codecs.BOM_UTF8
        + lines("iin;name", *_FOUR[:2]).encode()
        + codecs.BOM_UTF8
        + lines("iin;name", *_FOUR[2:]).encode(),
        _IN,
    ),
    Trap(
        "title.csv",
        "a title above the header",
        f"Список клиентов\n\n{_TABLE}".encode(),
        {},
    ),
    Trap("header_only.csv", "a header and no rows", b"iin;name\n", {}),
    Trap("empty.csv", "nothing", b"", {}),
    Trap("blank.csv", "line ends only", b"\n\r\n\n", {}),
)

ENCODINGS = (
    Trap("bom.csv", "UTF-8 with its mark", codecs.BOM_UTF8 + _TABLE.encode(), _IN),
    Trap(
        "bad_byte.csv",
        "one byte that is no UTF-8, in a name",
        _CYRILLIC.encode().replace(NAMES[1].encode(), NAMES[1].encode()[:-1] + b"\xff"),
        _IN,
        words="--iin ИИН",
    ),
    Trap("utf16le.csv", "Excel's Unicode text", _wide("utf-16-le", codecs.BOM_UTF16_LE), _IN),
    Trap(
        "utf16_cut.csv",
        "UTF-16 without its last byte",
        _wide("utf-16-le", codecs.BOM_UTF16_LE)[:-1],
        _IN,
    ),
    Trap("utf16be.csv", "the other way round", _wide("utf-16-be", codecs.BOM_UTF16_BE), _IN),
    Trap("utf16le_unmarked.csv", "UTF-16 without a mark", _wide("utf-16-le"), _IN),
    Trap("utf16be_unmarked.csv", "likewise, the other way round", _wide("utf-16-be"), _IN),
    Trap("utf32.csv", "UTF-32", _wide("utf-32-le", codecs.BOM_UTF32_LE), _IN),
    Trap("kz1048.csv", "Kazakh in one byte a letter", _KAZAKH.encode("kz1048"), _IN),
    Trap("cp1251.csv", "Russian of Windows", _RUSSIAN.encode("cp1251"), _IN, words="--iin ИИН"),
    Trap("cp866.csv", "Russian of DOS", _RUSSIAN.encode("cp866"), _IN, words="--iin ИИН"),
    Trap(
        "koi8r.csv",
        "Russian of an old mail server, said by the operator",
        _RUSSIAN.encode("koi8-r"),
        _IN,
        words="--iin ИИН --encoding koi8-r",
    ),
)
ENCODINGS = tuple(
    trap if "ИИН" in trap.words or trap.file == "bom.csv" else replace(trap, words="--iin ЖСН")
    for trap in ENCODINGS
)

HEADERS = (
    Trap(
        "header_kk.csv",
        "columns named in Kazakh",
        lines("ЖСН;Аты-жөні;Телефон нөмірі", f"{P[0]};x;87010000001").encode(),
        all_of("nip", P[0], "+77010000001"),
        words="--iin жсн --phone 'телефон нөмірі'",
    ),
    Trap(
        "header_ru.csv",
        "columns named in Russian, in capitals and with blanks",
        lines(" ИИН ;ФИО клиента;МОБ. ТЕЛЕФОН", f"{P[0]};x;87010000001").encode(),
        all_of("nip", P[0], "+77010000001"),
        words="--iin ИИН --phone 'моб. телефон'",
    ),
    Trap(
        "header_latin.csv",
        "columns named in Kazakh and Russian with Latin letters",
        lines("ZHSN;familiya_imya;telefon", f"{P[0]};x;87010000001").encode(),
        all_of("nip", P[0], "+77010000001"),
        words="--iin zhsn --phone telefon",
    ),
    Trap(
        "same_names.csv",
        "two columns of one name, neither of them asked for",
        lines("iin;note;note", f"{P[0]};x;y").encode(),
        all_of("i", P[0]),
    ),
    Trap(
        "same_iins.csv",
        "two columns of the name that is asked for",
        lines("iin;iin", f"{P[0]};{P[1]}").encode(),
        {},
    ),
    Trap("no_header.csv", "the first line is somebody's row", lines(*_FOUR).encode(), {}),
    Trap(
        "list_of_iins.txt",
        "a plain list",
        lines(*P[:4]).encode(),
        all_of("i", *P[:4]),
        words="--no-header --iin 1",
    ),
    Trap(
        "list_of_phones.txt",
        "a plain list of phone numbers, with a line that is none",
        lines("87010000001", "+7 701 000 00 02", "call me").encode(),
        all_of("p", "+77010000001", "+77010000002"),
        words="--no-header --phone 1",
    ),
)

TRAPS = (*DELIMITERS, *QUOTES, *ENDS, *ENCODINGS, *HEADERS)
