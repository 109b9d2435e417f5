/**
 * When a request is sent, and when again: a whole audience hears a cue at once, and must not ask at
 * once. Only for requests that are answered the same when they come again.
 */

import { type Failure, type Result, mayPass } from './failures';

/** What it takes to wait. */
export interface Waiting {
  /** Milliseconds since 1970. */
  readonly clock: () => number;
  /** Kept after some milliseconds. */
  readonly pause: (millis: number) => Promise<void>;
  /** From 0 up to 1, in each browser another number. */
  readonly random: () => number;
}

/** How often it is tried, and how long the pauses are, in milliseconds. */
export interface Patience {
  /** The first pause, about; each further one is about twice as long as the one before. */
  readonly firstMs: number;
  /** No pause is about longer than this. */
  readonly mostMs: number;
  /** So many tries are made in any case, as long as the failure may pass. */
  readonly tries: number;
}

/**
 * For an answer. There is little time, and more tries are made as long as its question takes answers.
 * After that three at most: the first may have arrived in time, and the service knows.
 */
export const FOR_AN_ANSWER: Patience = { firstMs: 400, mostMs: 5_000, tries: 3 };

/** For what the viewer has asked for and waits for: about seven seconds. */
export const FOR_A_CLICK: Patience = { firstMs: 1_000, mostMs: 4_000, tries: 4 };

/** For what all pages ask by themselves: about 150 seconds after the first request. */
export const FOR_A_READ: Patience = { firstMs: 10_000, mostMs: 80_000, tries: 5 };

/** For what is not known yet, or was not told: asked again as long as it is shown. */
const LATER: Patience = { firstMs: 30_000, mostMs: 300_000, tries: Infinity };

/**
 * Over how long the first requests of an audience are spread at most, in milliseconds. All pages hear a
 * cue within a second or two, and for each viewer's place the service reads all their answers: a million
 * ask for twelve in as long as a table needs to give them.
 */
export const SPREAD_MS = 400_000;

/** And of an audience of unknown size. */
export const SPREAD_UNKNOWN_MS = 20_000;

/**
 * How many ask in a second, as far as the size of the audience is known: half of what the API's stage
 * takes by default.
 */
const ASKING_A_SECOND = 2_500;

/** A service that asks for a longer pause than this, in milliseconds, is not asked again. */
const LONGEST_ASKED_MS = 60_000;

/** Over how long the first requests of an audience are spread, in milliseconds. */
export function spreadMs(audience: number | undefined): number {
  if (audience === undefined) return SPREAD_UNKNOWN_MS;
  return Math.min(SPREAD_MS, (audience / ASKING_A_SECOND) * 1_000);
}

/** Kept after a while, in each browser at another time: the larger the audience, the longer. */
export function spread({ pause, random }: Waiting, audience: number | undefined): Promise<void> {
  return pause(random() * spreadMs(audience));
}

/**
 * How long to wait after so many tries, in milliseconds; undefined: that was the last one. It is from
 * half the usual pause to one and a half of it, since who was refused together must not come back
 * together. `left` is how long further tries make sense, `asked` what the service said of it.
 */
export function pauseMs(
  { firstMs, mostMs, tries }: Patience,
  tried: number,
  random: number,
  { left = 0, asked = 0 } = {},
): number | undefined {
  if (asked > LONGEST_ASKED_MS) return undefined;
  const usual = Math.min(mostMs, firstMs * 2 ** (tried - 1));
  const least = Math.max(usual / 2, asked);
  // Rather a shorter pause than one that is over too late.
  if (least <= left) return least + random * Math.min(usual, left - least);
  return tried < tries ? least + random * usual : undefined;
}

/** How long to wait before what was asked so many times is asked once more, in milliseconds. */
export function laterMs(times: number, random: number): number {
  return pauseMs(LATER, times, random) ?? LATER.mostMs;
}

interface Limits {
  /** Until when, by the clock, more tries than the least make sense. */
  readonly until?: number | undefined;
  /** Whether nobody waits for it any more. */
  readonly isOver?: () => boolean;
}

/** Sends until there is an answer, or patience is at its end. */
export async function persistently<T>(
  send: () => Promise<Result<T>>,
  patience: Patience,
  { clock, pause, random }: Waiting,
  { until = 0, isOver = () => false }: Limits = {},
): Promise<Result<T>> {
  for (let tried = 1; ; tried += 1) {
    const result = await send();
    if (result.ok || !mayPass(result.failure)) return result;
    const limits = { left: until - clock(), asked: askedMs(result.failure) };
    const millis = pauseMs(patience, tried, random(), limits);
    if (millis === undefined) return result;
    await pause(millis);
    if (isOver()) return result;
  }
}

/** How long the service wants to be left alone, in milliseconds. */
export function askedMs(failure: Failure): number {
  return failure.kind === 'problem' ? (failure.retryAfterMs ?? 0) : 0;
}
