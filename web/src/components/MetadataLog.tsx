/** Every timed-metadata cue as it came, newest first. */

/** A cue as it came. */
export interface LogEntry {
  /** Counts up. */
  readonly number: number;
  /** When, in milliseconds since 1970. */
  readonly at: number;
  readonly text: string;
}

/** The most entries that are kept. */
export const MOST_ENTRIES = 50;

/** The log with one more entry. */
export function withEntry(log: readonly LogEntry[], text: string, at: number): readonly LogEntry[] {
  const number = (log[0]?.number ?? 0) + 1;
  return [{ number, at, text }, ...log].slice(0, MOST_ENTRIES);
}

export function MetadataLog({ log }: { readonly log: readonly LogEntry[] }) {
  return (
    <section className="card metadata" aria-labelledby="metadata-title">
      <h2 id="metadata-title">Metadata</h2>
      {log.length === 0 ? (
        <p className="quiet">What the video carries besides picture and sound appears here.</p>
      ) : (
        // Scrolls, so the keyboard has to reach it.
        // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
        <div className="scroll" role="group" aria-label="Received metadata" tabIndex={0}>
          <ol className="log" reversed>
            {log.map(({ number, at, text }) => (
              <li key={number}>
                <time dateTime={new Date(at).toISOString()}>
                  {new Date(at).toLocaleTimeString()}
                </time>
                <code>{text}</code>
              </li>
            ))}
          </ol>
        </div>
      )}
    </section>
  );
}
