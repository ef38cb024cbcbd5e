"""The rooms and what each may know, how long a module may be, and that importing does nothing."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Final

import pytest

import streamer

PACKAGE = Path(streamer.__file__).parent
MAX_LINES = 320
MAX_FUNCTION_LINES = 60
KAFKA_CLIENTS = {"faust", "mode", "aiokafka", "confluent_kafka"}
# Hands the few variables that a loader needs on to a child process; takes no setting from any.
PASSES_THE_ENVIRONMENT_ON = "streamer.embedded.server"
# They set what libraries read when they are imported, and read nothing themselves.
WRITE_THE_ENVIRONMENT = (
    "streamer.one_thread",
    "streamer.silence",
    "streamer.drifting.evidently_page",
)
SCREEN_AND_WEB = {"aiohttp", "rich", "click"}


def name_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {name_of(path): path for path in sorted(PACKAGE.rglob("*.py"))}


@cache
def tree_of(name: str) -> ast.Module:
    return ast.parse(MODULES[name].read_text(encoding="utf-8"))


@cache
def imports(name: str) -> frozenset[str]:
    """Return every module that ``name`` imports, anywhere in it, by full name."""
    found: set[str] = set()
    for node in ast.walk(tree_of(name)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name} imports relatively"
            module = node.module or ""
            # "from streamer.model import kmeans" may be a module or a name of the package.
            submodules = {f"{module}.{alias.name}" for alias in node.names} & MODULES.keys()
            found |= submodules or {module}
    return frozenset(found)


def outside(name: str) -> set[str]:
    """Return the top-level packages, other than this one and the standard library's, imported."""
    tops = {module.split(".")[0] for module in imports(name)}
    return tops - {"streamer"} - sys.stdlib_module_names


def within(name: str, *parts: str) -> bool:
    """Whether ``name`` is one of the parts of streamer, or lies in one."""
    return any(f"{name}.".startswith(f"streamer.{part}.") for part in parts)


def of(*parts: str) -> list[str]:
    return [name for name in MODULES if within(name, *parts)]


# Each room with the rooms that it may know, from the ground up: only what stands above it in this list,
# so that no arrow runs back.  `errors` and the other modules at the root are everybody's.
ROOMS: Final = {
    "compiled": "",
    "embedded": "",
    "simulator": "",
    "watching": "",
    "web": "",
    "access": "",
    "indexing": "compiled",
    "contract": "compiled",
    "telemetry": "contract",
    "model": "compiled",
    "features": "compiled contract indexing",
    "intake": "compiled contract features indexing",
    "settings": "access intake",
    "policies": "settings",
    "retention": "settings",
    "datafiles": "contract intake",
    "explaining": "compiled contract features model",
    "verdicts": "compiled contract features indexing intake model",
    "pipeline": "compiled contract explaining features indexing intake model verdicts",
    "challenging": "contract features indexing intake model pipeline verdicts",
    "reports": "contract datafiles explaining features model",
    "drifting": "features model reports",
    "offline": "contract datafiles features model pipeline reports verdicts",
    "evaluation": "contract datafiles features intake model offline pipeline verdicts",
    "fairness": "contract datafiles evaluation features model offline",
    "impact": "contract datafiles evaluation fairness model settings",
    "fitting": "contract datafiles features intake model offline pipeline reports",
    "backtesting": "contract datafiles evaluation model offline",
    "gating": "backtesting contract datafiles evaluation fairness features fitting model offline "
    "watching",
    "store": "challenging compiled contract features indexing model policies settings verdicts "
    "watching",
    "starting": "access compiled contract features indexing intake model pipeline policies reports "
    "settings store verdicts",
    "library": "contract datafiles evaluation explaining intake model offline pipeline reports "
    "settings starting",
    "registry": "contract model pipeline settings starting",
    "stream": "challenging compiled contract explaining features intake model pipeline policies "
    "reports retention settings starting store telemetry verdicts watching",
    "serving": "contract explaining features indexing intake model pipeline policies settings "
    "starting store stream telemetry web",
    "serve": "serving",
    "skew": "contract settings starting store stream telemetry",
    "status": "contract model policies reports retention settings starting store stream",
    "audit": "contract settings starting store stream",
    "privacy": "contract features indexing intake model pipeline settings starting store stream "
    "verdicts",
    "console": "access audit challenging contract drifting explaining features impact indexing intake "
    "model reports settings starting status store stream telemetry verdicts watching web",
    "display": "challenging contract explaining features fitting gating intake policies reports "
    "settings simulator status store",
    "dev": "access console contract embedded settings simulator starting stream",
    "demo": "contract datafiles dev display intake reports settings simulator starting store "
    "stream",
    "pages": "access audit contract display features intake model pipeline retention settings "
    "telemetry",
    "cli": "access audit backtesting challenging console contract datafiles demo dev display drifting "
    "evaluation explaining fairness features fitting gating impact intake model offline policies "
    "privacy registry reports serving settings simulator skew starting status store stream watching",
}
# Those of the stream; the app, beside them, puts them together.
STREAM: Final = {
    "kafka": "",
    "partitions": "",
    "publishing": "kafka partitions",
    "scoring": "kafka partitions publishing",
    "checkpoints": "kafka partitions scoring",
    "judging": "kafka partitions scoring",
    "health": "checkpoints kafka partitions scoring",
}
# Those of the console; `console`, between service and pages, puts the rooms before it together.
CONSOLE: Final = {
    "people": "",
    "sending": "people",
    "queue": "",
    "alert": "",
    "team": "",
    "service": "team",
    "pages": "alert people queue sending service team",
}
ROOT: Final = {
    "__main__",
    "arrays",
    "cancelling",
    "core_dumps",
    "durations",
    "errors",
    "extra",
    "one_thread",
    "probe",
    "running_together",
    "silence",
}


