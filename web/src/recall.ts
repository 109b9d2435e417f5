/**
 * What the page remembers of the last quiz, so that its results can be read again after the show, also
 * in a page that was opened anew: which run it was, and what was asked. Nothing of the viewer.
 */

import type { QuestionKey, RunKey } from './api';
import { type QuestionCue, attemptOf } from './cues';
import { list, parse, record, text, whole } from './json';

/** A question that was asked. */
export interface Asked extends Pick<QuestionKey, 'questionId'> {
  readonly n: number;
  readonly question: string;
  readonly answers: readonly string[];
}

/** The last run that this browser has seen a question of. */
export interface Recalled extends RunKey {
  readonly asked: readonly Asked[];
}

/** What the browser keeps for the page; `localStorage` is one. */
export type Store = Pick<Storage, 'getItem' | 'setItem'>;

/** By which the store knows it. */
const NAME = 'cuepoint:last-quiz';

/** More questions than any quiz has. */
const MOST = 100;

/** What is known after a question was heard. Asked again, it takes the place of the first time. */
export function withQuestion(before: Recalled | undefined, cue: QuestionCue): Recalled {
  const { quizId, runId, questionId, n, question, answers } = cue;
  const known = before?.runId === runId ? before.asked : [];
  const same = known.find((asked) => asked.n === n);
  if (before && same && attemptOf(same) >= attemptOf(cue)) return before;
  const earlier = known.filter((asked) => asked !== same);
  const asked = [...earlier, { questionId, n, question, answers }].sort((a, b) => a.n - b.n);
  return { quizId, runId, asked: asked.slice(-MOST) };
}

/** Reads what is kept; undefined when there is nothing, or nothing that can be read. */
export function recall(store: Store): Recalled | undefined {
  try {
    return read(parse(store.getItem(NAME) ?? ''));
  } catch {
    // The browser keeps nothing for this page.
    return undefined;
  }
}

/** Keeps it, if the browser does. */
export function keep(store: Store, recalled: Recalled): void {
  try {
    store.setItem(NAME, JSON.stringify(recalled));
  } catch {
    // Then it is known until the page is closed.
  }
}

function read(value: unknown): Recalled | undefined {
  const json = record(value);
  const [quizId, runId] = [text(json?.['quizId']), text(json?.['runId'])];
  const asked = list(json?.['asked'], readAsked, 1, MOST);
  return quizId === undefined || runId === undefined || asked === undefined
    ? undefined
    : { quizId, runId, asked };
}

function readAsked(value: unknown): Asked | undefined {
  const json = record(value);
  const [questionId, question] = [text(json?.['questionId']), text(json?.['question'])];
  const n = whole(json?.['n'], 1);
  const answers = list(json?.['answers'], text, 1, MOST);
  return questionId === undefined || question === undefined || n === undefined || !answers
    ? undefined
    : { questionId, n, question, answers };
}
