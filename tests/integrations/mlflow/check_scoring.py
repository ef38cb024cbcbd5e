"""MLflow's scoring client and plain requests get from `streamer serve` what ``/v1/score`` answers."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd
import pytest
from mlflow.pyfunc.scoring_server.client import ScoringServerClient

from streamer import __version__
from tests.integrations.served import Served, served


@pytest.fixture(scope="module")
def server() -> Iterator[Served]:
    with served() as found:
        yield found


@pytest.mark.parametrize("n", [1, 50])
def test_mlflow_s_client_gets_the_answers_of_v1_score_to_the_bit(server: Served, n: int) -> None:
    payments = server.payments[:n]
    client = ScoringServerClient("127.0.0.1", server.port)
    client.wait_server_ready(timeout=30)
    frame = pd.DataFrame(payments)
    told = client.invoke(frame, params={"explain": True}).get_predictions()
    answers = server.answers(payments)
    for name in ("transaction_id", "score", "distance", "threshold", "decision", "model_version"):
        assert told[name].tolist() == [each[name] for each in answers]
    assert told["reasons"].tolist() == [each["reasons"] for each in answers]


def test_ping_and_version_answer(server: Served) -> None:
    assert server.ask("/ping") == (200, "\n")
    assert server.ask("/health")[0] == 200
    assert server.ask("/version") == (200, __version__)


def test_of_several_the_bad_one_says_why_and_a_wrong_form_is_told(server: Served) -> None:
    good, other = server.payments[:2]
    body = {"dataframe_records": [good, other | {"currency": "XYZ"}]}
    status, told = server.ask("/invocations", body)
    assert status == 200
    assert told["predictions"][0]["score"] == server.answers([good])[0]["score"]
    assert told["predictions"][1]["error"]["path"] == "$.currency"
    status, told = server.ask("/invocations", {"rows": [good]})
    assert (status, told["error_code"]) == (400, "BAD_REQUEST")
    with pytest.raises(Exception, match="body must have 1 to 1000 payments, got 0"):
        ScoringServerClient("127.0.0.1", server.port).invoke(pd.DataFrame([])).get_predictions()
