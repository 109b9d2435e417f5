"""Signs playback tokens for those who may watch: what the function token-api does, in Python.

It is written as a careful user of Python would: boto3's clients, the secret and the parsed key are
made once, when the function starts, and a request does only what it must.
"""

import base64
import hashlib
import json
import logging
import os
import re
import time
import uuid
from datetime import datetime, timezone

import boto3
import jwt
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)

logger = logging.getLogger()
logger.setLevel(logging.INFO)

dynamodb = boto3.client("dynamodb")
events = boto3.client("events")

CHANNELS = json.loads(os.environ["CHANNELS"])
ENTITLEMENTS_TABLE = os.environ["ENTITLEMENTS_TABLE"]
EVENT_BUS_NAME = os.environ["EVENT_BUS_NAME"]

USER_ID = re.compile(r"[A-Za-z0-9_.:-]{1,40}")
CHANNEL_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")

# How far an upstream app's clock may be ahead of ours, in seconds.
CLOCK_SKEW = 60


def read_key():
    """The private key, as PEM or base64 of PEM."""
    client = boto3.client("secretsmanager")
    answer = client.get_secret_value(SecretId=os.environ["PLAYBACK_KEY_SECRET_ARN"])
    secret = answer["SecretString"].encode()
    pem = secret if b"-----BEGIN " in secret else base64.b64decode(secret)
    return load_pem_private_key(pem, password=None)


def fingerprint_of(key):
    """What IVS calls the key's public half."""
    der = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.md5(der).digest().hex(":")


KEY = read_key()
FINGERPRINT = fingerprint_of(KEY)


class Problem(Exception):
    """A refusal, as RFC 9457 problem JSON."""

    def __init__(self, status, name, title, detail):
        super().__init__(name)
        self.status = status
        self.body = {
            "type": f"urn:cuepoint:problem:{name}",
            "title": title,
            "status": status,
            "detail": detail,
        }


def unauthenticated():
    return Problem(
        401, "unauthenticated", "Sign in first", "The request has no valid identity token."
    )


def not_entitled(detail):
    return Problem(403, "not-entitled", "Not entitled to watch this channel", detail)


def malformed(detail):
    return Problem(
        400, "malformed-request", "The request could not be understood", detail
    )


NO_ENTITLEMENT = "You have no entitlement for this channel."


def respond(status, content_type, body):
    return {
        "statusCode": status,
        "headers": {"content-type": content_type, "cache-control": "no-store"},
        "body": json.dumps(body, separators=(",", ":")),
    }


def viewer_of(request):
    """Who is calling, from the claims that the API's authorizer verified."""
    authorizer = request["requestContext"].get("authorizer") or {}
    claims = (authorizer.get("jwt") or {}).get("claims") or {}
    viewer = claims.get("sub") or ""
    if claims.get("token_use") != "id" or not USER_ID.fullmatch(viewer):
        raise unauthenticated()
    return viewer


def check_body(request):
    """Nothing in a body is needed; what is sent has to be a JSON object all the same."""
    body = request.get("body")
    if not body or not body.strip():
        return
    if request.get("isBase64Encoded"):
        body = base64.b64decode(body)
    try:
        is_object = isinstance(json.loads(body), dict)
    except ValueError:
        is_object = False
    if not is_object:
        raise malformed("The body is not a JSON object.")


def read_entitlement(viewer, channel_id):
    answer = dynamodb.get_item(
        TableName=ENTITLEMENTS_TABLE,
        Key={"userId": {"S": viewer}, "channelId": {"S": channel_id}},
        ConsistentRead=True,
    )
    return answer.get("Item")


def text(item, name):
    return item[name]["S"] if name in item else None


def decide(entitlement, channel, now):
    """When the token runs out, in seconds since 1970."""
    if entitlement is None or channel is None:
        raise not_entitled(NO_ENTITLEMENT)
    if text(entitlement, "status") == "revoked":
        raise not_entitled("Your entitlement for this channel was taken back.")
    valid_from = text(entitlement, "validFrom")
    if valid_from and datetime.fromisoformat(valid_from).timestamp() - now > CLOCK_SKEW:
        raise not_entitled(f"Your entitlement for this channel begins at {valid_from}.")
    expires = int(now) + channel.get("tokenSeconds", 300)
    valid_until = text(entitlement, "validUntil")
    if valid_until:
        expires = min(expires, int(datetime.fromisoformat(valid_until).timestamp()))
        if expires <= int(now):
            raise not_entitled(f"Your entitlement for this channel ended at {valid_until}.")
    return expires


def claims_of(entitlement, channel, viewer, expires):
    claims = {
        "aws:channel-arn": channel["arn"],
        "aws:access-control-allow-origin": ",".join(channel["origins"]),
        "aws:viewer-id": viewer,
        "aws:viewer-session-version": int(entitlement["viewerSessionVersion"]["N"]),
        "exp": expires,
    }
    if channel.get("strictOrigin"):
        claims["aws:strict-origin-enforcement"] = True
    if channel.get("singleUse"):
        claims["aws:single-use-uuid"] = str(uuid.uuid4())
    resolution = text(entitlement, "maximumResolution")
    if resolution:
        claims["aws:maximum-resolution"] = resolution
    return claims


def iso(seconds):
    return datetime.fromtimestamp(seconds, timezone.utc).isoformat().replace("+00:00", "Z")


def announce(request_id, now, data):
    detail = {
        "metadata": {
            "eventId": f"playback-token/{request_id}",
            "occurredAt": iso(now),
            "correlationId": request_id,
            "schemaVersion": 1,
        },
        "data": data,
    }
    answer = events.put_events(
        Entries=[
            {
                "EventBusName": EVENT_BUS_NAME,
                "Source": "cuepoint.token-issuer",
                "DetailType": "playback-token-issued",
                "Detail": json.dumps(detail, separators=(",", ":")),
            }
        ]
    )
    if answer["FailedEntryCount"]:
        raise RuntimeError("the bus refused the announcement")


def issue(request, request_id):
    viewer = viewer_of(request)
    check_body(request)
    channel_id = (request.get("pathParameters") or {}).get("channelId") or ""
    if not CHANNEL_ID.fullmatch(channel_id):
        raise not_entitled(NO_ENTITLEMENT)
    entitlement = read_entitlement(viewer, channel_id)
    channel = CHANNELS.get(channel_id)
    now = time.time()
    expires = decide(entitlement, channel, now)
    claims = claims_of(entitlement, channel, viewer, expires)
    token = jwt.encode(claims, KEY, algorithm="ES384")
    announce(
        request_id,
        now,
        {
            "userId": viewer,
            "channelId": channel_id,
            "expiresAt": iso(expires),
            "viewerSessionVersion": claims["aws:viewer-session-version"],
            "keyFingerprint": FINGERPRINT,
        },
    )
    return {
        "token": token,
        "playbackUrl": channel["playbackUrl"],
        "expiresAt": iso(expires),
        "singleUse": bool(channel.get("singleUse")),
    }


def handle(request, context):
    request_id = context.aws_request_id
    try:
        answer = respond(200, "application/json", issue(request, request_id))
    except Problem as problem:
        answer = respond(problem.status, "application/problem+json", problem.body)
    logger.info(json.dumps({"requestId": request_id, "status": answer["statusCode"]}))
    return answer
