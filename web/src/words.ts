/** What the page says, as functions of what it knows. */

import type { Answer } from './answer';
import type { ResultsCue } from './cues';
import type { Playback } from './playback';
import type { Standing, Unplaced } from './leaderboard';
import type { State } from './review';
import { type Quiz, type Round, millisLeft } from './quiz';

/** One bar of the results. */
export interface Bar {
  readonly label: string;
  readonly count: number;
  /** Whole percent of all answers. */
  readonly percent: number;
  /** Undefined in a poll. */
  readonly isCorrect: boolean | undefined;
  readonly isMine: boolean;
}

/** The results as bars; without the options' texts they have only their numbers. */
export function barsOf(
  results: ResultsCue,
  options: readonly string[] | undefined,
  answer: Answer | undefined,
): readonly Bar[] {
  const total = results.counts.reduce((sum, count) => sum + count, 0);
  const mine = answer && recordedChoice(answer);
  return results.counts.map((count, index) => ({
    label: options?.[index] ?? `Option ${index + 1}`,
    count,
    percent: total === 0 ? 0 : Math.round((100 * count) / total),
    isCorrect: results.correct === undefined ? undefined : results.correct === index,
    isMine: mine === index,
  }));
}

/** The option that counts as the viewer's. */
export function recordedChoice(answer: Answer): number | undefined {
  return answer.kind === 'recorded' || answer.kind === 'recorded-before'
    ? answer.choice
    : undefined;
}

/** Whole seconds as a countdown shows them: 1 until the very end. */
export function secondsLeft(round: Round, now: number): number {
  return Math.ceil(millisLeft(round, now) / 1000);
}

export function plural(count: number, one: string): string {
  return `${count.toLocaleString('en')} ${one}${count === 1 ? '' : 's'}`;
}

const ORDINALS = new Intl.PluralRules('en', { type: 'ordinal' });
const ENDINGS: Readonly<Record<string, string>> = { one: 'st', two: 'nd', few: 'rd' };

/** "4,711th" */
export function ordinal(rank: number): string {
  return `${rank.toLocaleString('en')}${ENDINGS[ORDINALS.select(rank)] ?? 'th'}`;
}

/** Where the viewer is among all, in a sentence. */
export function standingInWords(standing: Standing | Unplaced): string {
  if ('why' in standing) return `Your own place cannot be read now. ${standing.why}`;
  const { you, players } = standing;
  if (you === undefined) return 'You answered no question that counts.';
  const place = `${ordinal(you.rank)} of ${players.toLocaleString('en')}`;
  return `You are ${place}, with ${plural(you.points, 'point')}.`;
}

/** Says how long it may take until the viewer's own place is known. */
export function awaitedInWords(withinMs: number): string {
  return `Your own place follows within about ${plural(Math.ceil(withinMs / 60_000), 'minute')}.`;
}

/** Letters that are written from right to left (UAX #9, classes R and AL). */
const RIGHT_TO_LEFT =
  /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]/u;

/** A text of others within a sentence of ours, which keeps its order whatever the script is. */
export function within(text: string): string {
  return RIGHT_TO_LEFT.test(text) ? `\u2068${text}\u2069` : text;
}

/** The key that chooses an option: 1 to 9, and 0 for the tenth. */
export function keyOf(index: number): string {
  return String((index + 1) % 10);
}

/** What is said below a question. */
export function noteOn(round: Round, now: number): string {
  const { answer, question } = round;
  const isOver = millisLeft(round, now) === 0;
  const option = 'choice' in answer ? within(question.answers[answer.choice] ?? '') : '';
  switch (answer.kind) {
    case 'none':
      if (question.kind === 'plain') return 'Answers to this question are not collected.';
      return isOver ? 'Time is up. You did not answer.' : 'Choose an answer.';
    case 'sending':
      return `Sending your answer: ${option} …`;
    case 'recorded':
      return `Your answer is in: ${option}.${isOver ? ' Waiting for the results.' : ''}`;
    case 'recorded-before':
      return `You answered before: ${option}. The first answer counts.`;
    case 'early':
      return `Too early. The question is not open yet: send your answer, ${option}, again in a moment.`;
    case 'voided':
      return 'This question was withdrawn. No answer to it counts.';
    case 'late':
      return `Too late. Your answer, ${option}, came when the time was over and does not count.`;
    case 'unsent':
      return `Your answer could not be sent. ${answer.why}`;
    case 'refused':
      return `Your answer was not taken. ${answer.why}`;
    case 'kept':
      return `You chose ${option}. Answers to this question are not collected.`;
  }
}

/** What is said of a question that is asked again. */
export const ASKED_AGAIN =
  'This question is asked again, since the stream broke off. The first time does not count.';

/** What is said of a question without a final count. */
export function stateInWords(state: State): string {
  switch (state) {
    case 'open':
      return 'It is open.';
    case 'closed':
      return 'It is being counted.';
    case 'voided':
      return 'It was withdrawn and does not count.';
    case 'tallied':
    case undefined:
      return 'There are no results of it.';
  }
}

/** What a screen reader is told when something new is shown. */
export function announcement({ screen }: Quiz): string {
  switch (screen.kind) {
    case 'nothing':
      return '';
    case 'question': {
      const { question } = screen.round;
      const time = question.kind === 'question' ? ` ${plural(question.seconds, 'second')}.` : '';
      return `Question: ${question.question} ${plural(question.answers.length, 'option')}.${time}`;
    }
    case 'results':
      return `Results. ${barsOf(
        screen.results,
        screen.round?.question.answers,
        screen.round?.answer,
      )
        .map(({ label, count, percent, isCorrect }) => {
          const correct = isCorrect === true ? ', correct' : '';
          return `${label}: ${plural(count, 'answer')}, ${percent} percent${correct}.`;
        })
        .join(' ')}`;
    case 'leaderboard':
      return `Leaderboard. ${screen.top
        .slice(0, 3)
        .map(({ rank, name, points }) => `${rank}. ${within(name)}, ${plural(points, 'point')}.`)
        .join(' ')} ${screen.standing ? standingInWords(screen.standing) : ''}`.trim();
    case 'cancelled':
      return 'The quiz was cancelled. An open question does not count.';
  }
}

/** What is said about the video: a headline and what to do or expect. */
export function playbackInWords(playback: Playback): { title: string; more: string } {
  switch (playback.kind) {
    case 'idle':
      return { title: 'Ready', more: 'Choose how to play the channel.' };
    case 'starting':
      return { title: 'Starting …', more: '' };
    case 'playing':
      return { title: 'Live', more: '' };
    case 'buffering':
      return { title: 'Buffering …', more: '' };
    case 'blocked':
      return { title: 'Press play', more: 'Your browser lets the video start only when you ask.' };
    case 'offline':
      return {
        title: 'The stream is offline',
        more: 'It starts here by itself when the channel goes live.',
      };
    case 'trouble':
      return { title: 'Trying again …', more: playback.why };
    case 'token-needed':
      return {
        title: 'This channel is private',
        more: 'The video refuses everyone without a playback token (403). Sign in and play with a token.',
      };
    case 'not-entitled':
      return {
        title: playback.interrupted
          ? 'You are no longer entitled to watch this channel'
          : 'You are not entitled to watch this channel',
        more: playback.why,
      };
    case 'failed':
      return { title: 'The video cannot be played', more: playback.why };
  }
}

/** Whether the video is hidden behind the words about it. */
export function coversVideo(playback: Playback): boolean {
  return playback.kind !== 'playing' && playback.kind !== 'buffering';
}
