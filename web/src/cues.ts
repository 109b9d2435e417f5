/** Cues: what the live video carries to every viewer as timed metadata. */

import { type Json, list, parse, record, text, whole } from './json';

/** A question of a quiz opens; answers are collected. */
export interface QuestionCue {
  readonly kind: 'question';
  readonly quizId: string;
  readonly runId: string;
  readonly questionId: string;
  /** Its place in the quiz, from 1. */
  readonly n: number;
  /** How many questions the quiz has. */
  readonly of: number;
  readonly question: string;
  /** The options; an answer names one by its index. */
  readonly answers: readonly string[];
  /** How long viewers have. */
  readonly seconds: number;
}

/**
 * The how-manieth time a question is asked, from 1. It is asked again when the stream broke off in the
 * middle of it, as `q1-2` after `q1`; the earlier one then does not count.
 */
export function attemptOf({ questionId }: Pick<QuestionCue, 'questionId'>): number {
  const [, attempt] = /-(\d{1,3})$/.exec(questionId) ?? [];
  return attempt === undefined ? 1 : Number(attempt);
}

/** A question as the IVS tutorials' generator sends it: nothing collects its answers. */
export interface PlainQuestion {
  readonly kind: 'plain';
  readonly question: string;
  readonly answers: readonly string[];
}

/** A question's final tally. */
export interface ResultsCue {
  readonly kind: 'results';
  readonly questionId: string;
  /** How many chose each option. */
  readonly counts: readonly number[];
  /** The index of the correct option; none in a poll. */
  readonly correct: number | undefined;
}

/** Someone's place: name and points. */
export type Place = readonly [name: string, points: number];

/** The best of a run, best first. */
export interface LeaderboardCue {
  readonly kind: 'leaderboard';
  readonly top: readonly Place[];
}

/** The quiz ends early; an open question does not count. */
export interface CancelledCue {
  readonly kind: 'cancelled';
  readonly quizId: string;
  readonly runId: string;
}

export type Cue = QuestionCue | PlainQuestion | ResultsCue | LeaderboardCue | CancelledCue;

/** A quiz asks with two to ten options. */
const MOST_OPTIONS = 10;

/** Reads the text of a timed-metadata cue. Undefined: it is none of ours. */
export function readCue(source: string): Cue | undefined {
  const json = record(parse(source));
  if (json === undefined) return undefined;
  switch (json['type']) {
    case 'question':
      return question(json);
    case 'results':
      return results(json);
    case 'leaderboard': {
      const top = list(json['top'], place, 0, 100);
      return top && { kind: 'leaderboard', top };
    }
    case 'cancelled': {
      const [quizId, runId] = [text(json['quizId']), text(json['runId'])];
      return quizId === undefined || runId === undefined
        ? undefined
        : { kind: 'cancelled', quizId, runId };
    }
    case undefined:
      return plain(json);
    default:
      return undefined;
  }
}

function place(value: unknown): Place | undefined {
  if (!Array.isArray(value) || value.length !== 2) return undefined;
  const [name, points] = [text(value[0]), whole(value[1])];
  return name === undefined || points === undefined ? undefined : [name, points];
}

function question(json: Json): QuestionCue | undefined {
  const quizId = text(json['quizId']);
  const runId = text(json['runId']);
  const questionId = text(json['questionId']);
  const of = whole(json['of'], 1);
  const n = whole(json['n'], 1, of);
  const asked = text(json['question']);
  const answers = list(json['answers'], text, 2, MOST_OPTIONS);
  const seconds = whole(json['seconds'], 1, 3600);
  if (
    quizId === undefined ||
    runId === undefined ||
    questionId === undefined ||
    of === undefined ||
    n === undefined ||
    asked === undefined ||
    answers === undefined ||
    seconds === undefined
  ) {
    return undefined;
  }
  return { kind: 'question', quizId, runId, questionId, n, of, question: asked, answers, seconds };
}

function results(json: Json): ResultsCue | undefined {
  const questionId = text(json['questionId']);
  const counts = list(json['counts'], whole1, 1, MOST_OPTIONS);
  if (questionId === undefined || counts === undefined) return undefined;
  const told = json['correct'] ?? undefined;
  const correct = whole(told, 0, counts.length - 1);
  return told !== undefined && correct === undefined
    ? undefined
    : { kind: 'results', questionId, counts, correct };
}

function plain(json: Json): PlainQuestion | undefined {
  const asked = text(json['question']);
  const answers = list(json['answers'], text, 1, MOST_OPTIONS);
  return asked === undefined || answers === undefined
    ? undefined
    : { kind: 'plain', question: asked, answers };
}

/** `whole` as an item of a list. */
function whole1(value: unknown): number | undefined {
  return whole(value);
}
