/** The page's clock and timer. */

/** Milliseconds since 1970 that never jump, not even when the system's clock is set. */
export function now(): number {
  return performance.timeOrigin + performance.now();
}

/** A promise that is kept after some milliseconds. */
export function pause(millis: number): Promise<void> {
  return new Promise((done) => setTimeout(done, millis));
}
