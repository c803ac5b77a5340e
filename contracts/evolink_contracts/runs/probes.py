"""The probes of a run, in the order in which they run."""

from evolink_contracts.runs import emulator_probes, live_probes
from evolink_contracts.runs.probe import Probe, Profile

PROBES: tuple[Probe, ...] = (
    emulator_probes.boundaries,
    emulator_probes.lives,
    emulator_probes.callbacks,
    emulator_probes.slow_receivers,
    emulator_probes.prices,
    emulator_probes.settlement,
    emulator_probes.last_credits,
    live_probes.lacking,
    live_probes.unauthenticated,
    live_probes.unknown,
    emulator_probes.apart,
    emulator_probes.again,
    emulator_probes.links,
    live_probes.a_purchase,
    live_probes.a_bad_receiver,
)


def probes_of(profile: Profile) -> list[Probe]:
    return [probe for probe in PROBES if profile in probe.profiles]
