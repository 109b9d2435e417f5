/** The HTTP API of the services, as far as a viewer uses it. */

import { type Result, SIGNED_OUT } from './failures';
import { request, unexpected } from './http';
import { type Json, list, record, text, whole } from './json';
import type { Leaderboard, Standing } from './leaderboard';
import type { Session } from './session';

/** What lets the player play a private channel. */
export interface PlaybackToken {
  readonly token: string;
  /** Without the token. */
  readonly playbackUrl: string;
  /** In milliseconds since 1970. */
  readonly expiresAt: number;
  /** It starts one playback; the next one needs another token. */
  readonly singleUse: boolean;
}

/** A token with less time left than this is not used for another try. */
const TOKEN_MARGIN_MS = 10_000;

/** Whether a token can start another playback at the time `now`, in milliseconds since 1970. */
export function isUsableAgain({ singleUse, expiresAt }: PlaybackToken, now: number): boolean {
  return !singleUse && expiresAt - now > TOKEN_MARGIN_MS;
}

/** An answer that counts. */
export interface Receipt {
  readonly choice: number;
  /** How long the question still takes answers, by the service's clock. */
  readonly remainingMillis: number | undefined;
}

/** How a question stands. */
export interface Results {
  readonly status: 'open' | 'closed' | 'tallied' | 'voided';
  /** How many chose each option: the final count; none before it is made. */
  readonly counts: readonly number[] | undefined;
  /** The index of the correct option; none in a poll, or before the final count. */
  readonly correct: number | undefined;
}

const STATUSES: readonly Results['status'][] = ['open', 'closed', 'tallied', 'voided'];

/** Which run of a quiz. */
export type RunKey = Pick<QuestionKey, 'quizId' | 'runId'>;

/** Which question of which run. */
export interface QuestionKey {
  readonly quizId: string;
  readonly runId: string;
  readonly questionId: string;
}

export class Api {
  readonly #url: string;
  readonly #session: Pick<Session, 'idToken' | 'signOut'>;

  constructor(url: string, session: Pick<Session, 'idToken' | 'signOut'>) {
    this.#url = url;
    this.#session = session;
  }

  async playbackToken(channelId: string): Promise<Result<PlaybackToken>> {
    const path = `/channels/${encodeURIComponent(channelId)}/playback-token`;
    return read(await this.#send('POST', path), (json) => {
      const token = text(json['token']);
      const playbackUrl = text(json['playbackUrl']);
      const expiresAt = Date.parse(text(json['expiresAt']) ?? '');
      if (token === undefined || playbackUrl === undefined || Number.isNaN(expiresAt)) {
        return undefined;
      }
      return { token, playbackUrl, expiresAt, singleUse: json['singleUse'] === true };
    });
  }

  /** The same choice again is answered like the first time, so this may be repeated. */
  async answer(question: QuestionKey, choice: number): Promise<Result<Receipt>> {
    const path = `${questionPath(question)}/answers`;
    return read(await this.#send('POST', path, { choice }), (json) => {
      const recorded = whole(json['choice']);
      const remainingMillis = whole(json['remainingMillis']);
      return recorded === undefined ? undefined : { choice: recorded, remainingMillis };
    });
  }

  /** How a question stands, also long after the show. */
  async results(question: QuestionKey): Promise<Result<Results>> {
    return read(await this.#send('GET', `${questionPath(question)}/results`), readResults);
  }

  /** The best of a run, and where this viewer is among all, also long after the show. */
  async leaderboard(run: RunKey): Promise<Result<Leaderboard>> {
    return read(await this.#send('GET', `${runPath(run)}/leaderboard`), readLeaderboard);
  }

  async #send(method: string, path: string, body?: object): Promise<Result<unknown>> {
    const first = await this.#session.idToken();
    if (!first.ok) return first;
    const result = await this.#sendWith(first.value, method, path, body);
    if (!isUnauthenticated(result)) return result;
    // Revoked or expired before its time: one new token, one more try.
    const renewed = await this.#session.idToken(first.value);
    if (!renewed.ok) return renewed;
    const again = await this.#sendWith(renewed.value, method, path, body);
    if (!isUnauthenticated(again)) return again;
    this.#session.signOut();
    return { ok: false, failure: SIGNED_OUT };
  }

  #sendWith(idToken: string, method: string, path: string, body?: object) {
    return request(`${this.#url}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${idToken}`,
        ...(body && { 'content-type': 'application/json' }),
      },
      ...(body && { body: JSON.stringify(body) }),
    });
  }
}

function runPath({ quizId, runId }: RunKey): string {
  return `/quizzes/${encodeURIComponent(quizId)}/runs/${encodeURIComponent(runId)}`;
}

function questionPath(question: QuestionKey): string {
  return `${runPath(question)}/questions/${encodeURIComponent(question.questionId)}`;
}

function readResults(json: Json): Results | undefined {
  const status = STATUSES.find((known) => known === json['status']);
  const counts = list(json['final'], (count) => whole(count), 1, 100);
  const correct = whole(json['correct'], 0, (counts?.length ?? 1) - 1);
  if (status === undefined || (status === 'tallied' && counts === undefined)) return undefined;
  return { status, counts, correct };
}

function readLeaderboard(json: Json): Leaderboard | undefined {
  const top = list(json['top'], readRanked, 0, 1000);
  const players = whole(json['players']);
  if (top === undefined || players === undefined) return undefined;
  const standing: Standing = { players, you: readPlace(json['you']) };
  return { top, standing };
}

function readPlace(value: unknown) {
  const json = record(value);
  const [rank, points] = [whole(json?.['rank'], 1), whole(json?.['points'])];
  return rank === undefined || points === undefined ? undefined : { rank, points };
}

function readRanked(value: unknown) {
  const [place, name] = [readPlace(value), text(record(value)?.['name'])];
  return place === undefined || name === undefined ? undefined : { ...place, name };
}

function isUnauthenticated(result: Result<unknown>): boolean {
  return !result.ok && result.failure.kind === 'problem' && result.failure.status === 401;
}

function read<T>(result: Result<unknown>, reader: (json: Json) => T | undefined): Result<T> {
  if (!result.ok) return result;
  const json = record(result.value);
  const value = json && reader(json);
  return value === undefined ? unexpected() : { ok: true, value };
}
