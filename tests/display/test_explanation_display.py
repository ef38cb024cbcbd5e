"""An explanation as a reviewer reads it: units beside every number, and no sentence against itself."""

from __future__ import annotations

import io
import re
from pathlib import Path

import msgspec
from rich.console import Console

from streamer.contract.messages import Alert, Reason
from streamer.display.alert_panel import render_alert
from streamer.display.explanation_display import render_explanation
from streamer.explaining.explanation import as_alerted
from streamer.explaining.reasons import drawn_at_random

GOLDEN = Path(__file__).parent.parent / "golden" / "alert.json"


def explained(**changes: object) -> str:
    """Return what is shown of the golden alert with some changes."""
    alert = msgspec.json.decode(GOLDEN.read_bytes(), type=Alert)
    changed = msgspec.structs.replace(alert, **changes)
    console = Console(file=io.StringIO(), width=130, color_system=None)
    console.print(render_explanation(as_alerted(changed)), render_alert(changed))
    return console.file.getvalue()  # type: ignore[attr-defined, no-any-return]


def reason(share: float, **changes: object) -> Reason:
    alert = msgspec.json.decode(GOLDEN.read_bytes(), type=Alert)
    return msgspec.structs.replace(alert.reasons[0], share=share, **changes)


def test_every_number_of_the_table_has_its_unit() -> None:
    """Of the golden alert: a deviation, a speed and a ratio."""
    rows = {line.split()[0]: line for line in explained().splitlines() if "  +" in line}
    assert re.search(r" 5\.7 sd above +0\.9 sd above", rows["amount_deviation_from_card"])
    assert re.search(r" 57 km/h +1\.5 km/h", rows["travel_speed"])
    assert re.search(r" 41 times +2\.5 times", rows["amount_ratio_to_card"])


def test_near_the_end_nothing_reads_as_all_or_none() -> None:
    text = explained(score=0.999_999_6, probability=0.999_999, reasons=[reason(0.999_7)])
    assert text.count("ranked above more than 99.9% of recent payments") == 2
    assert "probability of fraud more than 99.9%" in text
    assert " >99.9% " in text
    assert "100%" not in text
    assert "ranked above all recent payments" in explained(score=1.0)


def test_a_part_of_another_release_is_told_in_its_own_unit() -> None:
    text = explained(
        reasons=[reason(1.0, feature="tilt", unit="degrees", value=1234.5, expected=2.0)]
    )
    assert re.search(r"tilt .* 1,234\.5 degrees +2\.0 degrees", text)


def test_where_no_smaller_amount_is_quiet_it_says_what_would_have_been() -> None:
    """And of a verification, which has none, that it is one."""
    alert = msgspec.json.decode(GOLDEN.read_bytes(), type=Alert)
    loud = explained(counterfactual=None)
    assert "At smaller amounts, down to a hundredth of it, it would have been alerted too." in loud
    verification = msgspec.structs.replace(alert.transaction, amount=0.0)
    text = explained(counterfactual=None, transaction=verification)
    assert "It verifies a card: there is no smaller amount." in text
    assert text.count("a verification of 0 EUR with ") == 2


def test_of_a_sampled_payment_it_says_why_it_is_here_and_names_no_amount() -> None:
    """Once, not as a part that adds nothing; and no amount would have kept a draw away."""
    reasons = drawn_at_random(250.0, [reason(1.0)])
    text = explained(reasons=reasons, sampled=True, sample_weight=250.0, counterfactual=None)
    above, below = text.split("Most like center")
    assert "it stands for about 250 of them." in above
    assert above.count("Drawn at random from the payments below the threshold") == 1
    assert "Nothing added by" not in text
    assert "it would have been alerted too" not in text
    assert "Drawn at random" in below, "the box of the alert says so too"
