"""What has been proved of relays, kept as facts: whether flights are safe with one.

A proof is for a relay and its greeting: when another program answers there one day, it has
another greeting, and flights are not used with it until they are proved again.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from sqlalchemy.orm import Session

from runtime.facts import read_fact, remember_fact
from runtime.relays import Relay
from worker.flights import FlightProof

_PREFIX: Final = "flights:"


def remember_proof(session: Session, relay: Relay, proof: FlightProof) -> None:
    """Keep a proof, a negative one too: it is what doctor tells."""
    value = {"is_safe": proof.is_safe, "why": proof.why, "greeting": proof.greeting}
    remember_fact(session, _PREFIX + relay.name, value)


def known_proof(session: Session, relay: Relay) -> FlightProof | None:
    """What is known of a relay; None when it was never tried."""
    fact = read_fact(session, _PREFIX + relay.name)
    if fact is None:
        return None
    return FlightProof(fact.value["is_safe"], fact.value["why"], fact.value["greeting"])


def with_proofs(session: Session, relays: Iterable[Relay]) -> list[Relay]:
    """The relays, each with what has been proved of it: what a worker begins with."""
    proved = []
    for relay in relays:
        proof = known_proof(session, relay)
        if proof is not None and proof.is_safe:
            proved.append(replace(relay, flights_proved=True, proved_greeting=proof.greeting))
        else:
            proved.append(relay)
    return proved
