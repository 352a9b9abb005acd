"""`make scanners`: a thousand delivered mails, every link opened, every button pressed at once.

Two programs stand between the mail server and its readers. One opens every link of each mail;
the other then submits every form that it finds there, with every button, within ten seconds of
the delivery. Afterwards nobody's subscription, pause, name or consent may be any different.
"""

import argparse
import logging
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

import structlog

from tests.support.scanners import AT_ONCE_SECONDS, Scanner, scanned_office

PEOPLE_PER_RELEASE: Final = 25
"""So few that all are looked at within ten seconds of their delivery, on a slow machine too."""
LATE_MAX_PER_CENT: Final = 5


def run(folder: Path, mails: int) -> bool:
    """Deliver, scan and tell; whether all is as it was, and that was put to the test."""
    with scanned_office(folder) as office:
        slugs = [f"list-{number}" for number in range(-(-mails // PEOPLE_PER_RELEASE))]
        for slug in slugs:
            office.add_list(slug, PEOPLE_PER_RELEASE)
        before = office.everything()
        looker, presser = Scanner(office.client), Scanner(office.client)
        began = time.monotonic()
        for slug in slugs:
            for mail in office.send(slug, PEOPLE_PER_RELEASE):
                looker.look(mail)
                presser.press(mail)
        is_as_it_was = office.everything() == before
        looked, pressed = looker.looked + presser.looked, presser.pressed.total()
        print(
            f"{len(office.mails):,} mails, {looked.total():,} links opened, {pressed:,} buttons "
            f"pressed within {AT_ONCE_SECONDS:.0f} s of the delivery ({presser.too_late:,} would "
            f"have come later and were left), in {time.monotonic() - began:.0f} s\n"
            f"{'nothing' if is_as_it_was else 'SOMETHING'} was changed"
        )
    is_proof = presser.too_late * 100 <= LATE_MAX_PER_CENT * pressed
    if not is_proof:
        print("too much came too late to prove anything: the machine is busy")
    return is_as_it_was and is_proof


def main() -> int:
    """Exit status 0 when nothing was changed."""
    options = argparse.ArgumentParser(prog="make scanners", description=__doc__)
    options.add_argument("--mails", type=int, default=1_000)
    chosen = options.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    with tempfile.TemporaryDirectory(prefix="medianote-scanners-") as folder:
        return 0 if run(Path(folder), chosen.mails) else 1


if __name__ == "__main__":
    sys.exit(main())
