// @vitest-environment jsdom
import { act, cleanup, renderHook } from '@testing-library/react';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import type { Receipt, Results } from './api';
import type { Result } from './failures';
import { readProblem } from './failures';
import type { Leaderboard } from './leaderboard';
import { useQuiz } from './useQuiz';

const QUESTION = JSON.stringify({
  type: 'question',
  quizId: 'quiz',
  runId: 'run',
  questionId: 'q1',
  n: 1,
  of: 1,
  question: 'Is the sky up?',
  answers: ['Yes', 'No'],
  seconds: 10,
});
const LEADERBOARD = JSON.stringify({ type: 'leaderboard', top: [['Ada', 9]] });
const TOO_MANY = { ok: false, failure: readProblem(429, '') } as const;
const FINAL: Results = { status: 'tallied', counts: [3, 1], correct: 0 };

const answer = vi.fn<() => Promise<Result<Receipt>>>();
const results = vi.fn<() => Promise<Result<Results>>>();
const leaderboard = vi.fn<() => Promise<Result<Leaderboard>>>();
let now: number;
/** What is waited for: how long, and how to end it. */
let pauses: { millis: number; end: () => void }[];

beforeEach(() => {
  [now, pauses] = [1_000_000, []];
  vi.clearAllMocks();
  for (const call of [answer, results, leaderboard]) call.mockResolvedValue(TOO_MANY);
});
afterEach(cleanup);

/** Does it, and lets everything happen that follows from it. */
function after(doIt: () => void) {
  return act(async () => {
    doIt();
    await Promise.resolve();
  });
}

function quiz(viewer: string | undefined) {
  let current = viewer;
  const services = {
    config: { apiUrl: '', identityUrl: '', userPoolClientId: '', channels: [] },
    session: {
      subscribe: () => () => undefined,
      viewer: () => (current === undefined ? undefined : { username: current, name: undefined }),
      signIn: vi.fn(),
      signOut: vi.fn(),
    },
    api: { answer, results, leaderboard, playbackToken: vi.fn() },
    createPlayer: vi.fn(),
    store: { getItem: () => null, setItem: () => undefined },
    clock: () => now,
    random: () => 0.5,
    pause: (millis: number) => new Promise<void>((end) => pauses.push({ millis, end })),
  };
  const { result, rerender } = renderHook(({ viewer }) => useQuiz(services, viewer), {
    initialProps: { viewer },
  });
  return {
    hear: (text: string) =>
      after(() => {
        result.current.hear(text);
      }),
    choose: (choice: number) =>
      after(() => {
        result.current.choose(choice);
      }),
    askAgain: () =>
      after(() => {
        result.current.askAgain();
      }),
    screen: () => result.current.quiz.screen,
    is: async (viewer: string | undefined) => {
      current = viewer;
      await after(() => {
        rerender({ viewer });
      });
    },
  };
}

/** Ends the newest pause. Returns how long it was. */
async function waited(): Promise<number | undefined> {
  const last = pauses.pop();
  if (last) now += last.millis;
  await after(() => last?.end());
  return last?.millis;
}

/** Ends so many pauses, one after the other. */
async function waitedFor(times: number) {
  const all = [];
  for (let time = 0; time < times; time += 1) all.push(await waited());
  return all;
}

describe('the own place', () => {
  const place = (rank: number): Result<Leaderboard> => ({
    ok: true,
    value: { top: [], standing: { players: 9, you: { rank, points: 1 } } },
  });

  it('is asked for by an audience in twenty seconds, and again when too many did', async () => {
    const { hear, screen } = quiz('ada');
    await hear(QUESTION);
    pauses = [];
    await hear(LEADERBOARD);
    expect(leaderboard).not.toHaveBeenCalled();
    expect(await waitedFor(2)).toEqual([10_000, 10_000]);
    expect(leaderboard).toHaveBeenCalledTimes(2);
    leaderboard.mockResolvedValue(place(3));
    await waited();
    expect(leaderboard).toHaveBeenCalledTimes(3);
    expect(screen()).toMatchObject({ standing: { you: { rank: 3 } } });
    expect(pauses).toEqual([]);
  });

  it('is asked for sooner in an audience that is known to be small', async () => {
    const { hear } = quiz('ada');
    await hear(QUESTION);
    pauses = [];
    await hear(JSON.stringify({ type: 'results', questionId: 'q1', counts: [20, 5] }));
    await hear(LEADERBOARD);
    expect(await waited()).toBe(5);
    expect(leaderboard).toHaveBeenCalledTimes(1);
  });

  it('can be asked for again when it could not be read', async () => {
    const { hear, screen, askAgain } = quiz('ada');
    await hear(QUESTION);
    pauses = [];
    await hear(LEADERBOARD);
    await askAgain();
    expect(await waitedFor(5)).toEqual([10_000, 10_000, 20_000, 40_000, 80_000]);
    expect(screen()).toMatchObject({ standing: { isAsking: false } });
    expect(leaderboard).toHaveBeenCalledTimes(5);
    await askAgain();
    expect(leaderboard).toHaveBeenCalledTimes(6);
    expect(screen()).toMatchObject({ standing: { isAsking: true } });
    expect(await waitedFor(3)).toEqual([1_000, 2_000, 4_000]);
    expect(screen()).toMatchObject({ standing: { isAsking: false } });
    leaderboard.mockResolvedValue(place(3));
    await askAgain();
    expect(screen()).toMatchObject({ standing: { you: { rank: 3 } } });
  });

  it('is asked for when somebody signs in, and is told to nobody else', async () => {
    const { hear, screen, is } = quiz(undefined);
    await hear(QUESTION);
    await hear(LEADERBOARD);
    expect(pauses).toEqual([]);
    leaderboard.mockResolvedValue(place(3));
    await is('ada');
    await waited();
    expect(screen()).toMatchObject({ standing: { you: { rank: 3 } } });
    await is(undefined);
    expect(screen()).toMatchObject({ standing: undefined });
    await is('bob');
    expect(screen()).toMatchObject({ standing: undefined });
    leaderboard.mockResolvedValue(place(7));
    await waited();
    expect(screen()).toMatchObject({ standing: { you: { rank: 7 } } });
  });

  it('of the one before is not told to the next', async () => {
    const { hear, screen, is } = quiz('ada');
    await hear(QUESTION);
    pauses = [];
    await hear(LEADERBOARD);
    let tell: (result: Result<Leaderboard>) => void = () => undefined;
    leaderboard.mockReturnValueOnce(new Promise((told) => (tell = told)));
    await waited();
    await is('bob');
    await after(() => {
      tell(place(3));
    });
    expect(screen()).toMatchObject({ standing: undefined });
  });
});

