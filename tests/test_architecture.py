"""Which module may import what, how long one may be, and that importing does nothing."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import streamer

PACKAGE = Path(streamer.__file__).parent
MAX_LINES = 320
KAFKA_CLIENTS = {"faust", "mode", "aiokafka", "confluent_kafka"}
# Hands the few variables that a loader needs on to a child process; takes no setting from any.
PASSES_THE_ENVIRONMENT_ON = "streamer.embedded.server"
# Sets what numpy's libraries read, and reads nothing itself.
WRITES_THE_ENVIRONMENT = "streamer.one_thread"
SCREEN_AND_WEB = {"aiohttp", "rich", "click"}


def name_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {name_of(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def imports(name: str) -> set[str]:
    """Return every module that ``name`` imports, anywhere in it, by full name."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(MODULES[name].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name} imports relatively"
            module = node.module or ""
            # "from streamer.model import kmeans" may be a module or a name of the package.
            submodules = {f"{module}.{alias.name}" for alias in node.names} & MODULES.keys()
            found |= submodules or {module}
    return found


def outside(name: str) -> set[str]:
    """Return the top-level packages, other than this one and the standard library's, imported."""
    tops = {module.split(".")[0] for module in imports(name)}
    return tops - {"streamer"} - sys.stdlib_module_names


def within(name: str, *parts: str) -> bool:
    """Whether ``name`` is one of the parts of streamer, or lies in one."""
    return any(f"{name}.".startswith(f"streamer.{part}.") for part in parts)


def of(*parts: str) -> list[str]:
    return [name for name in MODULES if within(name, *parts)]


def test_no_module_imports_itself_by_way_of_others() -> None:
    """Anywhere in it: for its types, or in the middle of a function, too."""
    known = {name: sorted((imports(name) & MODULES.keys()) - {name}) for name in MODULES}
    found: list[str] = []
    done: set[str] = set()

    def visit(name: str, path: list[str]) -> None:
        if name in path:
            found.append(" -> ".join([*path[path.index(name) :], name]))
        elif name not in done:
            for imported in known[name]:
                visit(imported, [*path, name])
            done.add(name)

    for name in MODULES:
        visit(name, [])
    assert not found


def test_what_a_worker_holds_knows_nothing_of_what_is_done_with_it() -> None:
    """Each part of a worker is given those below it when it is made; none calls one above."""
    order = ["kit", "held", "claiming", "checkpointing", "scoring", "watch", "health", "app"]
    for n_below, part in enumerate(order):
        above = {f"streamer.stream.{other}" for other in order[n_below + 1 :]}
        assert not imports(f"streamer.stream.{part}") & above, part


@pytest.mark.parametrize("name", of("model"))
def test_the_model_imports_numpy_its_own_package_compiled_and_errors_only(name: str) -> None:
    allowed = {"numpy"} | ({"safetensors", "orjson"} if name == "streamer.model.codec" else set())
    assert outside(name) <= allowed
    ours = {module for module in imports(name) if module.startswith("streamer")}
    assert all(within(module, "model", "errors", "compiled") for module in ours), ours


def reads_environment(name: str) -> bool:
    """Whether a module mentions ``environ``, ``getenv`` or the like, however imported."""
    for node in ast.walk(ast.parse(MODULES[name].read_text(encoding="utf-8"))):
        names = {
            ast.Attribute: lambda n: {n.attr},
            ast.Name: lambda n: {n.id},
            ast.ImportFrom: lambda n: {alias.name for alias in n.names},
        }.get(type(node), lambda n: set())(node)
        if names & {"environ", "environb", "getenv", "getenvb"}:
            return True
    return False


@pytest.mark.parametrize(
    "name",
    [
        n
        for n in MODULES
        if not within(n, "settings")
        and n not in (PASSES_THE_ENVIRONMENT_ON, WRITES_THE_ENVIRONMENT)
    ],
)
def test_only_the_settings_read_the_environment(name: str) -> None:
    assert not reads_environment(name)


def test_the_module_that_writes_to_the_environment_reads_nothing_from_it() -> None:
    """Its one mention of it is ``os.environ.update(...)``, whose value nobody takes."""
    tree = ast.parse(MODULES[WRITES_THE_ENVIRONMENT].read_text(encoding="utf-8"))
    mentions = [n for n in ast.walk(tree) if isinstance(n, ast.Attribute) and n.attr == "environ"]
    written = [
        ast.unparse(node.value.func)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)
    ]
    assert len(mentions) == 1
    assert written == ["os.environ.update"]


@pytest.mark.parametrize("name", [n for n in MODULES if not within(n, "compiled")])
def test_only_the_compiled_package_imports_numba(name: str) -> None:
    assert not outside(name) & {"numba", "llvmlite"}


@pytest.mark.parametrize("name", [n for n in of("compiled") if not n.endswith("__main__")])
def test_the_compiled_package_knows_nothing_of_what_it_compiles(name: str) -> None:
    ours = {module for module in imports(name) if module.startswith("streamer")}
    assert all(within(module, "compiled") for module in ours), ours


@pytest.mark.parametrize("name", [n for n in MODULES if not within(n, "telemetry")])
def test_only_telemetry_imports_the_client_of_prometheus(name: str) -> None:
    assert "prometheus_client" not in outside(name)


@pytest.mark.parametrize("name", of("telemetry"))
def test_telemetry_knows_nothing_of_what_it_counts(name: str) -> None:
    known = {m for m in imports(name) if m.startswith("streamer")}
    assert all(
        within(module, "telemetry", "page_command", "errors", "extra") for module in known
    ), known


