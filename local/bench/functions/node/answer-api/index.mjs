// Takes viewers' answers: what the function answer-api does with them, in Node.
//
// It is written as a careful user of Node would: the SDK's client is made once, when the function
// starts, a window is kept for a while, and a request does only what it must.

import {
  ConditionalCheckFailedException,
  DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
} from "@aws-sdk/client-dynamodb";

// Two tries end before answers are counted, two seconds after the window has closed.
const dynamodb = new DynamoDBClient({
  maxAttempts: 2,
  requestHandler: { connectionTimeout: 1_000, requestTimeout: 1_000 },
});

const { ANSWERS_TABLE, WINDOWS_TABLE } = process.env;

const ROUTE = "POST /quizzes/{quizId}/runs/{runId}/questions/{questionId}/answers";

const USER_ID = /^[A-Za-z0-9_.:-]{1,40}$/;
const IDS = {
  quizId: /^[A-Za-z0-9_-]{1,40}$/,
  runId: /^[A-Za-z0-9_-]{1,40}$/,
  questionId: /^[A-Za-z0-9_-]{1,16}$/,
};

// How long a window is used before it is read again, in milliseconds: in each function another time. And
// how many are kept.
const KEPT_FOR = 5_000 + Math.random() * 5_000;
const CAPACITY = 256;

// How far the clocks of two functions may be apart, in milliseconds.
const CLOCK_TOLERANCE = 1_000;

const MAX_BODY_BYTES = 64 * 1024;
const MAX_NAME = 24;
const UNSEEN = /[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Cn}]/gu;

const keptWindows = new Map();

// A refusal, as RFC 9457 problem JSON.
class Problem extends Error {
  constructor(status, name, title, detail, extra = {}) {
    super(name);
    this.status = status;
    this.body = { type: `urn:cuepoint:problem:${name}`, title, status, detail, ...extra };
  }
}

const unauthenticated = () =>
  new Problem(401, "unauthenticated", "Sign in first", "The request has no valid identity token.");

const malformed = (detail) =>
  new Problem(400, "malformed-request", "The request could not be understood", detail);

const notFound = (detail) => new Problem(404, "not-found", "Not found", detail);

const closed = (window) =>
  new Problem(410, "window-closed", "Too late", "Its time is over.", { closesAt: window.closesAt.S });

function respond(statusCode, contentType, body) {
  return {
    statusCode,
    headers: { "content-type": contentType, "cache-control": "no-store" },
    body: JSON.stringify(body),
  };
}

// Who is calling, from the claims that the API's authorizer verified.
function callerOf(request) {
  const claims = request.requestContext.authorizer?.jwt?.claims ?? {};
  if (claims.token_use !== "id" || !USER_ID.test(claims.sub ?? "")) {
    throw unauthenticated();
  }
  return { viewer: claims.sub, name: claims.name };
}

function idsOf(request) {
  const parameters = request.pathParameters ?? {};
  for (const [name, allowed] of Object.entries(IDS)) {
    if (!allowed.test(parameters[name] ?? "")) {
      throw notFound(`There is no such ${name}.`);
    }
  }
  return parameters;
}

function choiceOf(request) {
  const encoding = request.isBase64Encoded ? "base64" : "utf8";
  const body = Buffer.from(request.body ?? "", encoding);
  if (body.length > MAX_BODY_BYTES) {
    throw new Problem(413, "too-large", "The request is too large", "The body is too large.");
  }
  let content = null;
  try {
    content = JSON.parse(body.toString());
  } catch {
    // No JSON at all is no object either.
  }
  if (typeof content !== "object" || content === null || Array.isArray(content)) {
    throw malformed("The body is not a JSON object.");
  }
  const { choice, ...more } = content;
  if (!Number.isInteger(choice) || choice < 0 || Object.keys(more).length > 0) {
    throw malformed("The body has one member, the number choice.");
  }
  return choice;
}

// The question's window as it was a while ago. Read inconsistently it may not be there yet.
async function windowOf({ quizId, runId, questionId }) {
  const key = `${quizId}#${runId}#${questionId}`;
  const now = Date.now();
  const kept = keptWindows.get(key);
  if (kept && now - kept.readAt < KEPT_FOR) {
    return kept.window;
  }
  const read = async (ConsistentRead) => {
    const Key = { run: { S: `${quizId}#${runId}` }, questionId: { S: questionId } };
    const command = new GetItemCommand({ TableName: WINDOWS_TABLE, Key, ConsistentRead });
    return (await dynamodb.send(command)).Item;
  };
  const window = (await read(false)) ?? (await read(true));
  if (!window) {
    throw notFound("There is no such question, or it has not been asked yet.");
  }
  for (const name of ["openedAt", "closesAt", "tallyAt"]) {
    window[name].at = Date.parse(window[name].S);
  }
  if (keptWindows.size >= CAPACITY) {
    keptWindows.clear();
  }
  keptWindows.set(key, { readAt: now, window });
  return window;
}

