/** Waiting for a condition, generously: this is no measurement. */

const PATIENCE_MS = 60_000;

/** Asks again until the answer is yes. */
export async function until(what: string, condition: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + PATIENCE_MS;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`It did not happen in a minute: ${what}`);
    await new Promise((done) => setTimeout(done, 250));
  }
}
