"""Takes viewers' answers: what the function answer-api does with them, in Python.

It is written as a careful user of Python would: boto3's client is made once, when the function
starts, a window is kept for a while, and a request does only what it must.
"""

import base64
import json
import logging
import os
import random
import re
import time
import unicodedata
from datetime import datetime, timedelta, timezone

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

logger = logging.getLogger()
logger.setLevel(logging.INFO)

# Two tries end before answers are counted, two seconds after the window has closed.
dynamodb = boto3.client(
    "dynamodb",
    config=Config(
        connect_timeout=1, read_timeout=1, retries={"mode": "standard", "total_max_attempts": 2}
    ),
)

ANSWERS_TABLE = os.environ["ANSWERS_TABLE"]
WINDOWS_TABLE = os.environ["WINDOWS_TABLE"]

ROUTE = "POST /quizzes/{quizId}/runs/{runId}/questions/{questionId}/answers"

USER_ID = re.compile(r"[A-Za-z0-9_.:-]{1,40}")
IDS = {
    "quizId": re.compile(r"[A-Za-z0-9_-]{1,40}"),
    "runId": re.compile(r"[A-Za-z0-9_-]{1,40}"),
    "questionId": re.compile(r"[A-Za-z0-9_-]{1,16}"),
}

# How long a window is used before it is read again, in seconds: in each function another time. And how
# many are kept.
KEPT_FOR = 5.0 + 5.0 * random.random()
CAPACITY = 256

# How far the clocks of two functions may be apart.
CLOCK_TOLERANCE = timedelta(seconds=1)

MAX_BODY_BYTES = 64 * 1024
MAX_NAME = 24

kept_windows = {}


class Problem(Exception):
    """A refusal, as RFC 9457 problem JSON."""

    def __init__(self, status, name, title, detail, **extra):
        super().__init__(name)
        self.status = status
        self.body = {
            "type": f"urn:cuepoint:problem:{name}",
            "title": title,
            "status": status,
            "detail": detail,
            **extra,
        }


def unauthenticated():
    return Problem(
        401, "unauthenticated", "Sign in first", "The request has no valid identity token."
    )


def malformed(detail):
    return Problem(
        400, "malformed-request", "The request could not be understood", detail
    )


def not_found(detail):
    return Problem(404, "not-found", "Not found", detail)


def closed(window):
    return Problem(
        410, "window-closed", "Too late", "Its time is over.", closesAt=window["closesAt"]["S"]
    )


def respond(status, content_type, body):
    return {
        "statusCode": status,
        "headers": {"content-type": content_type, "cache-control": "no-store"},
        "body": json.dumps(body, separators=(",", ":"), ensure_ascii=False),
    }


def caller_of(request):
    """Who is calling, from the claims that the API's authorizer verified."""
    authorizer = request["requestContext"].get("authorizer") or {}
    claims = (authorizer.get("jwt") or {}).get("claims") or {}
    viewer = claims.get("sub") or ""
    if claims.get("token_use") != "id" or not USER_ID.fullmatch(viewer):
        raise unauthenticated()
    return viewer, claims.get("name")


def ids_of(request):
    parameters = request.get("pathParameters") or {}
    for name, allowed in IDS.items():
        if not allowed.fullmatch(parameters.get(name) or ""):
            raise not_found(f"There is no such {name}.")
    return [parameters[name] for name in IDS]


def choice_of(request):
    body = request.get("body") or ""
    if request.get("isBase64Encoded"):
        body = base64.b64decode(body)
    if len(body) > MAX_BODY_BYTES:
        raise Problem(413, "too-large", "The request is too large", "The body is too large.")
    try:
        content = json.loads(body)
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise malformed("The body is not a JSON object.")
    choice = content.get("choice")
    if list(content) != ["choice"] or type(choice) is not int or choice < 0:
        raise malformed("The body has one member, the number choice.")
    return choice


def window_of(quiz_id, run_id, question_id):
    """The question's window as it was a while ago."""
    key = (quiz_id, run_id, question_id)
    now = time.monotonic()
    kept = kept_windows.get(key)
    if kept and now - kept[0] < KEPT_FOR:
        return kept[1]
    # Read inconsistently it may not be there yet.
    for consistent in (False, True):
        answer = dynamodb.get_item(
            TableName=WINDOWS_TABLE,
            Key={"run": {"S": f"{quiz_id}#{run_id}"}, "questionId": {"S": question_id}},
            ConsistentRead=consistent,
        )
        window = answer.get("Item")
        if window is not None:
            break
    else:
        raise not_found("There is no such question, or it has not been asked yet.")
    for name in ("openedAt", "closesAt", "tallyAt"):
        window[name]["at"] = datetime.fromisoformat(window[name]["S"])
    if len(kept_windows) >= CAPACITY:
        kept_windows.clear()
    kept_windows[key] = (now, window)
    return window


