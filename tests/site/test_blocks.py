"""Blocks of commands and Python on pages are run, or say why not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from ops.site.block_session import BlockSession
from ops.site.blocks import Block, blocks_of, pages_with_blocks
from streamer.embedded import EmbeddedKafka
from streamer.settings import Settings
from streamer.simulator import Simulator, SimulatorConfig
from tests.rig.waiting import DEADLINE_S
from tests.stream.harness import Service

ROOT: Final = Path(__file__).resolve().parents[2]
BLOCKS: Final = pages_with_blocks(ROOT)
IN_TESTS: Final = [each for each in BLOCKS if each.run == "test"]
HELD: Final = {"test": 15, "with changes": 5, "make docs-blocks": 18, "never": 62}
"""How many there are of each: whoever adds one runs it, or says beside it why not."""
N_WARM: Final = 8_000
UNLIKE: Final = 1 / 3
"""Of the words that a page shows as printed: another stack has other payments, other reasons, and
nobody beside who judges, as `make dev` has."""


def test_every_block_is_run_or_says_why_not_and_their_numbers_are_known() -> None:
    counts = Counter(each.run for each in BLOCKS)
    print(f"{counts['test']} blocks run here, {counts['with changes']} with their page's changes, "
          f"{counts['make docs-blocks']} by make docs-blocks, {counts['never']} not run")  # fmt: skip
    assert dict(counts) == HELD
    assert all(
        len(each.reason.split()) >= 3
        for each in BLOCKS
        if each.run in ("never", "make docs-blocks")
    )


def test_a_plain_block_with_commands_of_ours_says_its_language() -> None:
    """Otherwise nobody would run it: what begins with `streamer` or `make` is a command."""
    for page in sorted(
        {*ROOT.glob("README.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "ops").rglob("*.md")}
    ):
        fenced = page.read_text("utf-8").split("\n```")
        for block in fenced[1::2]:
            language, _, text = block.partition("\n")
            starts = [line.split(" ")[0] for line in text.split("\n")]
            if not language:
                assert not {"streamer", "make", "kubectl", "curl", "docker", "$"} & set(starts), (
                    page,
                    text,
                )


def test_the_comment_before_a_block_is_one_of_two() -> None:
    text = "<!-- not run: needs a cluster -->\n```sh\nkubectl\n```\n\n```console\n$ a\nb\n```\n"
    first, second = blocks_of("p.md", text)
    assert (first.run, first.reason, first.line) == ("never", "needs a cluster", 2)
    assert (second.run, second.commands, second.output) == ("test", "a\n", ["b"])
    for mark in ("never", "not run", "not run: ", "skip: x"):
        with pytest.raises(ValueError, match=r"p.md:2: the comment must be <!-- not run: REASON"):
            blocks_of("p.md", f"<!-- {mark} -->\n```sh\na\n```\n")


def test_a_block_that_fails_or_takes_too_long_is_told(tmp_path: Path) -> None:
    """The first command that fails ends a block of the shell, a pipe's too."""
    session = BlockSession(ROOT, tmp_path, {}, {"FILE": "there"})

    def ran(language: str, text: str) -> tuple[int, str]:
        done = session.run(Block("p.md", 1, language, text, "test", ""), 5.0)
        return done.code, done.output

    assert ran("sh", "echo a > FILE\n") == (0, "")
    assert ran("python", "print(open('there').read())") == (0, "a\n\n")
    assert ran("sh", "false\necho b\n")[0] == 1
    assert ran("console", "$ false | cat\n")[0] == 1
    assert ran("sh", "ls ops/gate.toml\n") == (0, "ops/gate.toml\n")
    late = session.run(Block("p.md", 1, "sh", "sleep 60\n", "test", ""), 0.2)
    assert late.code == 124
    assert "must end within" in late.output


@pytest.fixture(scope="module")
def session(
    kafka: EmbeddedKafka, redis_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[BlockSession]:
    """Blocks against a worker that has been warm for a while, as after some minutes of `make dev`."""
    simulator = Simulator(SimulatorConfig(seed=7))
    with Service(kafka.bootstrap_servers, redis_url) as service:
        worker = service.create_topics().worker().wait_ready()
        service.produce(list(simulator.generate(N_WARM).records()))
        service.wait_consumed(N_WARM)
        folder = tmp_path_factory.mktemp("blocks")
        url = f"http://127.0.0.1:{worker.port}"
        topics = {
            f'"{Settings.model_fields[name].default}"': f'"{getattr(service.settings, name)}"'
            for name in ("transactions_topic", "alerts_topic", "feedback_topic")
        }
        replaced = {"http://WORKER:8080": url} | topics
        yield BlockSession(ROOT, folder, service.env, replaced)


@pytest.mark.parametrize("page", sorted({each.page for each in IN_TESTS}))
def test_the_blocks_of_a_page_run_in_their_order(session: BlockSession, page: str) -> None:
    for block in (each for each in IN_TESTS if each.page == page):
        ran = session.run(block, DEADLINE_S)
        assert ran.code == 0, f"{block}\n{ran.output}"
        unlike = block.unlike(ran.output)
        assert len(unlike) <= UNLIKE * block.n_words, f"{block} shows {unlike}\n{ran.output}"
