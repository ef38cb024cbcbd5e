"""What else a country and a currency are called: ISO 3166-1 and ISO 4217 in all their spellings.

Invariant: every code that a table leads to is one of the contract's (`streamer.contract.codes`).
The lists are those of January 2026.
"""

from __future__ import annotations

from typing import Final

from streamer.contract.codes import CURRENCIES

__all__ = ["COUNTRY_OF", "CURRENCY_OF", "RETIRED", "SYMBOLS"]

# Alpha-2, alpha-3 and numeric code.
_COUNTRIES: Final = """
    AD:AND:020 AE:ARE:784 AF:AFG:004 AG:ATG:028 AI:AIA:660 AL:ALB:008 AM:ARM:051 AO:AGO:024
    AQ:ATA:010 AR:ARG:032 AS:ASM:016 AT:AUT:040 AU:AUS:036 AW:ABW:533 AX:ALA:248 AZ:AZE:031
    BA:BIH:070 BB:BRB:052 BD:BGD:050 BE:BEL:056 BF:BFA:854 BG:BGR:100 BH:BHR:048 BI:BDI:108
    BJ:BEN:204 BL:BLM:652 BM:BMU:060 BN:BRN:096 BO:BOL:068 BQ:BES:535 BR:BRA:076 BS:BHS:044
    BT:BTN:064 BV:BVT:074 BW:BWA:072 BY:BLR:112 BZ:BLZ:084 CA:CAN:124 CC:CCK:166 CD:COD:180
    CF:CAF:140 CG:COG:178 CH:CHE:756 CI:CIV:384 CK:COK:184 CL:CHL:152 CM:CMR:120 CN:CHN:156
    CO:COL:170 CR:CRI:188 CU:CUB:192 CV:CPV:132 CW:CUW:531 CX:CXR:162 CY:CYP:196 CZ:CZE:203
    DE:DEU:276 DJ:DJI:262 DK:DNK:208 DM:DMA:212 DO:DOM:214 DZ:DZA:012 EC:ECU:218 EE:EST:233
    EG:EGY:818 EH:ESH:732 ER:ERI:232 ES:ESP:724 ET:ETH:231 FI:FIN:246 FJ:FJI:242 FK:FLK:238
    FM:FSM:583 FO:FRO:234 FR:FRA:250 GA:GAB:266 GB:GBR:826 GD:GRD:308 GE:GEO:268 GF:GUF:254
    GG:GGY:831 GH:GHA:288 GI:GIB:292 GL:GRL:304 GM:GMB:270 GN:GIN:324 GP:GLP:312 GQ:GNQ:226
    GR:GRC:300 GS:SGS:239 GT:GTM:320 GU:GUM:316 GW:GNB:624 GY:GUY:328 HK:HKG:344 HM:HMD:334
    HN:HND:340 HR:HRV:191 HT:HTI:332 HU:HUN:348 ID:IDN:360 IE:IRL:372 IL:ISR:376 IM:IMN:833
    IN:IND:356 IO:IOT:086 IQ:IRQ:368 IR:IRN:364 IS:ISL:352 IT:ITA:380 JE:JEY:832 JM:JAM:388
    JO:JOR:400 JP:JPN:392 KE:KEN:404 KG:KGZ:417 KH:KHM:116 KI:KIR:296 KM:COM:174 KN:KNA:659
    KP:PRK:408 KR:KOR:410 KW:KWT:414 KY:CYM:136 KZ:KAZ:398 LA:LAO:418 LB:LBN:422 LC:LCA:662
    LI:LIE:438 LK:LKA:144 LR:LBR:430 LS:LSO:426 LT:LTU:440 LU:LUX:442 LV:LVA:428 LY:LBY:434
    MA:MAR:504 MC:MCO:492 MD:MDA:498 ME:MNE:499 MF:MAF:663 MG:MDG:450 MH:MHL:584 MK:MKD:807
    ML:MLI:466 MM:MMR:104 MN:MNG:496 MO:MAC:446 MP:MNP:580 MQ:MTQ:474 MR:MRT:478 MS:MSR:500
    MT:MLT:470 MU:MUS:480 MV:MDV:462 MW:MWI:454 MX:MEX:484 MY:MYS:458 MZ:MOZ:508 NA:NAM:516
    NC:NCL:540 NE:NER:562 NF:NFK:574 NG:NGA:566 NI:NIC:558 NL:NLD:528 NO:NOR:578 NP:NPL:524
    NR:NRU:520 NU:NIU:570 NZ:NZL:554 OM:OMN:512 PA:PAN:591 PE:PER:604 PF:PYF:258 PG:PNG:598
    PH:PHL:608 PK:PAK:586 PL:POL:616 PM:SPM:666 PN:PCN:612 PR:PRI:630 PS:PSE:275 PT:PRT:620
    PW:PLW:585 PY:PRY:600 QA:QAT:634 RE:REU:638 RO:ROU:642 RS:SRB:688 RU:RUS:643 RW:RWA:646
    SA:SAU:682 SB:SLB:090 SC:SYC:690 SD:SDN:729 SE:SWE:752 SG:SGP:702 SH:SHN:654 SI:SVN:705
    SJ:SJM:744 SK:SVK:703 SL:SLE:694 SM:SMR:674 SN:SEN:686 SO:SOM:706 SR:SUR:740 SS:SSD:728
    ST:STP:678 SV:SLV:222 SX:SXM:534 SY:SYR:760 SZ:SWZ:748 TC:TCA:796 TD:TCD:148 TF:ATF:260
    TG:TGO:768 TH:THA:764 TJ:TJK:762 TK:TKL:772 TL:TLS:626 TM:TKM:795 TN:TUN:788 TO:TON:776
    TR:TUR:792 TT:TTO:780 TV:TUV:798 TW:TWN:158 TZ:TZA:834 UA:UKR:804 UG:UGA:800 UM:UMI:581
    US:USA:840 UY:URY:858 UZ:UZB:860 VA:VAT:336 VC:VCT:670 VE:VEN:862 VG:VGB:092 VI:VIR:850
    VN:VNM:704 VU:VUT:548 WF:WLF:876 WS:WSM:882 YE:YEM:887 YT:MYT:175 ZA:ZAF:710 ZM:ZMB:894
    ZW:ZWE:716
"""

