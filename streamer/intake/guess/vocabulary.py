"""What the words of names mean: short forms, and those of other languages.

A line gives a meaning and the words for it, in small letters and without marks (`words.unmarked`).
"""

from __future__ import annotations

from typing import Final

__all__ = ["LANGUAGES", "PHRASES", "SHORT_FORMS", "UNSPACED"]

SHORT_FORMS: Final = """
    transaction: txn tx trx trans tran trn transact transactn
    amount: amt amnt
    currency: ccy cur curr
    account: acct acc
    card: cc crd
    number: no num nr nbr nb
    reference: ref rfrnc
    customer: cust
    merchant: merch mrch mrchnt mcht
    country: ctry cntry
    longitude: lng lon long
    latitude: lat
    timestamp: ts
    datetime: dt
    date: dte
    time: tm tme
    category: cat ctgy catg
    code: cd
    response: resp rsp
    retrieval: rtrvl
    total: ttl tot
    transmission: trnsmssn
    acceptor: accptr
    value: val
    status: sts stts
    valid: valid
    indicator: ind
    type: typ
    id: ident idnt
    creation: cre
    card number: cardnumber cardno cardnum cardnbr
    card id: cardid
    card token: cardtoken
    card key: cardkey
    merchant id: merchantid
    merchant name: merchantname
    transaction id: transactionid txnid txid transid tranid trxid fitid
    customer id: customerid custid
    account id: accountid acctid
    account number: accountnumber acctno accountno
    currency code: currencycode currencycd
    currency: curdef
    country code: countrycode
    transaction amount: transactionamount txnamount txnamt trnamt tranamt
    transaction date: transactiondate txndate trandate dtposted
    transaction time: transactiontime txntime
    transaction type: transactiontype txntype trantype trntype
    created at: createdat
    event time: eventtime
    id: uuid guid uid identifier identification openid
    transaction: trade
    payment: pay pmt
    token: tkn tok
    code: iso
    response code: respcode rc
    debit credit: drcr crdr
    debit: dr
    credit: cr
    eur: euro euros
    usd: dollar dollars
    gbp: pounds sterling
    acceptor id: acceptorid
    date: dates
    key: sk
    sale: sales venda venta vente vendita verkauf verkaufs
    transaction number: nsu belnr
    amount: dmbtr wrbtr
    currency: waers
    posting date: budat
    time: uzeit
"""
LANGUAGES: Final = """
    amount: castka suma summa osszeg beloeb gesamtbetrag ttc
    currency: mena penznem valuutta
    card: kortti kartya
    merchant: obchodnik butik butikk comerciant kauppias isyeri
    number: cislo numar szam
    reference: referens viite
    receipt number: ticket beleg bon
    time: cas czas klokkeslett tidspunkt
    amount: betrag umsatz montant importe monto importo valor kwota bedrag belopp belob belop
    amount: tutar
    transaction amount: transaktionsbetrag umsatzbetrag
    card: karte karten carte tarjeta carta cartao kaart karta karty kort kart
    card number: kartennummer kartennr kartenr kartenno kaartnummer kortnummer
    card id: kartenid
    account: konto auftragskonto compte cuenta conto conta rekening rachunek
    account number: kontonummer kontonr
    customer: kunde kundin cliente klant
    customer number: kundennummer kundennr
    payment reference: kundenreferenz
    merchant: handler haendler handlername haendlername commercant marchand comercio
    merchant: establecimiento esercente negozio estabelecimento lojista winkel sprzedawca
    merchant: enseigne
    merchant id: handlerid haendlerid
    date: datum fecha tarih dato
    booking date: buchungsdatum buchungstag boekdatum
    value date: valutadatum wertstellung wertstellungstag
    transaction date: belegdatum transaktionsdatum umsatzdatum
    purchase date: kaufdatum einkaufsdatum
    time: uhrzeit zeit heure hora ora tijd godzina saat
    transaction time: transaktionszeit
    timestamp: zeitpunkt zeitstempel horodatage
    currency: wahrung waehrung devise monnaie moneda divisa moeda waluta
    transaction number: transaktionsnummer transaktionsnr transactienummer umsatznummer
    transaction id: transaktionsid
    transaction reference: buchungsnummer belegnummer belegnr
    transaction: transaktion transaktions operation operacion operazione operacao transaccion
    transaction: transazione transacao transactie transakcji transakcja transakce tranzakcia tranzactie
    reference: referenz referencia riferimento referentie
    number: numero numer nummer
    code: codigo codice
    country: land pays pais paese kraj
    debit: soll belastung cargo dare lastschrift debito
    credit: haben gutschrift abono avere credito
    declined: abgelehnt
    approved: genehmigt
    status: statut estado stato situacao
    id: identifiant
    payee: beguenstigter begunstigter
    transaction: islem islemler tehtava tapahtuma tranzactia tranzakcio siirto
    transaction: операции операция транзакции транзакция платежа платеж συναλλαγη συναλλαγης
    transaction id: identyfikator
    currency: birimi birim doviz munt munteenheid valuuttakoodi devize валюта валюты νομισμα
    date: tarihi pvm paivamaara paivays дата ημερομηνια tanggal
    time: saati aika klockslag время ωρα waktu
    amount: tutari meblag kwoty iznos summe сумма ποσο jumlah nominal importul
    card: karti kartu карта карты картой καρτα καρτας tarjetas
    card number: kaartnr kortnr kortnummer kartnummer kartennum
    number: номер αριθμος nomor nro
    merchant: uzletnev odbiorca ontvanger mottaker modtager forretning brukersted forhandler
    merchant: магазин получатель торговец εμπορος pedagang harcamayeri saaja handelaar
    merchant: dukkan magazin forretningssted salgssted akceptant
    country: ulke maa orszag страна χωρα negara
    status: durum durumu tila stav allapot stare zustand esito статус состояние
    type: tipo rodzaj turu tur soort vorgang vorgangsart buchungsart umsatzart tipologia tyyppi
    type: druh tipus tipul тип вид
    result: ergebnis resultado risultato resultat resultaat wynik sonuc sonucu tulos результат
    receipt number: fis
    reference: referanse viitenumero hivatkozas
    card: kortin kortti kartu kartya
    card number: kartyaszam kortinumero
    transaction date: tapahtumapaiva ostopaiva kopdatum kjopsdato kobsdato
    transaction: transaksi tranzactiei tranzactii
    time: kellonaika idopont
    id: azonosito azonositoja identificator identificador identificativo
    merchant: kereskedo kereskedonev inkopsstalle obchodnika
    currency: devizanem uang valiuta валута
    response: respuesta resposta risposta reponse antwort antwoord odpowiedz svar yanit cevap
    sequence: seq
    number: broj stevilka numeris numurs رقم מספר
    transaction: transakcije transakcija sandorio darijuma العملية عملية
    transaction: операції операція עסקה
    card: kartice kartica korteles kartes kaardi картки картка البطاقة بطاقة כרטיס
    amount: znesek сума المبلغ مبلغ סכום
    merchant: trgovac trgovec prekybininkas tirgotajs kaupmees търговец التاجر تاجر
    date: kuupaev التاريخ تاريخ תאריך
    time: vrijeme cas laikas laiks
    currency: العملة عملة מטבע
    transaction: idirbheart idirbhirt tehing tehingu tranzazzjoni operacijos operacji vorgangs
    transaction: transakcie transakcii darijums sandoris tapahtuman плащане πληρωμη العمليات
    number: uimhir numru numarasi sorszam sorszama szama numer numri
    id: tunnus معرف
    card: carta charta karte kortele korteles kad pas betaalpas bankkarte
    card number: pasnummer pasnr
    date: datums kuupaeva tarikh
    time: kellaaeg aeg zamani jam pukul masa hin час الوقت وقت
    timestamp: tijdstip
    amount: meid maara ammont montante quantia ciastka castky nilai betr betrags suma summan
    currency: airgeadra valuuta penznem munita muntsoort wahrg waehrg whrg wang valuuta cinsi
    merchant: ceannai negozjant myyja myymala liike akzeptant elfogadohely bolt elado sklep sklepu
    merchant: comerciante negoziante venditore vendedor vendeur magasin boutique tienda loja vanzator
    merchant: predajca predajna prodejce prodejna obchod prodajalec prodavac trgovina muuja pardevejs
    merchant: veikals pardavejas parduotuve saljstalle saljare handlare saelger selger verkoper
    merchant: verkaufsstelle geschaft geschaeft filiale satici magaza toko peniaga saudagar обект
    merchant: καταστημα البائع المتجر متجر
    name: nama nom nombre nome naam adi nazwa nazev navn namn nimi
    payment: pagament makse maksu maksun fizetes mokejimas plata
    purchase: compra compras achat achats kauf einkauf aankoop zakup zakupu acquisto acquisti kop
    purchase: kob kjop osto nakup nakupu vasarlas pembelian cumparare покупка покупки αγορα αγορας
    fraud: betrug betrugsfall fraude frode oszustwo podvod csalas dolandiricilik petos svindel
    fraud: bedragerie мошенничество фрод απατη penipuan bedrageri prevara goljufija
    fraud: pettus krapsana sukciavimas
    reference: реф viite kenmerk referinta referans referencija مرجع
    reference: oznaka nuoroda atsauce viitenumber referencna
    receipt number: bilag bilagsnr verifikationsnr folio bilagsnummer verifikationsnummer comprobante
    payment: placila placilo maksajuma maksajums maksajumu mokejimo platba platby placanja плащането
    transaction: buchungs
    card: kreditkarte debitkarte kreditkort bankkort betalkort kreditkaart bankkaart betaalkaart
    card: luottokortti pankkikortti maksukortti bankkartya hitelkartya kreditka krediitkaart
    card number: kaardinumber korttinumero kartyaszama
    amount: стойност стойности cantidad valoare valoarea ertek erteke αξια αξιας قيمة vrednost
    amount: vrijednost wartosc hodnota verte vertiba vaartus arvo vaerdi varde waarde verdi
    currency: вал vaaring
    time: ura idopontja idopontjai
    purchase time: ostoaika kaufzeit ostohetki
    merchant: uzlet gavejas mottagare kauppa butiksnavn butiksnamn forretningsnavn
    id: κωδικος
    mcc: branche branchencode branchenschlussel branchenschluessel rubro ramo
    code: kood kod код رمز
"""
# Languages without spaces between words.
UNSPACED: Final = """
    transaction: 取引 交易 거래 決済
    transaction number: 流水号 交易号 取引番号
    card number: 卡号 卡號
    card: カード 卡 카드
    number: 番号 编号 編號 번호 号
    amount: 金額 金额 금액
    currency: 通貨 币种 货币 幣別 幣種 통화
    datetime: 日時 일시
    time: 時刻 时间 時間 시간
    date: 日付 日期 年月日 日 일자
    merchant: 加盟店 店舗 店名 利用先 商户 商家 商店 特店 가맹점
    name: 名称 名稱
    country: 国名 国家 国 국가
    type: 種別 区分 类型 類型 유형
    status: 状態 状态 狀態 상태
    result: 結果 结果 결과
    amount: จำนวนเงิน ยอดเงิน
    card: บัตร
    number: หมายเลข เลขที่
    date: วันที่
    time: เวลา
    currency: สกุลเงิน
    merchant: ร้านค้า
    transaction: รายการ ธุรกรรม
    receipt: 伝票 凭证 전표
    authorization: 承認 승인 授权
    fraud: 詐欺 不正 欺诈 欺詐 사기
    merchant: 利用店 門市 商號 상호
    name: 名 명
    : ご お
    code: コード 代码 代碼 코드
    category: 業種 업종 类别 類別
"""
# Names of several words, and of scripts whose vowels are marks; with their marks, as they are written.
PHRASES: Final = """
    transaction id: mã giao dịch, mã gd
    reference number: mã tham chiếu
    card id: mã thẻ
    amount: giá trị
    transaction number: số giao dịch, लेनदेन संख्या, लेनदेन क्रमांक, लेन-देन संख्या
    transaction id: लेनदेन आईडी, लेन-देन आईडी
    transaction date: ngày giao dịch, लेनदेन तिथि
    transaction time: thời gian giao dịch, giờ giao dịch, लेनदेन समय
    reference number: số tham chiếu, संदर्भ संख्या
    card number: số thẻ, कार्ड संख्या, कार्ड नंबर
    card: कार्ड
    date: ngày, दिनांक, तारीख, तिथि
    time: thời gian, giờ, समय
    amount: số tiền, राशि, रकम, मूल्य
    currency: loại tiền, tiền tệ, đồng tiền, मुद्रा, mata uang, mata wang, para birimi, döviz cinsi
    currency: vrsta valute, druh měny
    merchant: đơn vị chấp nhận thẻ, cửa hàng, व्यापारी, दुकान
    merchant: prodajno mjesto, prodajno mesto, prekybos vieta, торговая точка, торгова точка
    merchant: punkt sprzedaży, point de vente, punto vendita, punto de venta, ponto de venda
    merchant: miejsce transakcji, místo transakce, miesto predaja, punct de vânzare, müügikoht
    merchant: tirdzniecības vieta, elfogadó hely, търговски обект, σημείο πώλησης
    country: quốc gia, देश
    status: trạng thái, स्थिति
    channel: kênh
    mcc: mã ngành, code activité, code d'activité
"""
