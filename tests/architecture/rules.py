"""The house rules that import-linter cannot see. Each yields what breaks it in one module."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator

from tests.architecture.source import EDGES, Module, name_of

Rule = Callable[[Module], Iterator[str]]

SANDBOX = "shop.payments.sandbox"

HTTP = (
    "flask",
    "flask_limiter",
    "flask_login",
    "flask_smorest",
    "flask_wtf",
    "marshmallow",
    "shop.web",
    "webargs",
    "werkzeug",
)

# Modules below the edges that end a transaction themselves, and why they must.
COMMIT_THEMSELVES = {
    "shop.accounts.access": "when a session was last seen is noted apart from the request's work",
    "shop.catalog.loading": "a large file is taken in batch by batch, each committed with its report",
    "shop.payments.calls": "a call to the provider is booked, sent outside any transaction, noted",
    "shop.payments.chasing": "each order is closed at the provider, outside any transaction, in turn",
    "shop.payments.following": "what the provider is asked is read outside any transaction",
    "shop.payments.balancing": "asks the provider between what it reads here",
    "shop.payments.taking_in": "writes down what the provider told, asked outside any transaction",
    "shop.payments.reconciling": "compares and mends payment by payment, asking the provider between",
    "shop.payments.webhook": "a hint is remembered before it is followed to the provider",
}

# The same modules say what time it is: nobody above them could.
READ_THE_CLOCK = set(COMMIT_THEMSELVES)

CLOCKS = re.compile(
    r"(^|\.)(datetime\.(now|utcnow|today)|date\.today|time\.(time|time_ns|localtime|gmtime))$"
)
SQL_CALLS = {"text", "execute", "exec_driver_sql", "scalar", "scalars", "literal_column", "DDL"}
NO_ROOMS = {"utils", "util", "helpers", "helper", "services", "service", "managers", "manager"}
HOUSE = ("shop", "shop.application")  # puts the edges together
NUMBERED = re.compile(r"\b[ITF]\d{1,2}\b")


def only_edges_know_http(module: Module) -> Iterator[str]:
    """Flask, marshmallow and shop.web stop at the edges."""
    free = ("shop.web", "shop.accounts.access", "shop.core.jobs", "shop.demo", SANDBOX)
    if module.edge or module.name in HOUSE or module.within(*free):
        return
    for package in HTTP:
        if module.imports_any(package):
            yield f"imports {package}"


def web_knows_no_feature(module: Module) -> Iterator[str]:
    """HTTP is spoken the same way everywhere, so it knows nothing of what is spoken about."""
    if not module.within("shop.web"):
        return
    for name in module.imports:
        below = name.startswith(("shop.core", "shop.web", "shop.config")) or name == "shop"
        if name.startswith("shop.") and not below:
            yield f"imports {name}"


def only_the_gateway_knows_stripe(module: Module) -> Iterator[str]:
    """One module speaks Stripe, and the stand-in answers it."""
    if not module.within("shop.payments.stripe_gateway", SANDBOX) and module.imports_any("stripe"):
        yield "imports stripe"


def the_sandbox_knows_nothing_of_the_shop(module: Module) -> Iterator[str]:
    """The stand-in for the provider must not be able to cheat."""
    if not module.within(SANDBOX):
        return
    for name in module.imports:
        if name.split(".")[0] == "shop" and not (name + ".").startswith(SANDBOX + "."):
            yield f"imports {name}"


def nobody_imports_an_edge(module: Module) -> Iterator[str]:
    """Edges are where the outside comes in; only create_app knows them all."""
    if module.name in HOUSE:
        return
    for name in module.imports:
        room = name.split(".")[:3]
        shared = room[-1] in ("schemas", "jobs") and module.edge  # shapes; what the job knows
        own = room == module.name.split(".")[:3]  # a large edge is a package
        if Module(name, "").edge and not (shared or own):
            yield f"imports {name}"


def edges_and_jobs_commit(module: Module) -> Iterator[str]:
    """A verb joins the transaction of its caller; who began it ends it, in plain sight."""
    free = ("shop.web", "shop.demo", "shop.core.jobs", SANDBOX, *COMMIT_THEMSELVES)
    if module.edge or module.within(*free):
        return
    in_jobs = {id(call) for job in _jobs(module) for call in ast.walk(job)}
    for call in module.calls():
        if name_of(call.func).endswith(".commit") and id(call) not in in_jobs:
            yield f"commits in line {call.lineno}"


def the_domain_reads_no_clock(module: Module) -> Iterator[str]:
    """The moment comes in as `at=`; the one clock is the database's, read at the edges."""
    machines = ("shop.web", "shop.demo", "shop.core.embedded_postgres", SANDBOX)
    if module.within(*machines):
        return
    for call in module.calls():
        if CLOCKS.search(name_of(call.func)):
            yield f"reads a clock of its own in line {call.lineno}"
    if module.edge or module.within("shop.core.clock", *READ_THE_CLOCK):
        return
    in_jobs = {id(call) for job in _jobs(module) for call in ast.walk(job)}
    for call in module.calls():
        if name_of(call.func) in ("now", "clock.now") and id(call) not in in_jobs:
            yield f"asks what time it is in line {call.lineno}"