# Codes in wide use that ISO 3166-1 does not assign, or reserves: what payment systems send for them.
_OTHER_COUNTRIES: Final = {
    "UK": "GB",
    "EL": "GR",
    "XK": "XK",
    "XKX": "XK",
    "RKS": "XK",
    "XKK": "XK",
    "ROM": "RO",
}


def _spelled(entries: str, length: int) -> dict[str | int, str]:
    """Return the code of every spelling: capitals, small letters, digits, and the digits' number."""
    table: dict[str | int, str] = {}
    for entry in entries.split():
        code = entry[:length]
        for spelling in entry.split(":"):
            table[spelling] = table[spelling.lower()] = code
            if spelling.isdigit():
                table[int(spelling)] = table[str(int(spelling))] = code
    return table


COUNTRY_OF: Final = _spelled(_COUNTRIES, 2) | {
    spelling: code
    for other, code in _OTHER_COUNTRIES.items()
    for spelling in (other, other.lower())
}

# Alphabetic and numeric code.  532 was the Netherlands Antillean guilder's and is XCG's now.
_CURRENCIES: Final = """
    AED:784 AFN:971 ALL:008 AMD:051 AOA:973 ARS:032 AUD:036 AWG:533 AZN:944 BAM:977 BBD:052 BDT:050
    BGN:975 BHD:048 BIF:108 BMD:060 BND:096 BOB:068 BRL:986 BSD:044 BTN:064 BWP:072 BYN:933 BZD:084
    CAD:124 CDF:976 CHF:756 CLP:152 CNY:156 COP:170 CRC:188 CUP:192 CVE:132 CZK:203 DJF:262 DKK:208
    DOP:214 DZD:012 EGP:818 ERN:232 ETB:230 EUR:978 FJD:242 FKP:238 GBP:826 GEL:981 GHS:936 GIP:292
    GMD:270 GNF:324 GTQ:320 GYD:328 HKD:344 HNL:340 HTG:332 HUF:348 IDR:360 ILS:376 INR:356 IQD:368
    IRR:364 ISK:352 JMD:388 JOD:400 JPY:392 KES:404 KGS:417 KHR:116 KMF:174 KPW:408 KRW:410 KWD:414
    KYD:136 KZT:398 LAK:418 LBP:422 LKR:144 LRD:430 LSL:426 LYD:434 MAD:504 MDL:498 MGA:969 MKD:807
    MMK:104 MNT:496 MOP:446 MRU:929 MUR:480 MVR:462 MWK:454 MXN:484 MYR:458 MZN:943 NAD:516 NGN:566
    NIO:558 NOK:578 NPR:524 NZD:554 OMR:512 PAB:590 PEN:604 PGK:598 PHP:608 PKR:586 PLN:985 PYG:600
    QAR:634 RON:946 RSD:941 RUB:643 RWF:646 SAR:682 SBD:090 SCR:690 SDG:938 SEK:752 SGD:702 SHP:654
    SLE:925 SOS:706 SRD:968 SSP:728 STN:930 SVC:222 SYP:760 SZL:748 THB:764 TJS:972 TMT:934 TND:788
    TOP:776 TRY:949 TTD:780 TWD:901 TZS:834 UAH:980 UGX:800 USD:840 UYU:858 UZS:860 VED:926 VES:928
    VND:704 VUV:548 WST:882 XAF:950 XCD:951 XCG:532 XOF:952 XPF:953 YER:886 ZAR:710 ZMW:967 ZWG:924
"""