@pytest.mark.parametrize("name", [n for n in MODULES if not within(n, "store")])
def test_only_the_store_imports_redis(name: str) -> None:
    assert "redis" not in outside(name)


@pytest.mark.parametrize(
    "name", [n for n in MODULES if not within(n, "stream", "embedded", "demo", "dev")]
)
def test_only_the_edges_to_kafka_import_a_client(name: str) -> None:
    assert not outside(name) & KAFKA_CLIENTS


@pytest.mark.parametrize(
    "name",
    of(
        "features",
        "pipeline",
        "offline_partition",
        "decoding",
        "alerts",
        "explanation",
        "counterfactual",
        "ledger",
        "batch",
        "events",
        "intake",
    ),
)
def test_the_core_imports_no_edge(name: str) -> None:
    assert not outside(name) & (SCREEN_AND_WEB | KAFKA_CLIENTS | {"redis", "structlog"})
    edges = ("settings", "store", "stream", "telemetry", "cli", "demo", "embedded", "wiring")
    reached = {module for module in imports(name) if within(module, *edges)}
    assert not reached


@pytest.mark.parametrize("name", of("features"))
def test_features_know_nothing_of_the_model(name: str) -> None:
    assert not {module for module in imports(name) if within(module, "model", "pipeline")}


@pytest.mark.parametrize("name", of("store"))
def test_the_store_knows_nothing_of_the_stream(name: str) -> None:
    assert not {module for module in imports(name) if within(module, "stream", "cli", "demo")}


@pytest.mark.parametrize("name", [n for n in MODULES if not within(n, "evaluation", "fitting")])
def test_only_evaluation_and_fitting_import_the_extra(name: str) -> None:
    assert not outside(name) & {"sklearn", "matplotlib"}


@pytest.mark.parametrize("name", of("display"))
def test_what_is_shown_of_a_run_knows_nothing_of_how_it_is_run(name: str) -> None:
    edges = ("settings", "store", "stream", "telemetry", "cli", "demo", "embedded")
    assert not {module for module in imports(name) if within(module, *edges)}


@pytest.mark.parametrize("name", [n for n in of("cli") if n != "streamer.cli.demo"])
def test_no_command_but_its_own_imports_the_demo(name: str) -> None:
    assert not {module for module in imports(name) if within(module, "demo")}


@pytest.mark.parametrize("name", of("evaluation", "fitting"))
def test_evaluation_and_fitting_run_the_product_and_no_server(name: str) -> None:
    edges = ("store", "stream", "telemetry", "cli", "demo", "embedded")
    assert not {module for module in imports(name) if within(module, *edges)}


@pytest.mark.parametrize(
    "name",
    [
        "streamer.cli",
        "streamer.evaluation",
        "streamer.evaluation.plots",
        "streamer.fitting",
        "streamer.fitting.curve",
        "streamer.fitting.plot",
    ],
)
def test_the_extra_is_loaded_only_when_it_is_used(name: str) -> None:
    """A worker that was installed without the extra must start, and start fast."""
    code = f"import sys, {name}; print(sorted({{'sklearn', 'matplotlib'}} & set(sys.modules)))"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=280, check=True
    )
    assert result.stdout.strip() == "[]"


@pytest.mark.parametrize("name", MODULES)
def test_a_module_is_named_after_its_content_and_can_be_read_in_one_sitting(name: str) -> None:
    assert name.rsplit(".", 1)[-1] not in {"utils", "util", "helpers", "common", "misc"}
    n_lines = len(MODULES[name].read_text(encoding="utf-8").splitlines())
    assert n_lines <= MAX_LINES, f"{name} has {n_lines} lines"


_IMPORT_ALL = """
import importlib, socket, sys

def refuse(*args, **kwargs):
    raise AssertionError("a socket was connected or bound at import")

socket.socket.connect = socket.socket.bind = refuse
before = set(sys.modules)
for name in sys.argv[1:]:
    importlib.import_module(name)
import threading
print([thread.name for thread in threading.enumerate() if not thread.daemon])
"""


def test_importing_every_module_connects_to_nothing_and_starts_no_thread() -> None:
    """In a process of its own, with an empty environment.  ``__main__`` is the command itself."""
    names = [name for name in MODULES if not name.endswith("__main__")]
    result = subprocess.run(
        [sys.executable, "-c", _IMPORT_ALL, *names],
        cwd=PACKAGE.parent,
        env={},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert result.returncode == 0, result.stderr[-2_000:]
    assert result.stdout.strip() == "['MainThread']"
    assert result.stderr == ""


def test_the_libraries_of_schemas_are_loaded_only_when_a_schema_asks() -> None:
    """A worker that was installed without the extra reads JSON."""
    code = (
        "import sys, streamer.cli, streamer.intake.schemas; "
        "print(sorted({'fastavro', 'google.protobuf'} & set(sys.modules)))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=280, check=True
    )
    assert result.stdout.strip() == "[]"


def test_the_sdk_of_traces_is_loaded_only_where_something_is_traced() -> None:
    """The exporter is an extra.  The SDK's metrics are another matter: redis-py loads them."""
    code = (
        "import sys, streamer.cli, streamer.stream.app; "
        "print(sorted({'opentelemetry.sdk.trace', 'opentelemetry.exporter'} & set(sys.modules)))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=280, check=True
    )
    assert result.stdout.strip() == "[]"


@pytest.mark.parametrize("name", [n for n in MODULES if not within(n, "telemetry.tracing")])
def test_only_the_traces_module_of_telemetry_imports_opentelemetry(name: str) -> None:
    """`streamer.stream.tracing` names a type of its; that is all."""
    assert "opentelemetry" not in outside(name) or name == "streamer.stream.tracing"
