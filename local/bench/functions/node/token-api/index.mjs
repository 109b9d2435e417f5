// Signs playback tokens for those who may watch: what the function token-api does, in Node.
//
// It is written as a careful user of Node would: the SDK's clients, the secret and the parsed key
// are made once, when the function starts, and a request does only what it must.

import { createHash, createPrivateKey, createPublicKey, randomUUID } from "node:crypto";

import { DynamoDBClient, GetItemCommand } from "@aws-sdk/client-dynamodb";
import { EventBridgeClient, PutEventsCommand } from "@aws-sdk/client-eventbridge";
import { GetSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import jwt from "jsonwebtoken";

const dynamodb = new DynamoDBClient();
const events = new EventBridgeClient();

const channels = new Map(Object.entries(JSON.parse(process.env.CHANNELS)));

const USER_ID = /^[A-Za-z0-9_.:-]{1,40}$/;
const CHANNEL_ID = /^[A-Za-z0-9_-]{1,64}$/;

// How far an upstream app's clock may be ahead of ours, in milliseconds.
const CLOCK_SKEW = 60_000;

// The private key, as PEM or base64 of PEM.
async function readKey() {
  const answer = await new SecretsManagerClient().send(
    new GetSecretValueCommand({ SecretId: process.env.PLAYBACK_KEY_SECRET_ARN }),
  );
  const secret = answer.SecretString;
  const pem = secret.includes("-----BEGIN ") ? secret : Buffer.from(secret, "base64");
  return createPrivateKey(pem);
}

// What IVS calls the key's public half.
function fingerprintOf(key) {
  const der = createPublicKey(key).export({ format: "der", type: "spki" });
  return createHash("md5").update(der).digest("hex").match(/../g).join(":");
}

const key = await readKey();
const fingerprint = fingerprintOf(key);

// A refusal, as RFC 9457 problem JSON.
class Problem extends Error {
  constructor(status, name, title, detail) {
    super(name);
    this.status = status;
    this.body = { type: `urn:cuepoint:problem:${name}`, title, status, detail };
  }
}

const unauthenticated = () =>
  new Problem(401, "unauthenticated", "Sign in first", "The request has no valid identity token.");

const notEntitled = (detail) =>
  new Problem(403, "not-entitled", "Not entitled to watch this channel", detail);

const malformed = (detail) =>
  new Problem(400, "malformed-request", "The request could not be understood", detail);

const NO_ENTITLEMENT = "You have no entitlement for this channel.";

function respond(statusCode, contentType, body) {
  return {
    statusCode,
    headers: { "content-type": contentType, "cache-control": "no-store" },
    body: JSON.stringify(body),
  };
}

// Who is calling, from the claims that the API's authorizer verified.
function viewerOf(request) {
  const claims = request.requestContext.authorizer?.jwt?.claims ?? {};
  if (claims.token_use !== "id" || !USER_ID.test(claims.sub ?? "")) {
    throw unauthenticated();
  }
  return claims.sub;
}

// Nothing in a body is needed; what is sent has to be a JSON object all the same.
function checkBody(request) {
  if (!request.body?.trim()) {
    return;
  }
  const encoding = request.isBase64Encoded ? "base64" : "utf8";
  let content = null;
  try {
    content = JSON.parse(Buffer.from(request.body, encoding).toString());
  } catch {
    // No JSON at all is no object either.
  }
  if (typeof content !== "object" || content === null || Array.isArray(content)) {
    throw malformed("The body is not a JSON object.");
  }
}

async function readEntitlement(viewer, channelId) {
  const answer = await dynamodb.send(
    new GetItemCommand({
      TableName: process.env.ENTITLEMENTS_TABLE,
      Key: { userId: { S: viewer }, channelId: { S: channelId } },
      ConsistentRead: true,
    }),
  );
  return answer.Item;
}

// When the token runs out, in seconds since 1970.
function decide(entitlement, channel, now) {
  if (!entitlement || !channel) {
    throw notEntitled(NO_ENTITLEMENT);
  }
  if (entitlement.status.S === "revoked") {
    throw notEntitled("Your entitlement for this channel was taken back.");
  }
  const validFrom = entitlement.validFrom?.S;
  if (validFrom && Date.parse(validFrom) - now > CLOCK_SKEW) {
    throw notEntitled(`Your entitlement for this channel begins at ${validFrom}.`);
  }
  const seconds = Math.floor(now / 1000);
  let expires = seconds + (channel.tokenSeconds ?? 300);
  const validUntil = entitlement.validUntil?.S;
  if (validUntil) {
    expires = Math.min(expires, Math.floor(Date.parse(validUntil) / 1000));
    if (expires <= seconds) {
      throw notEntitled(`Your entitlement for this channel ended at ${validUntil}.`);
    }
  }
  return expires;
}

function claimsOf(entitlement, channel, viewer, expires) {
  const claims = {
    "aws:channel-arn": channel.arn,
    "aws:access-control-allow-origin": channel.origins.join(","),
    "aws:viewer-id": viewer,
    "aws:viewer-session-version": Number(entitlement.viewerSessionVersion.N),
    exp: expires,
  };
  if (channel.strictOrigin) {
    claims["aws:strict-origin-enforcement"] = true;
  }
  if (channel.singleUse) {
    claims["aws:single-use-uuid"] = randomUUID();
  }
  if (entitlement.maximumResolution) {
    claims["aws:maximum-resolution"] = entitlement.maximumResolution.S;
  }
  return claims;
}

const iso = (milliseconds) => new Date(milliseconds).toISOString().replace(".000Z", "Z");

async function announce(requestId, now, data) {
  const detail = {
    metadata: {
      eventId: `playback-token/${requestId}`,
      occurredAt: iso(now),
      correlationId: requestId,
      schemaVersion: 1,
    },
    data,
  };
  const answer = await events.send(
    new PutEventsCommand({
      Entries: [
        {
          EventBusName: process.env.EVENT_BUS_NAME,
          Source: "cuepoint.token-issuer",
          DetailType: "playback-token-issued",
          Detail: JSON.stringify(detail),
        },
      ],
    }),
  );
  if (answer.FailedEntryCount) {
    throw new Error("the bus refused the announcement");
  }
}

async function issue(request, requestId) {
  const viewer = viewerOf(request);
  checkBody(request);
  const channelId = request.pathParameters?.channelId ?? "";
  if (!CHANNEL_ID.test(channelId)) {
    throw notEntitled(NO_ENTITLEMENT);
  }
  const entitlement = await readEntitlement(viewer, channelId);
  const channel = channels.get(channelId);
  const now = Date.now();
  const expires = decide(entitlement, channel, now);
  const claims = claimsOf(entitlement, channel, viewer, expires);
  const token = jwt.sign(claims, key, { algorithm: "ES384", noTimestamp: true });
  const expiresAt = iso(expires * 1000);
  await announce(requestId, now, {
    userId: viewer,
    channelId,
    expiresAt,
    viewerSessionVersion: claims["aws:viewer-session-version"],
    keyFingerprint: fingerprint,
  });
  const { playbackUrl, singleUse = false } = channel;
  return { token, playbackUrl, expiresAt, singleUse };
}

export async function handler(request, context) {
  const requestId = context.awsRequestId;
  let answer;
  try {
    answer = respond(200, "application/json", await issue(request, requestId));
  } catch (problem) {
    if (!(problem instanceof Problem)) {
      throw problem;
    }
    answer = respond(problem.status, "application/problem+json", problem.body);
  }
  console.log(JSON.stringify({ requestId, status: answer.statusCode }));
  return answer;
}
