"""Signs of pretence: look-alike domains, names that are addresses, answers and links that lead elsewhere."""

from __future__ import annotations

import pytest

from meshclaw.connectors.mail.message.deception import link_findings, look_alike, odd_script, sender_findings
from meshclaw.connectors.mail.message.domains import host_of, registered_domain, same_organisation
from meshclaw.flow.message import Address, Link

KNOWN = frozenset({"paypal.com", "microsoft.com", "northwind.example", "bbc.co.uk"})


@pytest.mark.parametrize(
    ("domain", "imitated"),
    [
        ("paypa1.com", "paypal.com"),
        ("paypai.com", "paypal.com"),
        ("mail.paypa1.com", "paypal.com"),
        ("rnicrosoft.com", "microsoft.com"),
        ("micorsoft.com", "microsoft.com"),
        ("microsoftt.com", "microsoft.com"),
        ("microsft.com", "microsoft.com"),
        ("p\u0430ypal.com", "paypal.com"),
        ("xn--pypal-4ve.com", "paypal.com"),
        ("p\u00e1ypal.com", "paypal.com"),
        ("paypal.com.login.example", "paypal.com"),
        ("northw1nd.example", "northwind.example"),
    ],
)
def test_imitations_name_the_domain_they_imitate(domain: str, imitated: str) -> None:
    assert look_alike(domain, KNOWN) == imitated


@pytest.mark.parametrize(
    "domain",
    ["paypal.com", "e.paypal.com", "bbc.co.uk", "abc.co.uk", "python.org", "palpay.com", "", "microfilm.com"],
)
def test_known_and_unlike_domains_imitate_nobody(domain: str) -> None:
    assert look_alike(domain, KNOWN) == ""


def test_mixed_and_masquerading_scripts_are_odd_without_any_list() -> None:
    assert "Cyrillic and Latin" in odd_script("p\u0430ypal.com")
    assert "look like Latin" in odd_script("xn--80ak6aa92e.com")  # apple, all Cyrillic


@pytest.mark.parametrize(
    "domain",
    [
        "m\u00fcnchen.de",
        "\u043f\u0440\u0435\u0437\u0438\u0434\u0435\u043d\u0442.\u0440\u0444",
        "\u6771\u4eachello.jp",
        "plain.example",
    ],
)
def test_honest_foreign_names_are_not_odd(domain: str) -> None:
    assert odd_script(domain) == ""


def kinds(sender: Address, reply_to: Address | None = None) -> list[str]:
    return [f.kind for f in sender_findings(sender, reply_to or Address(), KNOWN)]


def test_a_name_that_shows_another_address_is_told() -> None:
    assert kinds(Address(name="ceo@northwind.example", address="x@evil.example")) == ["name-is-address"]
    assert kinds(Address(name="ceo@northwind.example", address="ceo@northwind.example")) == []


def test_an_answer_that_leaves_the_organisation_is_told() -> None:
    sender = Address(address="a@mail.shop.example")
    assert kinds(sender, Address(address="a@evil.example")) == ["reply-elsewhere"]
    assert kinds(sender, Address(address="help@shop.example")) == []


@pytest.mark.parametrize(
    ("text", "href"),
    [
        ("https://bank.example/login", "https://evil.example/"),
        ("www.bank.example", "http://bank.example.evil.example/"),
        ("bank.com", "https://evil.com/bank.com"),
        ("Go to https://bank.example now", "https://bank.example@evil.example/"),
        ("https://bank.example", "https:\\\\evil.example\\bank.example"),
        ("https://alice.github.io", "https://bob.github.io/"),
        ("https://one.co.uk", "https://two.co.uk/"),
    ],
)
def test_a_link_that_shows_one_host_and_leads_to_another_is_told(text: str, href: str) -> None:
    assert [f.kind for f in link_findings([Link(text=text, href=href)])] == ["link-mismatch"]


@pytest.mark.parametrize(
    ("text", "href"),
    [
        ("https://www.bank.example/login", "https://click.bank.example/x"),
        ("www.bbc.co.uk", "https://news.bbc.co.uk/"),
        ("Click here", "https://evil.example/"),
        ("README.md", "https://code.example/readme"),
        ("Version 2.0", "https://code.example/"),
        ("a@bank.example", "mailto:a@bank.example"),
        ("https://m\u00fcnchen.de", "https://xn--mnchen-3ya.de/"),
    ],
)
def test_links_that_lead_where_they_say_are_not_told(text: str, href: str) -> None:
    assert link_findings([Link(text=text, href=href)]) == []


@pytest.mark.parametrize(
    "host",
    [
        "a.b.co.uk",
        "x.y.github.io",
        "a.example.com",
        "www.ck",
        "a.b.ck",
        "b.c.kobe.jp",
        "city.kobe.jp",
        "localhost",
    ],
)
def test_registered_domains_agree_with_the_package_that_carries_the_list(host: str) -> None:
    from publicsuffix2 import PublicSuffixList

    assert registered_domain(host) == (PublicSuffixList(idna=False).get_sld(host) or host)


def test_hosts_are_read_the_way_browsers_read_them() -> None:
    assert host_of("https://a@b@evil.example:8080/x") == "evil.example"
    assert host_of("https:\\\\good.example\\@evil.example") == "good.example"
    assert host_of("mailto:a@b.example") == ""
    assert same_organisation("a.example.com", "b.example.com")


@pytest.mark.parametrize(
    "text",
    ["https://portal.partner.test/x", "https://me@portal.partner.test", "see https://portal.partner.test"],
)
def test_the_shown_host_is_told_whole(text: str) -> None:
    found = link_findings([Link(text=text, href="https://evil.example/")])
    assert [f.detail for f in found] == ["a link that shows portal.partner.test leads to evil.example"]