CURRENCY_OF: Final = _spelled(_CURRENCIES, 3) | {
    spelling: code for code in CURRENCIES for spelling in (code, code.lower())
}

# What a currency that is no longer in use was replaced by, and in which year.
_EURO: Final = """
    ATS:1999:040 BEF:1999:056 CYP:2008:196 DEM:1999:276 EEK:2011:233 ESP:1999:724 FIM:1999:246
    FRF:1999:250 GRD:2001:300 HRK:2023:191 IEP:1999:372 ITL:1999:380 LTL:2015:440 LUF:1999:442
    LVL:2014:428 MTL:2008:470 NLG:1999:528 PTE:1999:620 SIT:2007:705 SKK:2009:703 XEU:1999:954
"""
_OTHER_RETIRED: Final = """
    ADP:EUR:1999:020 AFA:AFN:2003:004 AOR:AOA:1999:982 AZM:AZN:2006:031 BGL:BGN:1999:100
    BYB:BYN:2000:112 BYR:BYN:2016:974 CSD:RSD:2006:891 CUC:CUP:2021:931 ECS:USD:2000:218
    GHC:GHS:2007:288 GWP:XOF:1997:624 MGF:MGA:2005:450 MRO:MRU:2018:478 MXP:MXN:1993:484
    MZM:MZN:2006:508 PLZ:PLN:1997:616 ROL:RON:2005:642 RUR:RUB:1998:810 SDD:SDG:2007:736
    SLL:SLE:2024:694 SRG:SRD:2004:740 STD:STN:2018:678 TMM:TMT:2009:795 TPE:USD:2002:626
    TRL:TRY:2005:792 VEB:VES:2008:862 VEF:VES:2018:937 YUM:RSD:2003:891 ZMK:ZMW:2012:894
    ZWD:ZWG:2008:716 ZWL:ZWG:2024:932 ZWN:ZWG:2006:942 ZWR:ZWG:2009:935
"""


def _retired() -> dict[str, tuple[str, str, int]]:
    table: dict[str, tuple[str, str, int]] = {}
    for entry in _EURO.split():
        code, year, number = entry.split(":")
        table[code] = table[number] = (code, "EUR", int(year))
    for entry in _OTHER_RETIRED.split():
        code, successor, year, number = entry.split(":")
        table[code] = (code, successor, int(year))
        table.setdefault(number, table[code])
    return table


RETIRED: Final[dict[str, tuple[str, str, int]]] = _retired()
"""Alphabetic or numeric code of a retired currency: its code, what replaced it, and the year."""

# Signs that amounts carry.  Which currency "$" or "kr" means is not theirs to say.
SYMBOLS: Final = (
    "$",
    "€",
    "£",
    "¥",
    "₹",
    "₽",
    "₺",
    "₩",
    "₪",
    "₫",
    "₴",
    "₦",
    "₱",
    "฿",
    "₡",
    "₲",
    "₵",
    "₸",
    "₼",
    "₾",
)
