/**
 * The quiz as one viewer sees it: what the cues and the viewer do to it. Pure; times are
 * milliseconds of one clock, which the caller reads.
 *
 * Cues may be missing (the viewer came late, the stream broke off), and may come again (a push was
 * retried). A repeated question never takes an answer back or gives more time.
 */

import { type Answer, mayComeAgain } from './answer';
import {
  type CancelledCue,
  type Cue,
  type PlainQuestion,
  type QuestionCue,
  type ResultsCue,
  attemptOf,
} from './cues';
import { type Ranked, type Standing, type Unplaced, rankedOf } from './leaderboard';

/** A question and what became of it. */
export interface Round {
  readonly question: QuestionCue | PlainQuestion;
  /**
   * When the viewer's time is over; undefined: never. By the cue at first, and by the service as soon
   * as it has said how much time is left.
   */
  readonly closesAt: number | undefined;
  readonly answer: Answer;
}

/** What is shown. */
export type Screen =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'question'; readonly round: Round }
  /** `round` is undefined for a viewer who came after the question. */
  | { readonly kind: 'results'; readonly round: Round | undefined; readonly results: ResultsCue }
  /** `standing` is what the service says of this viewer, once it has. */
  | {
      readonly kind: 'leaderboard';
      readonly top: readonly Ranked[];
      readonly standing: Standing | Unplaced | undefined;
    }
  | { readonly kind: 'cancelled' };

export interface Quiz {
  readonly screen: Screen;
  /** The newest question of a quiz, to know repeats and what a cue without a run belongs to. */
  readonly newest: QuestionCue | undefined;
  /** The run that ended early, whose questions do not come back. */
  readonly cancelledRun: string | undefined;
  /** How many answered the last question whose results were shown. */
  readonly audience: number | undefined;
  /** The viewer closed what is shown. */
  readonly dismissed: boolean;
  /** The username of who has signed in last: whose answers these are. */
  readonly viewer: string | undefined;
}

export type Action =
  | { readonly type: 'cue'; readonly cue: Cue; readonly at: number }
  | { readonly type: 'choose'; readonly choice: number; readonly at: number }
  | {
      readonly type: 'answered';
      readonly question: QuestionCue;
      readonly answer: Answer;
      /** When its time is over, if the service has said it. */
      readonly closesAt?: number | undefined;
      /** Whose answer it was: the quiz's viewer when it was chosen. */
      readonly viewer: string | undefined;
    }
  | { readonly type: 'voided'; readonly question: QuestionCue }
  | { readonly type: 'standing'; readonly runId: string; readonly standing: Standing | Unplaced }
  /** The viewer asks again where they are. */
  | { readonly type: 'place' }
  /** Someone has signed in, or, undefined, out. */
  | { readonly type: 'viewer'; readonly viewer: string | undefined }
  | { readonly type: 'dismiss' }
  | { readonly type: 'reset' };

export const NO_QUIZ: Quiz = {
  screen: { kind: 'nothing' },
  newest: undefined,
  cancelledRun: undefined,
  audience: undefined,
  dismissed: false,
  viewer: undefined,
};

const NO_ANSWER: Answer = { kind: 'none' };

