import { describe, expect, it, vi } from 'vitest';

import { type Failure, inWords, mayPass, readProblem } from './failures';
import type { Answer, Round } from './quiz';
import { persistently } from './submission';
import { barsOf, noteOn, plural, secondsLeft } from './words';

function problem(status: number, name?: string, detail?: string): Failure {
  const body = { ...(name && { type: `urn:cuepoint:problem:${name}` }), ...(detail && { detail }) };
  return readProblem(status, JSON.stringify(body));
}

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
      answers: ['Yes', 'No'],
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

describe('sending persistently', () => {
  it('tries three times while it may pass', async () => {
    const send = vi.fn(() => Promise.resolve({ ok: false, failure: problem(503) } as const));
    const pause = vi.fn(() => Promise.resolve());
    expect(await persistently(send, pause)).toMatchObject({ ok: false });
    expect(send).toHaveBeenCalledTimes(3);
    expect(pause).toHaveBeenCalledTimes(2);
  });

  it('ends at the first answer that will not change', async () => {
    const send = vi.fn(() => Promise.resolve({ ok: false, failure: problem(410) } as const));
    await persistently(send, () => Promise.resolve());
    expect(send).toHaveBeenCalledOnce();
    expect([400, 401, 404, 409, 410, 422].map((status) => mayPass(problem(status)))).toEqual(
      Array(6).fill(false),
    );
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
    expect(barsOf(results, round({ kind: 'recorded', choice: 1 }))).toEqual([
      { label: 'Yes', count: 3, percent: 75, isCorrect: true, isMine: false },
      { label: 'No', count: 1, percent: 25, isCorrect: false, isMine: true },
    ]);
  });

  it('say nothing of an answer that does not count', () => {
    const bars = barsOf(results, round({ kind: 'late', choice: 1 }));
    expect(bars.some(({ isMine }) => isMine)).toBe(false);
  });

  it('need neither answers nor the question', () => {
    expect(barsOf({ ...results, counts: [0, 0], correct: undefined }, undefined)).toEqual([
      { label: 'Option 1', count: 0, percent: 0, isCorrect: undefined, isMine: false },
      { label: 'Option 2', count: 0, percent: 0, isCorrect: undefined, isMine: false },
    ]);
  });
});
