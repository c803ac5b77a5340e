"""A certificate for the contract kit's receiver, in files."""

from pathlib import Path

import trustme

from evolink_contracts.target.listener import Certificate

HOST = "hook.example.com"


def certificate(home: Path) -> tuple[Certificate, Path]:
    """Files of a certificate for the receiver's name, and of the authority that made it."""
    authority = trustme.CA()
    made = authority.issue_cert(HOST)
    chain, key, ca = home / "chain.pem", home / "key.pem", home / "ca.pem"
    chain.write_bytes(b"".join(blob.bytes() for blob in made.cert_chain_pems))
    key.write_bytes(made.private_key_pem.bytes())
    ca.write_bytes(authority.cert_pem.bytes())
    return Certificate(chain, key), ca
