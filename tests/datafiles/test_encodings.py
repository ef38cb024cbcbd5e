"""Text that is not UTF-8: told where it is certain, said where it is not, and named by an option."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from streamer.cli import main
from streamer.datafiles import PaymentFile, declared
from streamer.datafiles.likelihood import guess_of
from tests.datafiles.helpers import payments_of, report_of

# A language's words for card, payment, shop and town, and the encodings that its exports come in.
EXPORTS = {
    "russian": ("Номер карты", "Сумма операции", "Булочная у дома", ["cp1251", "cp866"]),
    "ukrainian": ("Номер картки", "Сума операції", "Продукти Дніпро", ["cp1251"]),
    "japanese": ("カード番号", "ご利用金額", "渋谷コーヒー店", ["shift_jis", "cp932", "euc_jp"]),
    "chinese": ("银行卡号", "交易金额", "广州百货公司", ["gbk", "gb2312", "gb18030"]),
    "taiwanese": ("信用卡卡號", "消費金額", "高雄書店", ["big5", "cp950"]),
    "korean": ("카드 번호", "결제 금액", "부산 국밥집", ["euc_kr", "cp949"]),
    "polish": ("Numer płatnika", "Kwota należności", "Piekarnia Łódź", ["cp1250", "iso8859-2"]),
    "czech": ("Číslo účtu", "Částka nákupu", "Pekařství Plzeň", ["cp1250", "iso8859-2"]),
    "hungarian": ("Kártyaszám fő", "Összeg értéke", "Győri cukrászda fiók", ["cp1250"]),
    "turkish": ("Kart Numarası", "İşlem Tutarı", "Çağrı Şarküteri Eskişehir", ["cp1254"]),
    "greek": ("Αριθμός κάρτας", "Ποσό αγοράς", "Φούρνος Πάτρας", ["cp1253"]),
    "hebrew": ("מספר כרטיס", "סכום העסקה", "מאפיית הכרמל", ["cp1255"]),
    "german": ("Kartennummer für Käufer", "Höhe der Zahlung", "Straßencafé Köln", ["cp1252"]),
    "french": ("Numéro de carte", "Montant réglé à l'achat", "Crêperie Évreux", ["cp1252"]),
    "portuguese": ("Número do cartão", "Valor da transação", "Padaria São José", ["cp1252"]),
    "danish": ("Kortnummer for køb", "Beløb på køb", "Bageri Ærø Århus", ["cp1252"]),
}
CASES = [
    pytest.param(*words, encoding, id=f"{language}-{encoding}")
    for language, (*words, encodings) in EXPORTS.items()
    for encoding in encodings
]


def table(card: str, amount: str, shop: str) -> str:
    rows = [
        f"t{i},card-{i % 2},{10.5 + i},EUR,2026-01-05T05:58:0{i}Z,{shop} {i}\r\n" for i in range(4)
    ]
    return f"transaction_id,{card},{amount},currency,timestamp,merchant_id\r\n" + "".join(rows)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


@pytest.mark.parametrize(("card", "amount", "shop", "encoding"), CASES)
def test_an_export_reads_as_what_it_says(
    card: str, amount: str, shop: str, encoding: str, tmp_path: Path
) -> None:
    """Column names, shops, numbers and ids are those of the same table in UTF-8; the note names it."""
    maps = (f"card_id={card}", f"amount={amount}")
    text = table(card, amount, shop)
    (tmp_path / "u.csv").write_bytes(text.encode())
    (tmp_path / "t.csv").write_bytes(text.encode(encoding))
    assert payments_of(tmp_path / "t.csv", *maps) == payments_of(tmp_path / "u.csv", *maps)
    notes = PaymentFile.of(tmp_path / "t.csv", declared(maps)).notes
    assert notes[0].startswith("t.csv is not UTF-8 and was read as ")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-8-sig"])
@pytest.mark.parametrize("language", ["russian", "japanese", "german"])
def test_utf_16_is_told_with_a_mark_and_without(
    language: str, encoding: str, tmp_path: Path
) -> None:
    """Of Cyrillic or Japanese few bytes are zero."""
    card, amount, shop, _ = EXPORTS[language]
    (tmp_path / "t.csv").write_bytes(table(card, amount, shop).encode(encoding))
    payments = payments_of(tmp_path / "t.csv", f"card_id={card}", f"amount={amount}")
    assert [(p.amount, p.merchant_id) for p in payments] == [
        (10.5 + i, f"{shop} {i}") for i in range(4)
    ]


@pytest.mark.parametrize("language", ["russian", "japanese", "chinese", "korean"])
def test_messages_in_another_script_are_read(language: str, tmp_path: Path) -> None:
    """JSON has to be UTF-8; a script of its own says that it is not, and no damage."""
    _, _, shop, (encoding, *_) = EXPORTS[language]
    messages = [
        {
            "transaction_id": f"t{i}",
            "card_id": "c",
            "amount": 9.5,
            "currency": "EUR",
            "timestamp": "2026-01-05T05:58:00Z",
            "merchant_id": shop,
        }
        for i in range(3)
    ]
    lines = "\n".join(json.dumps(message, ensure_ascii=False) for message in messages)
    (tmp_path / "t.jsonl").write_bytes(lines.encode(encoding))
    assert [p.merchant_id for p in payments_of(tmp_path / "t.jsonl")] == [shop] * 3


@pytest.mark.parametrize(
    ("text", "encoding", "other"),
    [
        ("Beløb", "cp1252", "cp1250"),  # Belřb would be Central European.
        ("Főtér", "cp1250", "cp1252"),  # Fõtér would be Portuguese.
        ("Père, née", "cp1252", "cp1250"),  # Pčre, née
    ],
)
def test_what_reads_as_well_in_two_is_said_to_be_a_doubt(
    text: str, encoding: str, other: str
) -> None:
    """Western text is likelier; the other reading is named with its option."""
    guess = guess_of(text.encode(encoding))
    assert guess.encoding == "cp1252"
    assert (guess.others[0] if encoding == "cp1252" else encoding) in ("cp1250", *guess.others)
    assert {encoding, other} <= {guess.encoding, *guess.others}


@pytest.mark.parametrize("encoding", ["mac_roman", "koi8-r", "cp850", "iso8859-5"])
def test_what_fits_nowhere_is_said(encoding: str, tmp_path: Path) -> None:
    """What is in no encoding of ours is read all the same, and the option that helps is named."""
    word = "Сумма платежа" if encoding in ("koi8-r", "iso8859-5") else "Größe, Köln, Büro, à Évreux"
    text = table("card_id", "amount", "shop") + f'x1,c,1,EUR,2026-01-05T05:58:00Z,"{word}"\r\n'
    path = tmp_path / "t.csv"
    path.write_bytes(text.encode(encoding))
    assert "--encoding says" in PaymentFile.of(path).notes[0]
    last = [*PaymentFile.of(path, encoding=encoding).batches(10)][-1].values[-1]
    assert json.loads(last)["merchant_id"] == word


def test_damage_is_no_encoding(tmp_path: Path) -> None:
    """One broken byte in a file of UTF-8: it is shown, said, and nothing else changes."""
    data = table("card_id", "amount", "カフェ").encode()
    path = tmp_path / "t.csv"
    path.write_bytes(data.replace("カフェ 2".encode(), b"\xe3\x82 2"))
    payments = payments_of(path)
    assert [p.merchant_id for p in payments] == ["カフェ 0", "カフェ 1", "\\xe3\\x82 2", "カフェ 3"]
    assert "has bytes that are not UTF-8" in PaymentFile.of(path).notes[0]


@given(
    ids=st.lists(st.from_regex(r"[A-Za-z0-9_-]{1,20}", fullmatch=True), min_size=4, max_size=4),
    shop=st.binary(min_size=1, max_size=12).filter(lambda b: not set(b) & set(b'",\r\n')),
)
def test_ids_and_numbers_are_never_damaged(
    ids: list[str], shop: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Whatever bytes stand in a shop's name, the cells before it are as they were written."""
    path = tmp_path_factory.getbasetemp() / "ids.csv"
    lines = [b"transaction_id,card_id,amount,currency,timestamp,merchant_id"]
    for i, name in enumerate(ids):
        cells = f"{name}x,c{name},{i}.25,EUR,2026-01-05T05:58:00Z,"
        lines.append(cells.encode() + b"S " + shop + b" S")
    path.write_bytes(b"\n".join(lines))
    report = report_of(path)
    found = [p for batch in report.file.batches(9) for p in map(json.loads, batch.values)]
    assert [p["transaction_id"] for p in found] == [f"{name}x" for name in ids]
    assert [(p["card_id"], p["amount"]) for p in found] == [
        (f"c{name}", i + 0.25) for i, name in enumerate(ids)
    ]