# Where a statement is put together after all, and of what.
OF_FIXED_TEXTS = {"shop.payments.sandbox.store": "conditions written a few lines above"}


def sql_is_never_put_together(module: Module) -> Iterator[str]:
    """Values travel as parameters; nothing but CONSTANTS is formatted into a statement."""
    if module.name in OF_FIXED_TEXTS:
        return
    for call in module.calls():
        verb = name_of(call.func).rpartition(".")[2]
        if verb in SQL_CALLS and call.args and _put_together(call.args[0]):
            yield f"formats SQL in line {call.lineno}"


def markup_is_never_trusted(module: Module) -> Iterator[str]:
    """Templates escape; nobody vouches for a string."""
    for call in module.calls():
        if name_of(call.func).rpartition(".")[2] in ("Markup", "render_template_string"):
            yield f"trusts markup in line {call.lineno}"


def rooms_are_named_for_acts_or_things(module: Module) -> Iterator[str]:
    """A module called "utils" says nothing about what is in it."""
    for part in module.name.split(".")[1:]:
        if part in NO_ROOMS:
            yield f"is called {part}"


def edges_are_where_they_belong(module: Module) -> Iterator[str]:
    """A reserved room name means the same everywhere: one module in a feature's own package."""
    parts = module.name.split(".")
    nested = len(parts) > 3 and parts[-1] in EDGES and not module.within(SANDBOX)
    if nested:
        yield "hides an edge inside a package"


def every_module_says_why_it_exists(module: Module) -> Iterator[str]:
    """One or two lines at the top."""
    if module.text.strip() and not ast.get_docstring(module.tree):
        yield "has no docstring"


def numbers_of_rules_stay_in_the_docs(module: Module) -> Iterator[str]:
    """A rule's name says what it means; its number in a list means nothing here."""
    for found in NUMBERED.findall(module.text):
        yield f"says {found}"


def there_is_one_gate(module: Module) -> Iterator[str]:
    """One module decides, one asks it; every road goes through the two."""
    if module.within("shop.prescriptions.gate"):
        return
    for node in ast.walk(module.tree):
        if isinstance(node, ast.FunctionDef) and node.name == "decide":
            yield f"decides for itself in line {node.lineno}"
    if module.within("shop.prescriptions.asking"):
        return
    if "shop.prescriptions.gate.decide" in module.imports:
        yield "imports the gate's decision"
    for call in module.calls():
        if name_of(call.func).endswith("gate.decide"):
            yield f"asks the gate past `asking` in line {call.lineno}"


RULES: tuple[Rule, ...] = (
    only_edges_know_http,
    web_knows_no_feature,
    only_the_gateway_knows_stripe,
    the_sandbox_knows_nothing_of_the_shop,
    nobody_imports_an_edge,
    edges_and_jobs_commit,
    the_domain_reads_no_clock,
    sql_is_never_put_together,
    markup_is_never_trusted,
    rooms_are_named_for_acts_or_things,
    edges_are_where_they_belong,
    every_module_says_why_it_exists,
    numbers_of_rules_stay_in_the_docs,
    there_is_one_gate,
)


def _jobs(module: Module) -> Iterator[ast.FunctionDef]:
    """Functions that the job runner calls: `@job("name")`, `@jobs.job("name")`."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.FunctionDef):
            decorators = (d.func for d in node.decorator_list if isinstance(d, ast.Call))
            if any(name_of(d).rpartition(".")[2] in ("job", "every") for d in decorators):
                yield node


def _put_together(node: ast.expr) -> bool:
    """A string made of parts that are not all written here."""
    if isinstance(node, ast.JoinedStr):
        inserted = [part.value for part in node.values if isinstance(part, ast.FormattedValue)]
        return not all(isinstance(part, ast.Name) and part.id.isupper() for part in inserted)
    if isinstance(node, ast.BinOp):
        sides = (node.left, node.right)
        texts = [side for side in sides if isinstance(side, ast.Constant | ast.JoinedStr)]
        literal = any(not isinstance(t, ast.Constant) or isinstance(t.value, str) for t in texts)
        return bool(texts) and literal
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return node.func.attr == "format" and isinstance(node.func.value, ast.Constant)
    return False
