/** What became of a viewer's answer, and what its request came to. Pure. */

import type { Receipt } from './api';
import { type Result, inWords } from './failures';
import { whole } from './json';

/** What became of the viewer's answer. */
export type Answer =
  | { readonly kind: 'none' }
  | { readonly kind: 'sending'; readonly choice: number }
  | { readonly kind: 'recorded'; readonly choice: number }
  /** Another answer of this viewer was there before: that one counts. */
  | { readonly kind: 'recorded-before'; readonly choice: number }
  /** It arrived before its question was open: sending it again is safe. */
  | { readonly kind: 'early'; readonly choice: number }
  /** Its time was over when it arrived. */
  | { readonly kind: 'late'; readonly choice: number }
  /** The question was withdrawn: nobody's answer to it counts. */
  | { readonly kind: 'voided' }
  /** Nobody knows whether it arrived: sending it again is safe. */
  | { readonly kind: 'unsent'; readonly choice: number; readonly why: string }
  | { readonly kind: 'refused'; readonly choice: number; readonly why: string }
  /** Of a question that nobody collects answers to. */
  | { readonly kind: 'kept'; readonly choice: number };

/** Whether the same answer can be sent again. */
export function mayComeAgain(
  answer: Answer,
): answer is Extract<Answer, { kind: 'unsent' | 'early' }> {
  return answer.kind === 'unsent' || answer.kind === 'early';
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
      return { kind: 'early', choice };
    case 'question-voided':
      return { kind: 'voided' };
  }
  return failure.status === 429 || failure.status >= 500
    ? { kind: 'unsent', choice, why }
    : { kind: 'refused', choice, why };
}

/**
 * When a question's time is over by what the service says, on the clock that read `sentAt` when the
 * request was sent: so the viewer is never told of more time than there is.
 */
export function closingOf(result: Result<Receipt>, sentAt: number): number | undefined {
  if (result.ok) return addTo(sentAt, result.value.remainingMillis);
  const { failure } = result;
  if (failure.kind !== 'problem') return undefined;
  if (failure.name === 'window-closed') return sentAt;
  return addTo(sentAt, whole(failure.members['remainingMillis']));
}

function addTo(at: number, millis: number | undefined): number | undefined {
  return millis === undefined ? undefined : at + millis;
}