def test_an_option_says_it_for_every_command(tmp_path: Path) -> None:
    """The same file with and without it: the shop's name is the encoding's."""
    path = tmp_path / "t.csv"
    path.write_bytes(table("card_id", "amount", "Főtér").encode("cp1250"))
    tried = [run("intake", "try", str(path), "--json", *o) for o in ([], ["--encoding", "cp1250"])]
    shops = [json.loads(t.stdout.splitlines()[0])["payment"]["merchant_id"] for t in tried]
    assert shops == ["Fõtér 0", "Főtér 0"]
    assert "it could be Windows-1250 (--encoding cp1250)" in tried[0].stderr
    assert "encoding" not in tried[1].stderr
    suggested = run("intake", "suggest", str(path), "--encoding", "cp1250")
    assert "Windows" not in suggested.stdout
    replayed = run("replay", str(path), "--json", "--encoding", "cp1250")
    assert json.loads(replayed.stdout)["scored"] == 4


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-7", "idna", "punycode", "cp037"])
@pytest.mark.parametrize(
    "content", [b"", b"a", b"a,b\n1,2\n", "a,b\n\ud55c,2\n".encode("utf-16-le")]
)
def test_an_encoding_that_a_file_is_not_in_ends_in_no_traceback(
    encoding: str, content: bytes, tmp_path: Path
) -> None:
    """Codecs have ways of their own to give up; an option may name any of them."""
    path = tmp_path / "t.csv"
    path.write_bytes(content)
    for command in ("suggest", "try"):
        result = run("intake", command, str(path), "--encoding", encoding)
        assert result.exception is None or isinstance(result.exception, SystemExit)


def test_utf_16_that_is_named_needs_no_mark(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(table("card_id", "amount", "Shop").encode("utf-16-le"))
    tried = run("intake", "try", str(tmp_path / "t.csv"), "--encoding", "utf-16", "--json")
    assert json.loads(tried.stdout.splitlines()[0])["payment"]["merchant_id"] == "Shop 0"


def test_a_wrong_option_is_one_line(tmp_path: Path) -> None:
    """No such encoding; one that the file is not in; and one for a topic."""
    path = tmp_path / "t.csv"
    path.write_bytes(table("card_id", "amount", "Главная").encode("cp1251"))
    commands = (
        ["replay"],
        ["evaluate", "--protocol", "prequential"],
        ["fit", "--out", str(tmp_path / "m.safetensors")],
    )
    for command in commands:
        result = run(command[0], str(path), *command[1:], "--encoding", "klingon")
        assert result.exit_code == 2
        assert "encoding must be one that Python knows" in result.stderr
    result = run("intake", "try", str(path), "--encoding", "ascii")
    assert "has bytes that are not of its encoding, ascii" in result.stderr
    result = run("intake", "suggest", "--topic", "t", "--encoding", "cp1251")
    assert "messages of a topic are UTF-8" in result.stderr
