/** One request with a time limit; the only place that calls the browser's `fetch` for services. */

import { type Result, UNREACHABLE, readProblem } from './failures';
import { parse } from './json';

/** Longer than the services take at most (11 s at the HTTP API). */
const TIME_LIMIT_MS = 15_000;

/** Sends a request and reads the JSON of its answer. */
export async function request(url: string, init: RequestInit): Promise<Result<unknown>> {
  let response: Response;
  let body: string;
  try {
    response = await fetch(url, {
      ...init,
      cache: 'no-store',
      credentials: 'omit',
      signal: AbortSignal.timeout(TIME_LIMIT_MS),
    });
    body = await response.text();
  } catch {
    return { ok: false, failure: UNREACHABLE };
  }
  return response.ok
    ? { ok: true, value: parse(body) }
    : {
        ok: false,
        failure: readProblem(response.status, body, response.headers.get('retry-after')),
      };
}

/** An answer with status 200 that is not what the service promises. */
export function unexpected<T>(): Result<T> {
  return { ok: false, failure: readProblem(502, '') };
}
