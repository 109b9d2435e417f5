/**
 * The quiz as one viewer sees it: what the cues and the viewer do to it. Pure; times are
 * milliseconds of one clock, which the caller reads.
 *
 * Cues may be missing (the viewer came late, the stream broke off), and may come again (a push was
 * retried). A repeated question never takes an answer back or gives more time.
 */

import type { CancelledCue, Cue, Place, PlainQuestion, QuestionCue, ResultsCue } from './cues';
import { type Result, inWords } from './failures';
import type { Receipt } from './api';

/** What became of the viewer's answer. */
export type Answer =
  | { readonly kind: 'none' }
  | { readonly kind: 'sending'; readonly choice: number }
  | { readonly kind: 'recorded'; readonly choice: number }
  /** Another answer of this viewer was there before: that one counts. */
  | { readonly kind: 'recorded-before'; readonly choice: number }
  /** Its time was over when it arrived. */
  | { readonly kind: 'late'; readonly choice: number }
  /** Nobody knows whether it arrived: sending it again is safe. */
  | { readonly kind: 'unsent'; readonly choice: number; readonly why: string }
  | { readonly kind: 'refused'; readonly choice: number; readonly why: string }
  /** Of a question that nobody collects answers to. */
  | { readonly kind: 'kept'; readonly choice: number };

/** A question and what became of it. */
export interface Round {
  readonly question: QuestionCue | PlainQuestion;
  /** When the viewer's time is over; undefined: never. */
  readonly closesAt: number | undefined;
  readonly answer: Answer;
}

/** What is shown. */
export type Screen =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'question'; readonly round: Round }
  /** `round` is undefined for a viewer who came after the question. */
  | { readonly kind: 'results'; readonly round: Round | undefined; readonly results: ResultsCue }
  | { readonly kind: 'leaderboard'; readonly top: readonly Place[] }
  | { readonly kind: 'cancelled' };

export interface Quiz {
  readonly screen: Screen;
  /** The newest question of a quiz, to know repeats and what a cue without a run belongs to. */
  readonly newest: QuestionCue | undefined;
  /** The run that ended early, whose questions do not come back. */
  readonly cancelledRun: string | undefined;
  /** The viewer closed what is shown. */
  readonly dismissed: boolean;
}

export type Action =
  | { readonly type: 'cue'; readonly cue: Cue; readonly at: number }
  | { readonly type: 'choose'; readonly choice: number; readonly at: number }
  | { readonly type: 'answered'; readonly question: QuestionCue; readonly answer: Answer }
  | { readonly type: 'dismiss' }
  | { readonly type: 'reset' };

export const NO_QUIZ: Quiz = {
  screen: { kind: 'nothing' },
  newest: undefined,
  cancelledRun: undefined,
  dismissed: false,
};

const NO_ANSWER: Answer = { kind: 'none' };

export function quizReducer(quiz: Quiz, action: Action): Quiz {
  switch (action.type) {
    case 'cue':
      return afterCue(quiz, action.cue, action.at);
    case 'choose':
      return mayChoose(quiz.screen, action.choice, action.at)
        ? withAnswer(quiz, {
            kind: quiz.screen.round.question.kind === 'plain' ? 'kept' : 'sending',
            choice: action.choice,
          })
        : quiz;
    case 'answered': {
      const { screen } = quiz;
      const round = 'round' in screen ? screen.round : undefined;
      return round && isSame(round.question, action.question)
        ? withAnswer(quiz, action.answer)
        : quiz;
    }
    case 'dismiss':
      return { ...quiz, dismissed: true };
    case 'reset':
      return NO_QUIZ;
  }
}

/** Whether the viewer may choose this option now. */
export function mayChoose(
  screen: Screen,
  choice: number,
  now: number,
): screen is Extract<Screen, { kind: 'question' }> {
  if (screen.kind !== 'question') return false;
  const { question, answer } = screen.round;
  if (choice >= question.answers.length) return false;
  if (question.kind === 'plain') return true;
  // It may have arrived in time: the service knows, and says so when it comes again.
  if (answer.kind === 'unsent' && answer.choice === choice) return true;
  const isOpen = answer.kind === 'none' || answer.kind === 'unsent' || answer.kind === 'refused';
  return isOpen && millisLeft(screen.round, now) > 0;
}

