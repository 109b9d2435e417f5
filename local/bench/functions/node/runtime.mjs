// The loop that Lambda's Node runtime runs around a handler: node runtime.mjs MODULE.
//
// AWS's own client, the package aws-lambda-ric, is built from C++ when it is installed and wants a
// newer Node than this project does. So its loop is written out here, over one kept connection.

import http from "node:http";
import path from "node:path";
import { pathToFileURL } from "node:url";

const [host, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(":");
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });

function call(method, route, body, headers = {}) {
  return new Promise((resolve, reject) => {
    const request = http.request(
      { host, port, agent, method, path: `/2018-06-01/runtime/${route}`, headers },
      (response) => {
        const chunks = [];
        response.on("data", (chunk) => chunks.push(chunk));
        response.on("end", () =>
          resolve({ headers: response.headers, body: Buffer.concat(chunks).toString() }),
        );
        response.on("error", reject);
      },
    );
    request.on("error", reject);
    request.end(body);
  });
}

function callWithBody(route, body, headers = {}) {
  return call("POST", route, body, {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(body),
    ...headers,
  });
}

function callWithError(route, error) {
  const body = { errorType: error.name, errorMessage: error.message, stackTrace: [] };
  const type = { "lambda-runtime-function-error-type": error.name };
  return callWithBody(route, JSON.stringify(body), type);
}

async function load(module) {
  try {
    return await import(pathToFileURL(path.resolve(module)).href);
  } catch (error) {
    console.error(error);
    await callWithError("init/error", error);
    process.exit(1);
  }
}

const { handler } = await load(process.argv[2]);

for (;;) {
  const next = await call("GET", "invocation/next");
  const awsRequestId = next.headers["lambda-runtime-aws-request-id"];
  const deadline = Number(next.headers["lambda-runtime-deadline-ms"]);
  const context = { awsRequestId, getRemainingTimeInMillis: () => deadline - Date.now() };
  let answer;
  try {
    answer = JSON.stringify(await handler(JSON.parse(next.body), context));
  } catch (error) {
    console.error(error);
    await callWithError(`invocation/${awsRequestId}/error`, error);
    continue;
  }
  await callWithBody(`invocation/${awsRequestId}/response`, answer);
}
