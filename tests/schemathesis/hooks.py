"""What Schemathesis cannot know of the service: how one signs in, which ids there are, and what a schema cannot say."""

import os
import uuid

import requests
import schemathesis
from hypothesis import strategies as st

URL = os.environ["LIANXIN_TEST_URL"]
CREDENTIALS = {"username": os.environ["LIANXIN_TEST_USER"], "password": os.environ["LIANXIN_TEST_PASSWORD"]}
AUTH = "/api/v1/auth"
# as many as fuzzing will not end
SESSIONS = 20

# Refusals of what fits its schema: a schema knows no cursor, token, version or key that was given out, and not what
# the caller may see.
BEYOND_SCHEMA = {
    "field-not-allowed",
    "idempotency-key-reused",
    "invalid-cursor",
    "invalid-grant",
    "precondition-required",
    "version-mismatch",
}
# Where programs get their tokens, and how they are refused them: a schema knows neither secrets nor granted scopes.
TOKEN_ENDPOINT = "/api/v1/oauth/token"
TOKEN_REFUSALS = {"invalid_client", "invalid_request", "invalid_scope", "unsupported_grant_type"}
# Faults of members that their schema has to name. All others are beyond it: check characters, rules across members,
# rows that must exist, times before or after now.
WITHIN_SCHEMA = {
    "control-character",
    "format",
    "not-allowed",
    "too-large",
    "too-long",
    "too-many",
    "too-short",
    "too-small",
    "unknown-member",
    "wrong-type",
}
# The answers to an order's questions are held to the catalog, which is data.
BY_CATALOG = "/answers/"


class Session:
    """Tokens of one user. Fuzzing locks his password and ends some of his sessions: so he signs in many times at first,
    and goes on with the next session when one is gone."""

    def __init__(self):
        self.sessions = None

    def access_token(self):
        if self.sessions is None:
            self.sessions = [self._ask("login", CREDENTIALS) for _ in range(SESSIONS)]
        while self.sessions:
            tokens = self._ask("refresh", {"refresh_token": self.sessions[0]["refresh_token"]})
            if tokens:
                self.sessions[0] = tokens
                return tokens["access_token"]
            del self.sessions[0]
        raise RuntimeError(f"{CREDENTIALS['username']} cannot sign in")

    def _ask(self, operation, body):
        # from an address of its own: fuzzing fails to sign in until its address is locked
        headers = {"X-Forwarded-For": "192.0.2.1"}
        answer = requests.post(f"{URL}{AUTH}/{operation}", json=body, headers=headers, timeout=30)
        return answer.json() if answer.status_code == 200 else None


SESSION = Session()


# access tokens end after ten minutes
@schemathesis.auth(refresh_interval=300).skip_for(path_regex=f"^{AUTH}/")
class Bearer:
    def get(self, case, context):
        return SESSION.access_token()

    def set(self, case, data, context):
        case.headers["Authorization"] = f"Bearer {data}"


@schemathesis.hook
def after_load_schema(context, schema):
    """Half of all ids are those of rows that the user sees, the others are new ones."""
    new = st.integers(0, 2**128 - 1).map(version_7)
    known = sorted(ids_in_sight(schema.raw_schema["paths"]))
    schemathesis.openapi.format("uuid", st.sampled_from(known) | new if known else new)


def ids_in_sight(paths):
    headers = {"Authorization": f"Bearer {SESSION.access_token()}"}
    for path, item in paths.items():
        if "get" in item and "{" not in path:
            answer = requests.get(f"{URL}{path}?limit=200", headers=headers, timeout=30)
            items = answer.json().get("items", []) if answer.status_code == 200 else []
            yield from (item["id"] for item in items if len(item.get("id", "")) == 36)


def version_7(number):
    number = number & ~(0xF << 76) & ~(0x3 << 62) | 0x7 << 76 | 0x2 << 62
    return str(uuid.UUID(int=number))


@schemathesis.hook
def map_query(context, query):
    """A cursor that was made up is refused whatever stands beside it, so most of them only hide the rest."""
    cursor = (query or {}).get("cursor")
    if isinstance(cursor, str) and "." in cursor and len(cursor) % 8:
        return {name: value for name, value in query.items() if name != "cursor"}
    return query


@schemathesis.hook
def before_call(context, case, kwargs):
    """In its coverage phase Schemathesis leaves an empty optional header in requests that it counts as valid."""
    is_valid = case.meta is not None and case.meta.generation.mode.is_positive
    if is_valid and case.headers.get("If-Match") == "":
        del case.headers["If-Match"]


@schemathesis.hook
def filter_failure(context, failure, case, response):
    """Whether a failure is one."""
    match type(failure).__name__:
        case "RejectedPositiveData":
            return not is_beyond_schema(response.json(), case)
        case "JsonSchemaError":
            return not is_narrowed(failure, case)
    return True


def is_beyond_schema(problem, case):
    # the one answer that is not a problem document: tokens are refused as RFC 6749 §5.2 says
    if case.operation.path == TOKEN_ENDPOINT:
        return problem.get("error") in TOKEN_REFUSALS
    if problem["code"] in BEYOND_SCHEMA:
        return True
    errors = problem.get("errors", [])
    in_body = problem["code"] == "validation-failed" and errors
    return in_body and all(
        error["pointer"].startswith(BY_CATALOG)
        or error["code"] not in WITHIN_SCHEMA and not is_unknown_word(error, case.operation)
        for error in errors
    )


def is_unknown_word(error, operation):
    """A word that is not in a list is told like a row that does not exist, but the schema has the list."""
    document = operation.schema.raw_schema
    body = document["paths"][operation.path][operation.method.lower()]["requestBody"]
    schemas = [media["schema"] for media in body["content"].values()]
    for name in error["pointer"].split("/")[1:]:
        branches = [branch for schema in schemas for branch in branches_of(schema, document)]
        named = [branch.get("properties", {}).get(name) for branch in branches]
        others = [branch.get(word) for branch in branches for word in ("items", "additionalProperties")]
        schemas = [schema for schema in named + others if isinstance(schema, dict)]
    branches = [branch for schema in schemas for branch in branches_of(schema, document)]
    return error["code"] == "not-found" and any("enum" in branch for branch in branches)


def branches_of(schema, document):
    """A schema, references followed, and whatever it may or must be besides."""
    while "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    yield schema
    for word in ("oneOf", "anyOf", "allOf"):
        for branch in schema.get(word, []):
            yield from branches_of(branch, document)


def is_narrowed(failure, case):
    """Whether the caller asked for some members only, and an item lacks others."""
    of_item = list(failure.instance_path[:1]) == ["items"] and len(failure.instance_path) == 2
    return of_item and list(failure.schema_path)[-1] == "required" and "fields" in (case.query or {})
