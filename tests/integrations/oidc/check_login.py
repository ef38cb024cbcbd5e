"""A certified provider lets people in to `streamer console`, and takes no code twice."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.integrations.environments import ROOT
from tests.integrations.oidc.visitor import Page, Visitor
from tests.integrations.standing import Stand, stood

HERE = Path(__file__).parent
NODE = ROOT / "build" / "integrations" / "oidc" / "node"
SECRET = "a secret: of 40 characters, and a plus +"
FILES = "package.json", "package-lock.json", "provider.mjs"


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@pytest.fixture(scope="session")
def node() -> Path:
    """Return the folder of the provider, installed once for its lock."""
    assert shutil.which("npm"), "npm must be there, got none; install Node 20 or newer"
    NODE.mkdir(parents=True, exist_ok=True)
    lock = NODE / "package-lock.json"
    is_made = lock.is_file() and lock.read_bytes() == (HERE / lock.name).read_bytes()
    for name in FILES:
        (NODE / name).write_bytes((HERE / name).read_bytes())
    if not is_made or not (NODE / "node_modules").is_dir():
        command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        subprocess.run(command, cwd=NODE, check=True, timeout=300)
    return NODE


@contextmanager
def provider(node: Path, port: int, console: str, *told: str) -> Iterator[None]:
    """Run the provider, with keys of its own."""
    command = ["node", "provider.mjs", str(port), console, *told]
    with subprocess.Popen(command, cwd=node, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            # Warnings of the provider come before it.
            assert any(line == "ready\n" for line in process.stdout)
            yield
        finally:
            process.terminate()
            process.wait(30)


@pytest.fixture(scope="module")
def stand() -> Iterator[Stand]:
    with stood() as made:
        yield made


@pytest.fixture
def place(stand: Stand, tmp_path: Path) -> Iterator[tuple[str, int]]:
    """A console that lets in whom a provider does, which is to answer on a port."""
    secret = tmp_path / "secret"
    secret.write_text(SECRET)
    port, own = free_port(), free_port()
    console = f"http://127.0.0.1:{own}"
    changes = {
        "console_port": str(own),
        "console_url": console,
        "oidc_issuer": f"http://127.0.0.1:{port}",
        "oidc_client_id": "streamer-console",
        "oidc_client_secret_file": str(secret),
        "oidc_scopes": "openid profile groups",
        "oidc_roles": "fraud-team=reviewer,fraud-leads=lead",
        # Local accounts are others, so that no name is somebody's already.
        "console_accounts_file": str(_nobodys(tmp_path)),
    }
    found = stand.ask("open", changes)
    yield found, port
    stand.ask("ask", found, "close")


def _nobodys(folder: Path) -> Path:
    path = folder / "accounts"
    path.write_text(f"nobody:$argon2id$v=19$m=19456,t=2,p=1${'A' * 22}${'A' * 43}:reviewer\n")
    path.chmod(0o600)
    return path


def at_provider(visitor: Visitor, console: str, name: str, after: str = "/help") -> Page:
    """Log in at the provider, and return the address that it sends the browser back to."""
    back = f"{console}/oidc/callback"
    page = visitor.get(f"{console}/oidc/login?after={after}", back)
    if page.status:
        page = visitor.submit(page, back, login=name, password="anything")
    if page.status:
        # It asks for consent, once.
        page = visitor.submit(page, back)
    assert page.url.startswith(back), page.text
    return page


@pytest.mark.parametrize("algorithm", ["RS256", "PS256", "ES256"])
@pytest.mark.parametrize("where", ["at-userinfo", "in-token"])
def test_people_are_let_in_with_the_roles_of_their_groups(
    node: Path, place: tuple[str, int], algorithm: str, where: str
) -> None:
    console, port = place
    with provider(node, port, console, algorithm, where):
        for name, roles in (("mona", "mona, reviewer"), ("lea", "lea, reviewer,lead")):
            visitor = Visitor()
            page = visitor.get(at_provider(visitor, console, name).url)
            assert (page.status, page.url) == (200, f"{console}/help")
            assert roles in page.text
        nobody = Visitor()
        told = nobody.get(at_provider(nobody, console, "nils", "/").url)
        assert (told.status, "None of your groups has a role here" in told.text) == (403, True)


def test_what_is_brought_again_or_to_another_browser_lets_nobody_in(
    node: Path, place: tuple[str, int]
) -> None:
    console, port = place
    with provider(node, port, console, "RS256"):
        mona, eve = Visitor(), Visitor()
        page = at_provider(mona, console, "mona")
        code = parse_qs(urlsplit(page.url).query)["code"][0]
        netloc = urlsplit(console).netloc
        # Eve has seen the address; her browser has not begun that login.
        assert "(state)" in eve.get(page.url).text
        # She puts Mona's code into a login of her own: PKCE binds it to Mona's.
        own = at_provider(eve, console, "nils")
        forged = re.sub(r"code=[^&]+", f"code={code}", own.url)
        assert "(code)" in eve.get(forged).text
        cookie = mona.cookies[netloc]["streamer_oidc"]
        assert mona.get(page.url).status == 200
        # The same answer again, by the browser that has used it, and its code in another login.
        mona.cookies[netloc]["streamer_oidc"] = cookie
        assert "(state_used)" in mona.get(page.url).text
        another = at_provider(mona, console, "mona")
        replayed = re.sub(r"code=[^&]+", f"code={code}", another.url)
        assert "(code)" in mona.get(replayed).text


def test_logging_out_ends_the_session_at_the_provider_too(
    node: Path, place: tuple[str, int]
) -> None:
    console, port = place
    with provider(node, port, console, "RS256"):
        mona = Visitor()
        mona.get(at_provider(mona, console, "mona").url)
        # Already known at the provider: it asks for nothing.
        straight = mona.get(f"{console}/oidc/login?after=/help")
        assert "mona, reviewer" in straight.text
        out = mona.submit(straight)
        assert out.status == 200, out.text
        where = out.headers["refresh"].partition("url=")[2]
        asked = mona.get(where)
        assert asked.url.startswith(f"http://127.0.0.1:{port}/session/end")
        done = mona.submit(asked, logout="yes")
        assert done.url == f"{console}/login"
        anew = mona.get(f"{console}/oidc/login?after=/help")
        assert 'name="login"' in anew.text


def test_a_provider_with_new_keys_is_believed_within_half_a_minute(
    node: Path, place: tuple[str, int]
) -> None:
    console, port = place
    with provider(node, port, console, "RS256"):
        first = Visitor()
        assert first.get(at_provider(first, console, "mona").url).status == 200
    with provider(node, port, console, "RS256"):
        deadline = time.monotonic() + 60
        outcomes = []
        while time.monotonic() < deadline:
            mona = Visitor()
            page = mona.get(at_provider(mona, console, "mona").url)
            if page.status == 200:
                break
            outcomes.append("(key)" in page.text)
            time.sleep(5)
        assert page.status == 200, page.text
        assert all(outcomes)
