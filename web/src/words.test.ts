import { describe, expect, it } from 'vitest';

import type { Answer } from './answer';
import { type Failure, inWords, readProblem } from './failures';
import type { Round } from './quiz';
import {
  announcement,
  barsOf,
  keyOf,
  noteOn,
  ordinal,
  plural,
  secondsLeft,
  standingInWords,
  within,
} from './words';
import { NO_QUIZ } from './quiz';

function problem(status: number, name?: string, detail?: string): Failure {
  const body = { ...(name && { type: `urn:cuepoint:problem:${name}` }), ...(detail && { detail }) };
  return readProblem(status, JSON.stringify(body));
}

const OPTIONS = ['Yes', 'No'];

function round(answer: Answer): Round {
  return {
    question: {
      kind: 'question',
      quizId: 'quiz',
      runId: 'run',
      questionId: 'q1',
      n: 1,
      of: 1,
      question: 'Up?',
      answers: OPTIONS,
      seconds: 10,
    },
    closesAt: 10_000,
    answer,
  };
}

describe('a failure in words', () => {
  it.each<[Failure, string]>([
    [{ kind: 'unreachable' }, 'cannot be reached'],
    [{ kind: 'signed-out' }, 'Sign in'],
    [problem(403, 'not-entitled', 'Your entitlement ended.'), 'Your entitlement ended.'],
    [problem(403, 'not-entitled'), 'no entitlement'],
    [problem(410, 'window-closed', 'Its time is over.'), 'Too late. Its time is over.'],
    [problem(409, 'window-not-open'), 'not open yet'],
    [problem(410, 'question-voided'), 'withdrawn'],
    [problem(404, 'not-found'), 'no such question'],
    [problem(401), 'Sign in again'],
    [problem(429), 'Too many people'],
    [problem(429, 'too-many-requests', 'Ask again in 2 s.'), 'Ask again in 2 s.'],
    [problem(503, 'unavailable'), 'not available at the moment'],
    [problem(500), 'not available at the moment'],
    [problem(422, 'unknown-option', 'The question has 2 options.'), 'The question has 2 options.'],
    [problem(418), 'status 418'],
  ])('%j', (failure, words) => {
    expect(inWords(failure)).toContain(words);
  });
});

it('counts down in whole seconds, to zero at the very end only', () => {
  const open = round({ kind: 'none' });
  expect([0, 1, 9_000, 9_001, 9_999, 10_000, 11_000].map((at) => secondsLeft(open, at))).toEqual([
    10, 10, 1, 1, 1, 0, 0,
  ]);
  expect([plural(1, 'second'), plural(0, 'second')]).toEqual(['1 second', '0 seconds']);
});

it('says what became of an answer', () => {
  const note = (answer: Answer, at = 0) => noteOn(round(answer), at);
  expect(note({ kind: 'none' })).toBe('Choose an answer.');
  expect(note({ kind: 'none' }, 10_000)).toContain('You did not answer');
  expect(note({ kind: 'recorded', choice: 1 })).toBe('Your answer is in: No.');
  expect(note({ kind: 'recorded', choice: 1 }, 10_000)).toContain('Waiting for the results');
  expect(note({ kind: 'recorded-before', choice: 0 })).toContain('Yes. The first answer counts');
  expect(note({ kind: 'late', choice: 0 })).toContain('does not count');
  expect(note({ kind: 'unsent', choice: 0, why: 'No network.' })).toContain('No network.');
});

describe('the bars of the results', () => {
  const results = { kind: 'results', questionId: 'q1', counts: [3, 1], correct: 0 } as const;

  it('have counts, shares, the correct one and the own one', () => {
    expect(barsOf(results, OPTIONS, { kind: 'recorded', choice: 1 })).toEqual([
      { label: 'Yes', count: 3, percent: 75, isCorrect: true, isMine: false },
      { label: 'No', count: 1, percent: 25, isCorrect: false, isMine: true },
    ]);
  });

  it('say nothing of an answer that does not count', () => {
    const bars = barsOf(results, OPTIONS, { kind: 'late', choice: 1 });
    expect(bars.some(({ isMine }) => isMine)).toBe(false);
  });

  it('need neither answers nor the question', () => {
    expect(
      barsOf({ ...results, counts: [0, 0], correct: undefined }, undefined, undefined),
    ).toEqual([
      { label: 'Option 1', count: 0, percent: 0, isCorrect: undefined, isMine: false },
      { label: 'Option 2', count: 0, percent: 0, isCorrect: undefined, isMine: false },
    ]);
  });
});

it.each([
  [1, '1st'],
  [2, '2nd'],
  [3, '3rd'],
  [4, '4th'],
  [11, '11th'],
  [12, '12th'],
  [13, '13th'],
  [21, '21st'],
  [112, '112th'],
  [4711, '4,711th'],
  [10_002, '10,002nd'],
])('says the rank %d as %s', (rank, said) => {
  expect(ordinal(rank)).toBe(said);
});

describe('the own place in words', () => {
  it('is among all', () => {
    const standing = { players: 12_000, you: { rank: 4711, points: 1 } };
    expect(standingInWords(standing)).toBe('You are 4,711th of 12,000, with 1 point.');
  });

  it('is none for who answered nothing, and may not be known', () => {
    expect(standingInWords({ players: 3, you: undefined })).toContain('answered no question');
    expect(standingInWords({ why: 'No network.', isAsking: false })).toContain(
      'cannot be read now. No network.',
    );
  });

  it('is told to a screen reader behind the best', () => {
    const top = [{ rank: 1, name: 'Ada', points: 2 }];
    const leaderboard = { kind: 'leaderboard', top, standing: undefined } as const;
    const said = (standing: Parameters<typeof standingInWords>[0] | undefined) =>
      announcement({ ...NO_QUIZ, screen: { ...leaderboard, standing } });
    expect(said(undefined)).toBe('Leaderboard. 1. Ada, 2 points.');
    expect(said({ players: 9, you: { rank: 9, points: 0 } })).toBe(
      'Leaderboard. 1. Ada, 2 points. You are 9th of 9, with 0 points.',
    );
  });
});

it('has a key for each of ten options', () => {
  expect(Array.from({ length: 10 }, (_, index) => keyOf(index)).join('')).toBe('1234567890');
});

it('keeps the order of a sentence around a text from right to left', () => {
  expect(within('No')).toBe('No');
  expect(within('東京')).toBe('東京');
  for (const text of ['القاهرة', 'ירושלים', '𐤀', '𞤀']) {
    expect(within(text)).toBe(`\u2068${text}\u2069`);
  }
});

it.each<[Answer, string]>([
  [{ kind: 'recorded-before', choice: 0 }, 'You answered before: Yes. The first answer counts.'],
  [{ kind: 'early', choice: 1 }, 'Too early.'],
  [{ kind: 'late', choice: 1 }, 'Too late.'],
  [{ kind: 'voided' }, 'was withdrawn. No answer to it counts.'],
])('says of an answer %j', (answer, words) => {
  expect(noteOn(round(answer), 0)).toContain(words);
});