def room_of(name: str) -> str:
    """Return the room of a module, "" for one at the root."""
    _, _, rest = name.partition(".")
    room, _, _ = rest.partition(".")
    return "" if room in ROOT else room


def test_every_module_lies_in_a_room_and_only_a_handful_at_the_root() -> None:
    assert {room_of(name) for name in MODULES} == {"", *ROOMS}
    assert {name for name in MODULES if MODULES[name].parent == PACKAGE} == {
        "streamer",
        *(f"streamer.{name}" for name in ROOT),
    }


@pytest.mark.parametrize("rooms", [ROOMS, STREAM, CONSOLE])
def test_a_room_knows_only_what_stands_above_it_in_the_list(rooms: dict[str, str]) -> None:
    """So the rooms have floors: whoever reads them in this order never meets what he does not know."""
    above: set[str] = set()
    for room, known in rooms.items():
        assert set(known.split()) <= above, room
        above.add(room)


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_what_it_may_know_and_no_more(room: str) -> None:
    """What ``python -m`` runs stands above all of them."""
    may_know = {"", room, *ROOMS[room].split()}
    for name in (each for each in of(room) if not each.endswith("__main__")):
        known = {each for each in imports(name) if each.split(".")[0] == "streamer"}
        assert {room_of(each) for each in known if each != "streamer"} <= may_know, name


@pytest.mark.parametrize(
    ("floor", "room"),
    [("stream", each) for each in STREAM] + [("console", each) for each in CONSOLE],
)
def test_a_room_within_a_room_imports_what_it_may_know_and_no_more(floor: str, room: str) -> None:
    may_know = {room, *{"stream": STREAM, "console": CONSOLE}[floor][room].split()}
    rooms = {each for each in STREAM if floor == "stream"} or {*CONSOLE}
    for name in of(f"{floor}.{room}"):
        known = {
            each.split(".")[2] for each in imports(name) if each.startswith(f"streamer.{floor}.")
        }
        assert known & rooms <= may_know, name


def test_no_two_modules_have_one_name() -> None:
    """A name tells one room; `__init__` and `__main__` are what Python calls a package's own."""
    names = [path.stem for path in MODULES.values() if not path.stem.startswith("__")]
    assert sorted(names) == sorted(set(names))