def stable_hash(viewer):
    """FNV-1a with 64 bits."""
    hash = 0xCBF29CE484222325
    for byte in viewer.encode():
        hash = ((hash ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return hash


def display_name(own, viewer):
    """The viewer's own name on one line, without what cannot be seen."""
    seen = "".join(
        " " if c.isspace() else c
        for c in unicodedata.normalize("NFC", own or "")
        if c.isspace() or unicodedata.category(c) not in ("Cc", "Cf", "Co", "Cs", "Cn")
    )
    name = " ".join(seen.split())[:MAX_NAME].strip()
    return name or f"Viewer {stable_hash(viewer) & 0xFFFF:04X}"


def iso(at):
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def put_first(item):
    """Writes an item where there is none; else what is there."""
    try:
        dynamodb.put_item(
            TableName=ANSWERS_TABLE,
            Item=item,
            ConditionExpression="attribute_not_exists(viewerId)",
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
        return None
    except ClientError as error:
        if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
            raise
        return error.response["Item"]


def receipt(choice, received_at, window):
    left = window["closesAt"]["at"] - datetime.now(timezone.utc)
    return {
        "choice": choice,
        "receivedAt": received_at,
        "closesAt": window["closesAt"]["S"],
        "remainingMillis": max(0, int(left.total_seconds() * 1000)),
    }


def answer_before(partition, viewer, window, now):
    """What stands in the viewer's place now that the time is over."""
    key = {"partition": {"S": partition}, "viewerId": {"S": viewer}}
    if now < window["tallyAt"]["at"]:
        # An earlier try could still be under way: it is kept out.
        return put_first({**key, "refusedAt": {"S": iso(now)}})
    answer = dynamodb.get_item(TableName=ANSWERS_TABLE, Key=key, ConsistentRead=True)
    return answer.get("Item")


def submit(request):
    viewer, name = caller_of(request)
    if request["routeKey"] != ROUTE:
        raise not_found("There is no such operation.")
    quiz_id, run_id, question_id = ids_of(request)
    choice = choice_of(request)
    window = window_of(quiz_id, run_id, question_id)
    options = int(window["options"]["N"])
    if choice >= options:
        detail = f"The question has {options} options, counted from 0."
        raise Problem(
            422, "unknown-option", "There is no such option", detail, options=options
        )
    shard = stable_hash(viewer) % int(window["shards"]["N"])
    partition = f"{quiz_id}#{run_id}#{question_id}#{shard}"
    now = datetime.now(timezone.utc)
    if window["status"]["S"] == "voided":
        raise Problem(410, "question-voided", "Voided", "The question does not count.")
    if now < window["openedAt"]["at"] - CLOCK_TOLERANCE:
        raise Problem(
            409,
            "window-not-open",
            "Too early",
            "The question is not open yet.",
            opensAt=window["openedAt"]["S"],
        )
    if now < window["closesAt"]["at"]:
        received_at = iso(max(now, window["openedAt"]["at"]))
        before = put_first(
            {
                "partition": {"S": partition},
                "viewerId": {"S": viewer},
                "choice": {"N": str(choice)},
                "receivedAt": {"S": received_at},
                "name": {"S": display_name(name, viewer)},
            }
        )
        if before is None:
            return 201, receipt(choice, received_at, window)
    else:
        before = answer_before(partition, viewer, window, now)
    if before is None or "choice" not in before:
        raise closed(window)
    first = receipt(int(before["choice"]["N"]), before["receivedAt"]["S"], window)
    if first["choice"] != choice:
        raise Problem(
            409, "already-answered", "Already answered", "The first answer counts.", **first
        )
    return 200, first


def handle(request, context):
    try:
        status, body = submit(request)
        answer = respond(status, "application/json", body)
    except Problem as problem:
        answer = respond(problem.status, "application/problem+json", problem.body)
    logger.info(
        json.dumps({"requestId": context.aws_request_id, "status": answer["statusCode"]})
    )
    return answer
