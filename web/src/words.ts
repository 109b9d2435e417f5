/** What the page says, as functions of what it knows. */

import type { ResultsCue } from './cues';
import type { Playback } from './playback';
import { type Answer, type Quiz, type Round, millisLeft } from './quiz';

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

/** The results as bars; without the question its options have only their numbers. */
export function barsOf(results: ResultsCue, round: Round | undefined): readonly Bar[] {
  const total = results.counts.reduce((sum, count) => sum + count, 0);
  const mine = round && recordedChoice(round.answer);
  return results.counts.map((count, index) => ({
    label: round?.question.answers[index] ?? `Option ${index + 1}`,
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

/** What is said below a question. */
export function noteOn(round: Round, now: number): string {
  const { answer, question } = round;
  const isOver = millisLeft(round, now) === 0;
  const option = 'choice' in answer ? (question.answers[answer.choice] ?? '') : '';
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
      return `Results. ${barsOf(screen.results, screen.round)
        .map(({ label, count, percent, isCorrect }) => {
          const correct = isCorrect === true ? ', correct' : '';
          return `${label}: ${plural(count, 'answer')}, ${percent} percent${correct}.`;
        })
        .join(' ')}`;
    case 'leaderboard':
      return `Leaderboard. ${screen.top
        .slice(0, 3)
        .map(([name, points], index) => `${index + 1}. ${name}, ${plural(points, 'point')}.`)
        .join(' ')}`;
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
