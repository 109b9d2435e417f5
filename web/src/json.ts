/** Readers for JSON from outside: each gives a value of its type, or undefined. */

export type Json = Readonly<Record<string, unknown>>;

/** A JSON object; arrays are none. */
export function record(value: unknown): Json | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Json)
    : undefined;
}

/** A text that is not blank. */
export function text(value: unknown): string | undefined {
  return typeof value === 'string' && value.trim() !== '' ? value : undefined;
}

/** A whole number from `least` to `most`. */
export function whole(
  value: unknown,
  least = 0,
  most = Number.MAX_SAFE_INTEGER,
): number | undefined {
  return Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most
    ? (value as number)
    : undefined;
}

/** A list of `least` to `most` items, each of which `item` can read. */
export function list<T>(
  value: unknown,
  item: (value: unknown) => T | undefined,
  least: number,
  most: number,
): readonly T[] | undefined {
  if (!Array.isArray(value) || value.length < least || value.length > most) return undefined;
  const items: T[] = [];
  for (const each of value as unknown[]) {
    const read = item(each);
    if (read === undefined) return undefined;
    items.push(read);
  }
  return items;
}

/** The value that a text describes; undefined when it is not JSON. */
export function parse(source: string): unknown {
  try {
    return JSON.parse(source) as unknown;
  } catch {
    return undefined;
  }
}
