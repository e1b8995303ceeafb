"""The rules of the house, held over the source itself: which room may know which, how large, how honest, how documented."""

import ast
import re
from pathlib import Path

import pytest

import clew
from clew import errors

ROOT = Path(clew.__file__).parent
FILES = {str(p.relative_to(ROOT)): p for p in sorted(ROOT.rglob("*.py"))}
TREES = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in FILES.items()}
# A room may know the rooms of the rows above its own, and itself.
ROWS = [
    {"types", "errors"},
    {"privacy", "tools"},
    {"storage", "models"},
    {"guard"},
    {"desk"},
    {"context", "intake"},
    {"maintenance"},
    {"operators", "recipe", "neural", "forget", "retention"},
    {"edits"},
    {"fold", "recipes", "catalogue"},
    {"generations", "recall"},
    {"strength", "watch"},
    {"decay"},
    {"disposal"},
    {"worker", "custody"},
    {"workbench"},
    {"engine"},
    {"tasks", "arena", "readers", "exporters"},
    {"serve", "compat", "remote", "cli", "__init__", "__main__"},
]
ALSO = {
    ("models", "storage"),  # what a text is made of (storage.terms)
    ("recipe", "operators"),
    ("forget", "retention"),
    ("operators", "recipe"),
    ("recall", "generations"),
    ("readers", "cli"),
    ("cli", "__init__"),
    ("cli", "serve"),
    ("arena", "__init__"),
    ("compat", "__init__"),
    ("serve", "__init__"),
    ("tasks", "__init__"),
    ("arena", "tasks"),
    ("__main__", "cli"),
    ("readers", "__init__"),
}
ROW = {room: row for row, rooms in enumerate(ROWS) for room in rooms}
OPTIONAL = {
    "openai": {"models/openai"},
    "onnxruntime": {"models/onnx", "models/onnx/__init__", "privacy/rampart"},
    "tokenizers": {"privacy/rampart", "models/counting"},
    "cryptography": {"privacy/vault"},
    "clew_minilm": {"models/onnx", "models/onnx/__init__"},
    "matplotlib": {"arena"},
    "chromadb": {"arena/peers"},
    "mem0": {"arena/peers"},
    "langgraph": {"arena/peers", "compat/langgraph"},
    "agents": {"compat/openai_agents"},
    "llama_index": {"compat/llama_index"},
    "crewai": {"compat/crewai"},
    "mcp": {"serve/mcp"},
    "mcp_types": {"serve/mcp"},
    "httpx2": {"remote/wire", "serve/proxy"},
    "pyarrow": {"exporters/parquet"},
    **{name: {"readers/office"} for name in ("pypdf", "docx", "pptx", "openpyxl", "lxml")},
    "starlette": {"serve"},
    "uvicorn": {"serve"},
    "pydantic": {"serve", "compat/llama_index"},
    "prometheus_client": {"serve"},
    "jwt": {"serve"},
    "opentelemetry": {"serve"},
    "anyio": {"serve"},
    "torch": {"neural"},
    "fastapi": {"serve"},
    "psycopg": {"storage/postgres"},
    "dbos": {"tasks/runtime_dbos"},
    "playwright": {"tasks/environments/browser"},
    "textworld": {"tasks/environments/text_world"},
}


def room(name: str) -> str:
    return name.split("/")[0].removesuffix(".py")


def imports(tree: ast.AST) -> list[tuple[str, int]]:
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(alias.name, node.lineno) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            found += [(f"{node.module}.{alias.name}", node.lineno) for alias in node.names]
    return found


@pytest.mark.parametrize("name", list(FILES))
def test_a_room_knows_only_the_rooms_above_it(name: str) -> None:
    mine = room(name)
    assert mine in ROW, f"{mine} is in no row of the house"
    for target, line in imports(TREES[name]):
        if target.startswith("clew."):
            its = target.split(".")[1]
            its = its if its in ROW else "__init__"
            allowed = its == mine or ROW[its] < ROW[mine] or (mine, its) in ALSO
            assert allowed, f"{name}:{line} imports {target}: {mine} may not know {its}"
            assert not (mine == "recipes" and its == "recipes"), f"{name}:{line}: a recipe never imports another"


def test_no_ring_of_imports() -> None:
    names = {n.removesuffix("/__init__.py").removesuffix(".py").replace("/", "."): n for n in FILES}
    edges = {}
    for module, name in names.items():
        found = set()
        for target, _ in imports(TREES[name]):
            parts = target.removeprefix("clew.").split(".") if target.startswith("clew.") else []
            for cut in range(len(parts), 0, -1):
                if ".".join(parts[:cut]) in names:
                    found.add(".".join(parts[:cut]))
                    break
        edges[module] = found - {module}
    done: set[str] = set()

    def visit(module: str, path: tuple[str, ...]) -> None:
        assert module not in path, f"a ring: {' -> '.join([*path, module])}"
        if module not in done:
            for other in edges[module]:
                visit(other, (*path, module))
            done.add(module)

    for module in edges:
        visit(module, ())


