"""Checks a certificate file with OpenSSL: names, dates, chain in order, private key, trust."""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

_PEM = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.S)
_SELF = "the last certificate is the root itself: clients have it, leave it out"


def openssl(*words: str, given: str = "") -> tuple[int, str]:
    done = subprocess.run(
        ["openssl", *words], input=given, capture_output=True, text=True, check=False, timeout=60
    )
    return done.returncode, done.stdout.strip() or done.stderr.strip()


def told(pem: str) -> dict[str, str]:
    """subject, issuer, notBefore, notAfter of one certificate."""
    words = ("-noout", "-subject", "-issuer", "-startdate", "-enddate", "-nameopt", "RFC2253")
    _, text = openssl("x509", *words, given=pem)
    pairs = (line.partition("=") for line in text.splitlines())
    return {key.strip(): value.strip() for key, _, value in pairs}


def names(pem: str) -> str:
    _, text = openssl("x509", "-noout", "-ext", "subjectAltName", given=pem)
    found = re.findall(r"(?:DNS|IP Address):([^\s,]+)", text)
    return ", ".join(found)


def dates(chain: list[str], days: int) -> Iterator[str]:
    for at, pem in enumerate(chain, start=1):
        about = told(pem)
        if openssl("x509", "-noout", "-checkend", "0", given=pem)[0]:
            yield f"certificate {at} ({about.get('subject')}) expired on {about.get('notAfter')}"
        elif openssl("x509", "-noout", "-checkend", str(days * 86400), given=pem)[0]:
            yield f"certificate {at} ends on {about.get('notAfter')}, in less than {days} days"


def host_fault(pem: str, host: str) -> list[str]:
    kind = "-checkip" if re.fullmatch(r"[\d.]+|[0-9a-fA-F:]+:[0-9a-fA-F:]*", host) else "-checkhost"
    text = openssl("x509", "-noout", kind, host, given=pem)[1]
    if "does NOT match" in text:
        return [f"is not for {host}; its names: {names(pem) or 'none, only a common name'}"]
    return [] if names(pem) else ["has no subjectAltName: today's clients refuse it"]


def order(chain: list[str]) -> Iterator[str]:
    about = [told(pem) for pem in chain]
    for at, (below, above) in enumerate(zip(about, about[1:], strict=False), start=1):
        if below.get("issuer") != above.get("subject"):
            issuer = below.get("issuer")
            yield f"certificate {at} is issued by {issuer}, the next one is {above.get('subject')}"
    if len(about) == 1 and about[0].get("issuer") != about[0].get("subject"):
        yield f"there is no intermediate certificate of {about[0].get('issuer')} behind it"
    if len(about) > 1 and about[-1].get("issuer") == about[-1].get("subject"):
        yield f"warn {_SELF}"


def strength(pem: str) -> Iterator[str]:
    _, text = openssl("x509", "-noout", "-text", given=pem)
    if found := re.search(r"Signature Algorithm: (\S*(?:sha1|md5)\S*)", text, re.I):
        yield f"is signed with {found[1]}"
    found = re.search(r"Public Key Algorithm: rsa.*?Public-Key: \((\d+) bit", text, re.S | re.I)
    if found and int(found[1]) < 2048:
        yield f"has an RSA key of only {found[1]} bits"


def key_fault(pem: str, key: Path) -> list[str]:
    """Compares public halves; the private key itself is never printed."""
    status, public = openssl("pkey", "-in", str(key), "-pubout", "-passin", "pass:")
    if status:
        return [f"the key {key} cannot be read without a passphrase"]
    found = [] if openssl("x509", "-noout", "-pubkey", given=pem)[1] == public else ["another key"]
    mode = key.stat().st_mode & 0o077
    return [f"{key} belongs to {one}" for one in found] + (
        [f"others on this machine may read {key} (chmod 600)"] if mode else []
    )


def trust(chain: list[str], authority: Path | None) -> list[str]:
    """Whether the chain leads to a root of `authority`, or of this machine."""
    with tempfile.TemporaryDirectory() as folder:
        leaf, rest = Path(folder, "leaf.pem"), Path(folder, "rest.pem")
        leaf.write_text(chain[0] + "\n")
        rest.write_text("\n".join(chain[1:]) + "\n")
        words = ["-CAfile", str(authority)] if authority else []
        words += ["-untrusted", str(rest)] if len(chain) > 1 else []
        status, text = openssl("verify", "-purpose", "sslserver", *words, str(leaf))
    reason = re.search(r"error \d+ at .*?: (.*)", text)
    return [f"the chain is not trusted: {reason[1] if reason else text[:200]}"] if status else []


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("chain", type=Path, help="PEM file: the certificate, then intermediates")
    parser.add_argument("--host", default="", help="name or address it must be valid for")
    parser.add_argument("--key", type=Path, help="its private key")
    parser.add_argument("--days", type=int, default=21, help="it must be valid for so long")
    parser.add_argument("--ca", type=Path, help="roots to trust; default: those of this machine")
    parser.add_argument("--no-trust", action="store_true", help="do not check trust")
    options = parser.parse_args()
    try:
        chain = _PEM.findall(options.chain.read_text(encoding="utf-8", errors="replace"))
        if not chain:
            raise ValueError("holds no certificate in PEM form")
        findings = [*dates(chain, options.days), *order(chain), *strength(chain[0])]
        findings += host_fault(chain[0], options.host) if options.host else []
        findings += key_fault(chain[0], options.key) if options.key else []
        findings += [] if options.no_trust else trust(chain, options.ca)
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        sys.stderr.write(f"cannot check {options.chain}: {error}\n")
        return 2
    about = told(chain[0])
    sys.stdout.write(
        f"{about.get('subject')}; names: {names(chain[0])}; {len(chain)} in the file\n"
    )
    sys.stdout.write(f"valid from {about.get('notBefore')} until {about.get('notAfter')}\n")
    errors = [one for one in findings if not one.startswith("warn ")]
    for one in findings:
        sys.stdout.write(f"ERROR {one}\n" if one in errors else f"{one}\n")
    sys.stdout.write(f"{len(errors)} errors\n")
    return int(bool(errors))


if __name__ == "__main__":
    sys.exit(main())