describe('results that do not come', () => {
  it.each<[Results, object]>([
    [FINAL, { kind: 'results', results: { counts: [3, 1] } }],
    [
      { status: 'voided', counts: undefined, correct: undefined },
      { kind: 'question', round: { answer: { kind: 'voided' } } },
    ],
  ])('are asked for until they are known: %j', async (final, shown) => {
    const { hear, screen } = quiz('ada');
    await hear(QUESTION);
    // Ten seconds for the question, twenty for its results, then everyone at another time.
    expect(await waitedFor(2)).toEqual([30_000, 10_000]);
    expect(results).toHaveBeenCalledOnce();
    expect(await waitedFor(4)).toEqual([10_000, 20_000, 40_000, 80_000]);
    expect(results).toHaveBeenCalledTimes(5);
    const closed: Results = { status: 'closed', counts: undefined, correct: undefined };
    results.mockResolvedValue({ ok: true, value: closed });
    expect(await waitedFor(2)).toEqual([30_000, 60_000]);
    expect(results).toHaveBeenCalledTimes(7);
    results.mockResolvedValue({ ok: true, value: final });
    expect(await waited()).toBe(120_000);
    expect(screen()).toMatchObject(shown);
    expect(pauses).toEqual([]);
    expect(results).toHaveBeenCalledTimes(8);
  });

  it('are not asked for when nobody knows the question, or something new is shown', async () => {
    const { hear } = quiz('ada');
    await hear(QUESTION);
    results.mockResolvedValue({ ok: false, failure: readProblem(404, '') });
    await waitedFor(2);
    expect(pauses).toEqual([]);
    await hear(QUESTION.replaceAll('q1', 'q1-2'));
    await hear(JSON.stringify({ type: 'cancelled', quizId: 'quiz', runId: 'run' }));
    await waited();
    expect(pauses).toEqual([]);
    expect(results).toHaveBeenCalledOnce();
  });

  it('are asked for once somebody is signed in', async () => {
    const { hear, is } = quiz(undefined);
    await hear(QUESTION);
    expect(pauses).toEqual([]);
    results.mockResolvedValue({ ok: true, value: FINAL });
    await is('ada');
    await waitedFor(2);
    expect(results).toHaveBeenCalledOnce();
  });
});

describe('an answer', () => {
  it('is sent at once, and again as long as there is time', async () => {
    const { hear, choose, screen } = quiz('ada');
    await hear(QUESTION);
    pauses = [];
    await choose(1);
    expect(answer).toHaveBeenCalledOnce();
    expect(await waitedFor(4)).toEqual([400, 800, 1_600, 3_200]);
    // Four seconds are left, and half of five at least is waited.
    expect(await waited()).toBe(3_250);
    expect(answer).toHaveBeenCalledTimes(6);
    expect(pauses).toEqual([]);
    expect(screen()).toMatchObject({ round: { answer: { kind: 'unsent', choice: 1 } } });
  });

  it('is never sent as the answer of who has signed in since, nor shown as theirs', async () => {
    const { hear, choose, screen, is } = quiz('ada');
    await hear(QUESTION);
    pauses = [];
    await choose(1);
    const [retry] = pauses;
    await is(undefined);
    expect(screen()).toMatchObject({ round: { answer: { kind: 'sending' } } });
    await is('bob');
    expect(screen()).toMatchObject({ round: { answer: { kind: 'none' } } });
    await after(() => retry?.end());
    expect(answer).toHaveBeenCalledOnce();
    expect(screen()).toMatchObject({ round: { answer: { kind: 'none' } } });
    answer.mockResolvedValue({ ok: true, value: { choice: 0, remainingMillis: 5_000 } });
    await choose(0);
    expect(screen()).toMatchObject({ round: { answer: { kind: 'recorded', choice: 0 } } });
  });

  it('of who has to sign in anew can be sent again', async () => {
    answer.mockResolvedValue({ ok: false, failure: { kind: 'signed-out' } });
    const { hear, choose, screen, is } = quiz('ada');
    await hear(QUESTION);
    await choose(1);
    await is(undefined);
    await is('ada');
    expect(screen()).toMatchObject({ round: { answer: { kind: 'unsent', choice: 1 } } });
  });
});