def reading_orders() -> dict[str, str]:
    """Return what follows the words "Reading order" in the docstring of each package that has them."""
    found = {}
    for name, path in MODULES.items():
        if path.stem == "__init__":
            docstring = ast.get_docstring(tree_of(name)) or ""
            _, _, rest = docstring.partition("Reading order:")
            if rest:
                found[name] = rest.partition("\n\n")[0]
    return found


@pytest.mark.parametrize("package", reading_orders())
def test_a_reading_order_names_modules_that_are_there(package: str) -> None:
    named = re.findall(r"`([a-z_0-9.]+)`", reading_orders()[package])
    assert named
    there = {name if name.startswith("streamer.") else f"{package}.{name}" for name in named}
    assert there <= MODULES.keys(), f"{package} names what is not there"


def own_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Return how long a function is, its docstring and the functions within it apart."""
    apart: list[ast.stmt] = [] if ast.get_docstring(node) is None else node.body[:1]
    apart = apart + [
        each for each in node.body if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    return lines_of(node) - sum(map(lines_of, apart))


def lines_of(node: ast.stmt) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def test_nine_modules_of_ten_are_short_and_functions_fit_on_a_screen() -> None:
    lines = sorted(len(path.read_text(encoding="utf-8").splitlines()) for path in MODULES.values())
    assert lines[len(lines) * 9 // 10] <= 250
    for name in MODULES:
        for node in ast.walk(tree_of(name)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                n_lines = own_lines(node)
                assert n_lines <= MAX_FUNCTION_LINES, f"{name}.{node.name} has {n_lines} lines"


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
    where = {name.rsplit(".", 1)[-1]: name for name in of("stream")}
    for n_below, part in enumerate(order):
        above = {where[other] for other in order[n_below + 1 :]}
        assert not imports(where[part]) & above, part


def test_the_model_imports_numpy_its_own_package_compiled_and_what_is_everybodys_only() -> None:
    for name in of("model"):
        is_codec = name == "streamer.model.codec"
        assert outside(name) <= {"numpy"} | ({"safetensors", "orjson"} if is_codec else set()), name
        ours = {module for module in imports(name) if module.startswith("streamer")}
        assert all(
            within(module, "model", "errors", "arrays", "durations", "compiled") for module in ours
        ), f"{name}: {ours}"


def reads_environment(name: str) -> bool:
    """Whether a module mentions ``environ``, ``getenv`` or the like, however imported."""
    for node in ast.walk(tree_of(name)):
        names = {
            ast.Attribute: lambda n: {n.attr},
            ast.Name: lambda n: {n.id},
            ast.ImportFrom: lambda n: {alias.name for alias in n.names},
        }.get(type(node), lambda n: set())(node)
        if names & {"environ", "environb", "getenv", "getenvb"}:
            return True
    return False


def test_only_the_settings_read_the_environment() -> None:
    apart = {PASSES_THE_ENVIRONMENT_ON, *WRITE_THE_ENVIRONMENT, *of("settings")}
    assert [name for name in MODULES if name not in apart and reads_environment(name)] == []


@pytest.mark.parametrize("name", WRITE_THE_ENVIRONMENT)
def test_a_module_that_writes_to_the_environment_reads_nothing_from_it(name: str) -> None:
    """Its one mention of it is ``os.environ.update(...)``, whose value nobody takes."""
    tree = tree_of(name)
    mentions = [n for n in ast.walk(tree) if isinstance(n, ast.Attribute) and n.attr == "environ"]
    written = [
        ast.unparse(node.value.func)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)
        if mentions[0] in ast.walk(node)
    ]
    assert len(mentions) == 1
    assert written == ["os.environ.update"]


@pytest.mark.parametrize(
    ("packages", "rooms"),
    [
        ({"numba", "llvmlite"}, ["compiled"]),
        ({"prometheus_client"}, ["telemetry", "serving", "skew", "console.service"]),
        ({"starlette", "uvicorn"}, ["serving", "console", "web"]),
        ({"grpc"}, ["serving", "fitting.on_ray"]),
        ({"grpc_health", "grpc_reflection"}, ["serving"]),
        ({"jinja2"}, ["console"]),
        ({"joserfc"}, ["console.people"]),
        ({"redis"}, ["store"]),
        (KAFKA_CLIENTS, ["audit", "stream", "embedded", "demo", "dev", "serving", "skew"]),
        (
            {"sklearn", "matplotlib", "lightgbm"},
            ["evaluation", "fitting", "backtesting", "challenging"],
        ),
        ({"mlflow", "pandas"}, ["registry", "drifting"]),
        ({"ray"}, ["fitting.on_ray", "serving.on_ray_serve"]),
        ({"evidently"}, ["drifting"]),
    ],
    ids=[
        "numba",
        "Prometheus",
        "ASGI",
        "gRPC",
        "health and reflection",
        "Jinja",
        "JOSE",
        "Redis",
        "Kafka",
        "the extra",
        "MLflow",
        "Ray",
        "Evidently",
    ],
)
def test_a_package_is_imported_by_its_rooms_alone(packages: set[str], rooms: list[str]) -> None:
    found = {name for name in MODULES if outside(name) & packages}
    assert found
    assert found - set(of(*rooms)) == set()


def test_the_core_imports_no_edge() -> None:
    edges = ("settings", "store", "stream", "telemetry", "cli", "demo", "embedded", "wiring")
    for name in of("contract", "intake", "features", "pipeline", "explaining", "verdicts"):
        beyond = outside(name) & (SCREEN_AND_WEB | KAFKA_CLIENTS | {"redis", "structlog"})
        reached = {module for module in imports(name) if within(module, *edges)}
        assert not beyond | reached, name


def test_nothing_that_scores_asks_who_may_do_what() -> None:
    """A payment is scored whatever a policy server says, or does not say."""
    scoring = ("stream", "pipeline", "serving", "serve", "model", "features", "store", "starting")
    reached: set[str] = set()
    waiting = of(*scoring)
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting += sorted(imports(name) & MODULES.keys())
    deciding = ("access.guard", "access.opa", "access.decision", "console")
    assert not {name for name in reached if within(name, *deciding)}


def test_no_command_but_its_own_imports_the_demo() -> None:
    importing = {n for n in of("cli") if any(within(module, "demo") for module in imports(n))}
    assert importing == {"streamer.cli.demo_command"}


_IMPORT_IN_TURN = """
import importlib, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
    extra = {"sklearn", "matplotlib", "lightgbm", "mlflow", "pandas", "ray"}
    print(name, sorted(extra & set(sys.modules)))