// FNV-1a with 64 bits.
function stableHash(viewer) {
  let hash = 0xcbf29ce484222325n;
  for (const byte of Buffer.from(viewer)) {
    hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  }
  return hash;
}

// The viewer's own name on one line, without what cannot be seen.
function displayName(own, viewer) {
  const flat = (own ?? "").normalize("NFC").replace(/\s/gu, " ").replace(UNSEEN, "");
  const words = flat.split(" ").filter((word) => word);
  const name = Array.from(words.join(" ")).slice(0, MAX_NAME).join("").trim();
  const last = (stableHash(viewer) & 0xffffn).toString(16).toUpperCase().padStart(4, "0");
  return name || `Viewer ${last}`;
}

const iso = (milliseconds) => new Date(milliseconds).toISOString();

// Writes an item where there is none; else what is there.
async function putFirst(item) {
  try {
    await dynamodb.send(
      new PutItemCommand({
        TableName: ANSWERS_TABLE,
        Item: item,
        ConditionExpression: "attribute_not_exists(viewerId)",
        ReturnValuesOnConditionCheckFailure: "ALL_OLD",
      }),
    );
    return undefined;
  } catch (error) {
    if (!(error instanceof ConditionalCheckFailedException)) {
      throw error;
    }
    return error.Item;
  }
}

function receipt(choice, receivedAt, window) {
  return {
    choice,
    receivedAt,
    closesAt: window.closesAt.S,
    remainingMillis: Math.max(0, window.closesAt.at - Date.now()),
  };
}

// What stands in the viewer's place now that the time is over.
async function answerBefore(partition, viewer, window, now) {
  const key = { partition: { S: partition }, viewerId: { S: viewer } };
  if (now < window.tallyAt.at) {
    // An earlier try could still be under way: it is kept out.
    return putFirst({ ...key, refusedAt: { S: iso(now) } });
  }
  const answer = await dynamodb.send(
    new GetItemCommand({ TableName: ANSWERS_TABLE, Key: key, ConsistentRead: true }),
  );
  return answer.Item;
}

async function submit(request) {
  const { viewer, name } = callerOf(request);
  if (request.routeKey !== ROUTE) {
    throw notFound("There is no such operation.");
  }
  const ids = idsOf(request);
  const choice = choiceOf(request);
  const window = await windowOf(ids);
  const options = Number(window.options.N);
  if (choice >= options) {
    const detail = `The question has ${options} options, counted from 0.`;
    throw new Problem(422, "unknown-option", "There is no such option", detail, { options });
  }
  const shard = stableHash(viewer) % BigInt(window.shards.N);
  const partition = `${ids.quizId}#${ids.runId}#${ids.questionId}#${shard}`;
  const now = Date.now();
  if (window.status.S === "voided") {
    throw new Problem(410, "question-voided", "Voided", "The question does not count.");
  }
  if (now < window.openedAt.at - CLOCK_TOLERANCE) {
    const opensAt = window.openedAt.S;
    const detail = "The question is not open yet.";
    throw new Problem(409, "window-not-open", "Too early", detail, { opensAt });
  }
  let before;
  if (now < window.closesAt.at) {
    const receivedAt = iso(Math.max(now, window.openedAt.at));
    before = await putFirst({
      partition: { S: partition },
      viewerId: { S: viewer },
      choice: { N: String(choice) },
      receivedAt: { S: receivedAt },
      name: { S: displayName(name, viewer) },
    });
    if (!before) {
      return { status: 201, body: receipt(choice, receivedAt, window) };
    }
  } else {
    before = await answerBefore(partition, viewer, window, now);
  }
  if (!before?.choice) {
    throw closed(window);
  }
  const first = receipt(Number(before.choice.N), before.receivedAt.S, window);
  if (first.choice !== choice) {
    const detail = "The first answer counts.";
    throw new Problem(409, "already-answered", "Already answered", detail, first);
  }
  return { status: 200, body: first };
}

export async function handler(request, context) {
  let answer;
  try {
    const { status, body } = await submit(request);
    answer = respond(status, "application/json", body);
  } catch (problem) {
    if (!(problem instanceof Problem)) {
      throw problem;
    }
    answer = respond(problem.status, "application/problem+json", problem.body);
  }
  console.log(JSON.stringify({ requestId: context.awsRequestId, status: answer.statusCode }));
  return answer;
}
