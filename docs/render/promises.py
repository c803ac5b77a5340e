"""The promises of the contract kit: those of a service, those of a receiver, and the sentences that none tests."""

from docs.render import Page
from docs.render.markdown import code, join, prose, sentence, table
from evolink_contracts.promises import PROMISES
from evolink_contracts.promises.coverage import SENTENCES
from evolink_contracts.runs.receiver_promises import PROMISES as RECEIVER_PROMISES


def _body() -> str:
    return join(
        "A promise passes, fails or is not covered. Sources such as S1a are those of [Fidelity](fidelity.md).",
        "## Promises of the service",
        "Checked by `evolink-contracts run` and `check`, whose `--only` and `--skip` take numbers and names.",
        table(
            ("Promise", "Statement", "Severity", "Basis"),
            (
                (f"{p.number} {code(p.name)}", prose(p.statement), p.severity, f"{p.basis}, {p.source}")
                for p in PROMISES
            ),
        ),
        "## Promises of a receiver",
        "Checked by `evolink-contracts receiver`, which sees the statuses of a receiver, and not what it does: a "
        "receiver that credits a repeated callback twice still keeps RC-004.",
        table(
            ("Number", "Statement", "Expected"),
            ((p.number, prose(p.statement), p.expected.description) for p in RECEIVER_PROMISES),
        ),
        "## Sentences of the documentation that no promise tests, or not all of them",
        table(
            ("Page", "Sentence", "Reason"),
            ((each.page, prose(each.says), sentence(each.why)) for each in SENTENCES if each.why),
        ),
    )


PAGE = Page("Promises", "The numbered rules that the contract kit checks, with source, basis and severity.", _body)