"""


def test_the_extra_is_loaded_only_when_it_is_used() -> None:
    """A worker that was installed without the extra must start, and start fast."""
    names = [
        "streamer.cli",
        "streamer.evaluation",
        "streamer.evaluation.plots",
        "streamer.fitting",
        "streamer.fitting.curve",
        "streamer.fitting.plot",
        "streamer.backtesting.daily_plot",
        "streamer.fitting.on_ray",
        "streamer.registry.mlflow_registry",
        "streamer.registry.frozen_version",
        "streamer.serve",
    ]
    result = subprocess.run(
        [sys.executable, "-c", _IMPORT_IN_TURN, *names],
        capture_output=True,
        text=True,
        timeout=280,
        check=True,
    )
    assert result.stdout.splitlines() == [f"{name} []" for name in names]


def test_a_module_is_named_after_its_content_and_can_be_read_in_one_sitting() -> None:
    for name, path in MODULES.items():
        assert name.rsplit(".", 1)[-1] not in {"utils", "util", "helpers", "common", "misc"}
        n_lines = len(path.read_text(encoding="utf-8").splitlines())
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


def test_only_the_traces_module_of_telemetry_imports_opentelemetry() -> None:
    """`streamer.stream.partitions.worker_spans` names a type of its; that is all."""
    found = {name for name in MODULES if "opentelemetry" in outside(name)}
    assert found - set(of("telemetry.tracing")) == {"streamer.stream.partitions.worker_spans"}
