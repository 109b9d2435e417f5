/** Reading a run's results again, question by question. */

import type { Api, Results } from './api';
import { type Failure, type Result, inWords } from './failures';
import type { Leaderboard } from './leaderboard';
import type { Asked, Recalled } from './recall';
import { type Bar, barsOf } from './words';

/** How a question stands; undefined when the service does not know it. */
export type State = Results['status'] | undefined;

/** What was read, or why nothing was. */
export type Review =
  | {
      readonly ok: true;
      readonly questions: readonly {
        readonly asked: Asked;
        readonly state: State;
        /** The final count, once there is one. */
        readonly bars: readonly Bar[] | undefined;
      }[];
      /** Undefined as long as nobody has a place. */
      readonly leaderboard: Leaderboard | undefined;
    }
  | { readonly ok: false; readonly why: string };

type Persistently = <T>(send: () => Promise<Result<T>>) => Promise<Result<T>>;

/** Reads how every question of a run stands, one after the other, and its leaderboard. */
export async function reviewOf(
  { quizId, runId, asked: all }: Recalled,
  api: Pick<Api, 'results' | 'leaderboard'>,
  persistently: Persistently,
): Promise<Review> {
  const questions = [];
  for (const asked of all) {
    const { questionId } = asked;
    const result = await persistently(() => api.results({ quizId, runId, questionId }));
    if (!result.ok && !isUnknown(result.failure)) return failed(result.failure);
    const state = result.ok ? result.value.status : undefined;
    questions.push({ asked, state, bars: result.ok ? bars(asked, result.value) : undefined });
  }
  const board = await persistently(() => api.leaderboard({ quizId, runId }));
  if (!board.ok && !isUnknown(board.failure)) return failed(board.failure);
  const hasPlayers = board.ok && board.value.standing.players > 0;
  return { ok: true, questions, leaderboard: hasPlayers ? board.value : undefined };
}

function bars({ questionId, answers }: Asked, { counts, correct }: Results) {
  if (counts === undefined) return undefined;
  return barsOf({ kind: 'results', questionId, counts, correct }, answers, undefined);
}

function isUnknown(failure: Failure): boolean {
  return failure.kind === 'problem' && failure.status === 404;
}

function failed(failure: Failure): Review {
  return { ok: false, why: inWords(failure) };
}