@pytest.mark.parametrize("name", list(FILES))
def test_a_file_is_short_and_so_are_its_functions(name: str) -> None:
    lines = FILES[name].read_text(encoding="utf-8").count("\n")
    assert lines <= (120 if name.startswith("recipes/") else 400), f"{name} has {lines} lines"
    for node in ast.walk(TREES[name]):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            length = (node.end_lineno or 0) - node.lineno + 1
            assert length <= 50, f"{name}:{node.lineno} {node.name} has {length} lines"


@pytest.mark.parametrize("name", list(FILES))
def test_nothing_is_imported_inside_a_function_and_extras_stay_in_their_folder(name: str) -> None:
    for node in ast.walk(TREES[name]):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            inner = [n.lineno for n in ast.walk(node) if isinstance(n, (ast.Import, ast.ImportFrom))]
            assert not inner, f"{name}:{inner[0]} imports inside {node.name}"
    for target, line in imports(TREES[name]):
        homes = OPTIONAL.get(target.split(".")[0])
        assert homes is None or any(name.removesuffix(".py").startswith(home) for home in homes), (
            f"{name}:{line} imports {target} outside {homes}"
        )


@pytest.mark.parametrize("name", list(FILES))
def test_prompts_lie_in_markdown_and_public_names_are_documented(name: str) -> None:
    tree = TREES[name]
    documented = {
        id(n.body[0].value)
        for n in ast.walk(tree)
        if isinstance(n, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)) and n.body and isinstance(n.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and id(node) not in documented
            and name not in ("storage/schema.py", "storage/terms.py")
        ):
            prose = (
                len(node.value) > 400 and room(name) not in ("cli", "arena", "serve") and re.search(r"[.?:!] +[A-Z]", node.value)
            )  # a word list is none
            assert not prose, f"{name}:{node.lineno} holds a text of {len(node.value)} characters; prompts lie in the .md beside a recipe"
    for node in public(tree):
        assert ast.get_docstring(node), f"{name}:{node.lineno} {node.name} has no docstring"


def public(tree: ast.Module) -> list[ast.FunctionDef | ast.ClassDef]:
    found: list[ast.FunctionDef | ast.ClassDef] = []
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.name.startswith("_"):
            found.append(node)
            if isinstance(node, ast.ClassDef):
                found += [n for n in node.body if isinstance(n, ast.FunctionDef) and not n.name.startswith("_")]
    return found


def test_every_error_is_raised_somewhere_and_told_apart_somewhere() -> None:
    source = {n: p.read_text(encoding="utf-8") for n, p in FILES.items()}
    tests = "\n".join(p.read_text(encoding="utf-8") for p in Path(__file__).parent.rglob("*.py"))
    everything = "\n".join(source.values())
    for name, found in vars(errors).items():
        if isinstance(found, type) and issubclass(found, errors.ClewError) and found is not errors.ClewError:
            assert re.search(rf"(raise|return) {name}\(", everything), f"{name} is never raised"
            assert re.search(rf"(except|raises|suppress)[^\n]*\b{name}\b", everything + tests), f"{name} is never told apart"


@pytest.mark.parametrize("name", [n for n in FILES if room(n) in ("operators", "recipes")])
def test_operators_get_time_chance_ids_and_models_from_the_context(name: str) -> None:
    for target, line in imports(TREES[name]):
        assert target.split(".")[0] not in {"random", "uuid", "secrets", "time", "socket", "requests", "httpx", "urllib", "openai"}, (
            f"{name}:{line} imports {target}"
        )
    for node in ast.walk(TREES[name]):
        if isinstance(node, ast.Attribute) and node.attr in ("now", "utcnow", "today"):
            assert isinstance(node.value, ast.Name) and node.value.id not in ("datetime", "date"), f"{name}:{node.lineno} reads the clock"


def test_the_index_that_knows_every_users_words_is_never_asked_to_rank() -> None:
    for name, path in FILES.items():
        text = path.read_text(encoding="utf-8")
        assert "fts5vocab" not in text, name
        assert not re.search(r"(ORDER BY|SELECT)[^\n]*\bbm25\(", text), name


def test_one_place_in_the_core_catches_everything() -> None:
    core = {n: p.read_text(encoding="utf-8") for n, p in FILES.items() if room(n) not in ("arena", "serve", "compat", "cli", "tasks")}
    assert {n: t.count("except Exception") for n, t in core.items() if "except Exception" in t.replace("`except Exception`", "")} == {
        "fold.py": 2
    }  # once in its docstring