export function quizReducer(quiz: Quiz, action: Action): Quiz {
  switch (action.type) {
    case 'cue':
      return afterCue(quiz, action.cue, action.at);
    case 'choose':
      return mayChoose(quiz.screen, action.choice, action.at)
        ? withRound(quiz, {
            answer: {
              kind: quiz.screen.round.question.kind === 'plain' ? 'kept' : 'sending',
              choice: action.choice,
            },
          })
        : quiz;
    case 'answered': {
      const { question, answer, closesAt, viewer } = action;
      const isOthers = viewer !== undefined && viewer !== quiz.viewer;
      if (isOthers || !isShown(quiz, question)) return quiz;
      return withRound(quiz, { answer, ...(closesAt !== undefined && { closesAt }) });
    }
    case 'voided':
      return isShown(quiz, action.question)
        ? withRound(quiz, { answer: { kind: 'voided' } })
        : quiz;
    case 'standing': {
      const { screen, newest } = quiz;
      return screen.kind === 'leaderboard' && newest?.runId === action.runId
        ? { ...quiz, screen: { ...screen, standing: action.standing } }
        : quiz;
    }
    case 'place':
      return afterPlace(quiz);
    case 'viewer':
      return afterViewer(quiz, action.viewer);
    case 'dismiss':
      return { ...quiz, dismissed: true };
    case 'reset':
      return { ...NO_QUIZ, viewer: quiz.viewer };
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
  if (mayComeAgain(answer) && answer.choice === choice) return true;
  const isOpen = answer.kind === 'none' || answer.kind === 'refused' || mayComeAgain(answer);
  return isOpen && millisLeft(screen.round, now) > 0;
}

/** How long the viewer still has, in milliseconds; Infinity without a limit. */
export function millisLeft(round: Round, now: number): number {
  return round.closesAt === undefined ? Infinity : Math.max(0, round.closesAt - now);
}

function afterCue(quiz: Quiz, cue: Cue, at: number): Quiz {
  switch (cue.kind) {
    case 'question':
      return isKnown(quiz, cue) ? quiz : opened(quiz, cue, at + cue.seconds * 1000, cue);
    case 'plain':
      return opened(quiz, cue, undefined, quiz.newest);
    case 'results':
      return withAudience(afterResults(quiz, cue), cue);
    case 'leaderboard':
      return show(quiz, { kind: 'leaderboard', top: rankedOf(cue.top), standing: undefined });
    case 'cancelled':
      return afterCancelled(quiz, cue);
  }
}

/** Whether a question was asked before: it, or a later one of its run, or its run has ended. */
function isKnown({ newest, cancelledRun }: Quiz, cue: QuestionCue): boolean {
  if (cue.runId === cancelledRun) return true;
  if (newest?.runId !== cue.runId) return false;
  return cue.n === newest.n ? attemptOf(cue) <= attemptOf(newest) : cue.n < newest.n;
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

function withAudience(quiz: Quiz, { counts }: ResultsCue): Quiz {
  return { ...quiz, audience: counts.reduce((sum, count) => sum + count, 0) };
}

function afterCancelled(quiz: Quiz, { runId }: CancelledCue): Quiz {
  if (runId === quiz.cancelledRun) return quiz;
  const isOurs = quiz.newest === undefined || quiz.newest.runId === runId;
  const after = isOurs ? show(quiz, { kind: 'cancelled' }) : quiz;
  return { ...after, cancelledRun: runId };
}

/** What the service does not say stays on the screen until it has said it. */
function afterPlace(quiz: Quiz): Quiz {
  const { screen } = quiz;
  if (screen.kind !== 'leaderboard' || !screen.standing || !('why' in screen.standing)) return quiz;
  return { ...quiz, screen: { ...screen, standing: { ...screen.standing, isAsking: true } } };
}

/**
 * A place is told to nobody but its viewer. What they have chosen stays when they sign out, since who
 * has to sign in anew may send it again; it goes when somebody else signs in.
 */
function afterViewer(before: Quiz, viewer: string | undefined): Quiz {
  const { screen } = before;
  const quiz: Quiz =
    screen.kind === 'leaderboard'
      ? { ...before, screen: { ...screen, standing: undefined } }
      : before;
  if (viewer === undefined || viewer === quiz.viewer) return quiz;
  const answer = 'round' in screen ? screen.round?.answer : undefined;
  // What was chosen before anybody signed in was theirs; a withdrawn question is so for everyone.
  const stays = quiz.viewer === undefined || answer?.kind === 'voided';
  return { ...(stays ? quiz : withRound(quiz, { answer: NO_ANSWER })), viewer };
}

function show(quiz: Quiz, screen: Screen): Quiz {
  return { ...quiz, screen, dismissed: false };
}

function withRound(quiz: Quiz, changes: Partial<Round>): Quiz {
  const { screen } = quiz;
  if (!('round' in screen) || screen.round === undefined) return quiz;
  return { ...quiz, screen: { ...screen, round: { ...screen.round, ...changes } } };
}

/** Whether this question is what is shown, or its results are. */
function isShown({ screen }: Quiz, question: QuestionCue): boolean {
  const shown = 'round' in screen ? screen.round?.question : undefined;
  return (
    shown?.kind === 'question' &&
    shown.runId === question.runId &&
    shown.questionId === question.questionId
  );
}
