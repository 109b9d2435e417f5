/** Sending an answer through a bad network: the same choice again is answered like the first. */

import { type Result, mayPass } from './failures';

/** How long to wait before the second and the third try, in milliseconds. */
const PAUSES_MS = [400, 1_200];

/** Sends until there is an answer, at most three times. */
export async function persistently<T>(
  send: () => Promise<Result<T>>,
  pause: (millis: number) => Promise<void>,
): Promise<Result<T>> {
  let result = await send();
  for (const millis of PAUSES_MS) {
    if (result.ok || !mayPass(result.failure)) return result;
    await pause(millis);
    result = await send();
  }
  return result;
}
