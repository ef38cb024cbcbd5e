"""What the words of a payment's status or kind say of it: approved, declined, a purchase, money back.

The words are those of the languages in which processors and banks of this world answer, in small
letters
and without marks, as `spelled` makes them.  Stems count at the beginning of a word, short words
only as a whole.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from streamer.intake.guess.words import unmarked

__all__ = ["has_decline", "is_approval", "is_back", "is_sale", "spelled"]

_APPROVALS: Final = """
    approved approve accepted authorized authorised success succeeded successful captured completed
    complete settled paid ok appr charged booked posted processed confirmed done capture
    accepte acceptee accord approuve autorise reussi valide paye approvata approvato autorizzato
    autorizzata riuscito aprobada aprobado aprobata autorizada autorizado aceptada aceptado exitosa
    exitoso aprovada aprovado efetuada concluida genehmigt autorisiert akzeptiert erfolgreich bestatigt
    bezahlt goedgekeurd geslaagd geaccepteerd betaald zatwierdzona zatwierdzono zaakceptowana
    zrealizowana onaylandi basarili godkand godkendt godkjent genomford hyvaksytty schvaleno schvalena
    elfogadva sikeres berhasil disetujui одобрено одобрена успешно подтверждено 承認 成功 已批准 通过
    已支付 支付成功 승인 성공
"""
_DECLINED: Final = """
    decl denied deny fail reject refus abgelehnt verweigert fehlgeschlagen rechaz negad denegad
    recusad rejeitad rejet echec echou rifiut negato negata respins respint fallit geweiger afgewezen
    mislukt odrzuc
    odmow nieudan reddedil basarisiz nekad avvisad misslyck afvist avvist mislyk hylatty epaonnistu
    zamitnut odmitnut neuspesn elutasit sikertelen esuat отклон отказ неуспеш gagal ditolak 拒否 失敗
    否決 拒絶 拒绝 失败 거절 실패
"""
_UNPAID: Final = """
    error cancel void expired not_approved unpaid insufficient abandon timed_out unauthor do_not_honor
    abgebrochen annul anulad anulow iptal cancelad requires_payment requires_action отмен 取消 已取消
    취소
"""
_BACK: Final = """
    refund reversal reversed reverser chargeback returned return void voided gutschrift erstattung
    ruckerstattung rueckerstattung storno stornierung ruckbuchung ruckgabe remboursement remboursee
    extourne reembols devolucion devoluc devuel estorno estorn rimbors riaccredit
    terugbetal teruggave creditnota zwrot aterbetal kreditering tilbagebetal refusion tilbakebetal
    refusjon hyvitys palautus vraceni refundac vratka visszaterit jovairas sztorno ramburs stornar
    возврат сторно повернення επιστροφη pengembalian 返金 返品 払戻 退款 退货 退貨 冲正 환불 반품
"""
_BACK_WORDS: Final = frozenset(
    "avoir reso iade retur retour retoure reverso dispute reintegro".split()
)
_SALES: Final = """
    sale purchase payment charge kauf einkauf zahlung verkauf compra pago achat paiement acquist
    pagament aankoop betaling zakup platnosc satis alisveris odeme kob kjop osto nakup vasarl
    cumparar покупка оплата 購入 購買 売上 支払 消费 购买 支付 구매 결제 pembelian pembayaran
"""
_APPROVED: Final = frozenset(unmarked(_APPROVALS).split())
_DECLINED_STEMS: Final = tuple(unmarked(_DECLINED).split())
_UNPAID_STEMS: Final = (*_DECLINED_STEMS, *unmarked(_UNPAID).split())
_BACK_STEMS: Final = tuple(unmarked(_BACK).split())
_SALE_STEMS: Final = tuple(unmarked(_SALES).split())
_WITHIN: Final = ("refund", "revers", "chargeback")
_BETWEEN: Final = re.compile(r"[\s_.\-/:]+")


@lru_cache(maxsize=4_096)
def spelled(value: str) -> str:
    """Return a value in small letters without marks and a line between its words.

    >>> spelled("REFUSÉ"), spelled("İade edildi"), spelled("card-return")
    ('refuse', 'iade_edildi', 'card_return')
    """
    return _BETWEEN.sub("_", unmarked(unmarked(value).lower()).strip())


def is_approval(value: str) -> bool:
    """Whether a value says that a payment was made."""
    return spelled(value).removeprefix("$") in _APPROVED


def has_decline(value: str, *, is_status: bool = True) -> bool:
    """Whether a value tells of a payment that was not made; of a status, more words do."""
    stems = _UNPAID_STEMS if is_status else _DECLINED_STEMS
    low = spelled(value)
    return not is_back(value) and any(stem in low for stem in stems)


def is_back(value: str) -> bool:
    """Whether a value tells of money that goes back.

    >>> is_back("Gutschrift"), is_back("DEVOLUÇÃO"), is_back("İADE"), is_back("resolved")
    (True, True, True, False)
    """
    parts = spelled(value).removeprefix("$").split("_")
    return any(part.startswith(_BACK_STEMS) or part in _BACK_WORDS for part in parts) or (
        not parts[1:] and any(word in parts[0] for word in _WITHIN)
    )


def is_sale(value: str) -> bool:
    """Whether a value is that of a purchase."""
    parts = spelled(value).removeprefix("$").split("_")
    return any(part.startswith(_SALE_STEMS) for part in parts)
