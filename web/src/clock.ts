/** The page's clock. */

/** Milliseconds since 1970 that never jump, not even when the system's clock is set. */
export function now(): number {
  return performance.timeOrigin + performance.now();
}

/** The longest that `spread` takes, in milliseconds. */
const SPREAD_MS = 3_000;

/** A promise that is kept after up to three seconds, in each browser at another time. */
export function spread(): Promise<void> {
  return pause(Math.random() * SPREAD_MS);
}

/** A promise that is kept after some milliseconds. */
export function pause(millis: number): Promise<void> {
  return new Promise((done) => setTimeout(done, millis));
}