/** How long the viewer still has, in milliseconds; Infinity without a limit. */
export function millisLeft(round: Round, now: number): number {
  return round.closesAt === undefined ? Infinity : Math.max(0, round.closesAt - now);
}

/** What an answer's request came to. */
export function answerOf(choice: number, result: Result<Receipt>): Answer {
  if (result.ok) return { kind: 'recorded', choice: result.value.choice };
  const { failure } = result;
  const why = inWords(failure);
  if (failure.kind !== 'problem') return { kind: 'unsent', choice, why };
  switch (failure.name) {
    case 'window-closed':
      return { kind: 'late', choice };
    case 'already-answered': {
      const recorded = failure.members['choice'];
      return typeof recorded === 'number'
        ? { kind: 'recorded-before', choice: recorded }
        : { kind: 'refused', choice, why };
    }
    case 'window-not-open':
      return { kind: 'unsent', choice, why };
  }
  return failure.status === 429 || failure.status >= 500
    ? { kind: 'unsent', choice, why }
    : { kind: 'refused', choice, why };
}

function afterCue(quiz: Quiz, cue: Cue, at: number): Quiz {
  switch (cue.kind) {
    case 'question':
      return isKnown(quiz, cue) ? quiz : opened(quiz, cue, at + cue.seconds * 1000, cue);
    case 'plain':
      return opened(quiz, cue, undefined, quiz.newest);
    case 'results':
      return afterResults(quiz, cue);
    case 'leaderboard':
      return show(quiz, { kind: 'leaderboard', top: cue.top });
    case 'cancelled':
      return afterCancelled(quiz, cue);
  }
}

/** Whether a question was asked before: it, or a later one of its run, or its run has ended. */
function isKnown({ newest, cancelledRun }: Quiz, cue: QuestionCue): boolean {
  return cue.runId === cancelledRun || (newest?.runId === cue.runId && cue.n <= newest.n);
}

function opened(
  quiz: Quiz,
  question: QuestionCue | PlainQuestion,
  closesAt: number | undefined,
  newest: QuestionCue | undefined,
): Quiz {
  const round: Round = { question, closesAt, answer: NO_ANSWER };
  return { ...show(quiz, { kind: 'question', round }), newest };
}

function afterResults(quiz: Quiz, results: ResultsCue): Quiz {
  const { screen, newest } = quiz;
  if (screen.kind === 'results' && screen.results.questionId === results.questionId) return quiz;
  const round = 'round' in screen ? screen.round : undefined;
  if (round?.question.kind === 'question' && round.question.questionId === results.questionId) {
    const fits = round.question.answers.length === results.counts.length;
    return fits ? show(quiz, { kind: 'results', round, results }) : quiz;
  }
  // Results of an earlier question do not push away a running one, nor its leaderboard.
  if (newest && screen.kind !== 'nothing' && screen.kind !== 'results') return quiz;
  return show(quiz, { kind: 'results', round: undefined, results });
}

function afterCancelled(quiz: Quiz, { runId }: CancelledCue): Quiz {
  if (runId === quiz.cancelledRun) return quiz;
  const isOurs = quiz.newest === undefined || quiz.newest.runId === runId;
  const after = isOurs ? show(quiz, { kind: 'cancelled' }) : quiz;
  return { ...after, cancelledRun: runId };
}

function show(quiz: Quiz, screen: Screen): Quiz {
  return { ...quiz, screen, dismissed: false };
}

function withAnswer(quiz: Quiz, answer: Answer): Quiz {
  const { screen } = quiz;
  if (!('round' in screen) || screen.round === undefined) return quiz;
  return { ...quiz, screen: { ...screen, round: { ...screen.round, answer } } };
}

function isSame(a: QuestionCue | PlainQuestion, b: QuestionCue): boolean {
  return a.kind === 'question' && a.runId === b.runId && a.questionId === b.questionId;
}
