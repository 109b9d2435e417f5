import { afterEach, expect, it, vi } from 'vitest';

import { Api } from './api';

const RUN = { quizId: 'a quiz', runId: 'run' };
const session = {
  idToken: () => Promise.resolve({ ok: true, value: 'token' } as const),
  signOut: vi.fn(),
};
const fetched = vi.fn<(url: string, init: RequestInit) => Promise<Response>>();
const api = new Api('https://api.example', session);

function answers(body: object, status = 200) {
  fetched.mockResolvedValue(new Response(JSON.stringify(body), { status }));
  vi.stubGlobal('fetch', fetched);
}

afterEach(() => {
  vi.unstubAllGlobals();
});

it('reads a receipt with the time left', async () => {
  answers({ choice: 1, receivedAt: '', closesAt: '', remainingMillis: 16_880 }, 201);
  const result = await api.answer({ ...RUN, questionId: 'q1-2' }, 1);
  expect(result).toEqual({ ok: true, value: { choice: 1, remainingMillis: 16_880 } });
  const [url] = fetched.mock.lastCall ?? [];
  expect(url).toBe('https://api.example/quizzes/a%20quiz/runs/run/questions/q1-2/answers');
});

it.each([
  [
    { status: 'tallied', final: [1, 2], correct: 1, accepted: 3 },
    { status: 'tallied', counts: [1, 2], correct: 1 },
  ],
  [
    { status: 'tallied', final: [1, 2] },
    { status: 'tallied', counts: [1, 2] },
  ],
  [
    { status: 'voided', final: null, live: [1, 0] },
    { status: 'voided', counts: undefined },
  ],
  [{ status: 'open', remainingMillis: 5 }, { status: 'open' }],
])('reads results: %j', async (body, results) => {
  answers(body);
  expect(await api.results({ ...RUN, questionId: 'q1' })).toMatchObject({
    ok: true,
    value: results,
  });
});

it('tells how long the service wants to be left alone', async () => {
  fetched.mockResolvedValue(new Response('', { status: 429, headers: { 'retry-after': '4' } }));
  vi.stubGlobal('fetch', fetched);
  expect(await api.leaderboard(RUN)).toMatchObject({ failure: { retryAfterMs: 4_000 } });
});

it('reads a leaderboard with the own place', async () => {
  const top = [{ rank: 1, name: 'Ada', points: 9 }];
  answers({ questions: 2, players: 7, top, you: { rank: 7, points: 0 } });
  expect(await api.leaderboard(RUN)).toEqual({
    ok: true,
    value: { top, standing: { players: 7, you: { rank: 7, points: 0 } } },
  });
  answers({ questions: 0, players: 0, top: [], you: null });
  expect(await api.leaderboard(RUN)).toEqual({
    ok: true,
    value: { top: [], standing: { players: 0, you: undefined } },
  });
});

it.each([{}, { status: 'done' }, { status: 'tallied', final: null }, { top: [], players: -1 }])(
  'takes nothing else for it: %j',
  async (body) => {
    answers(body);
    expect(await api.results({ ...RUN, questionId: 'q1' })).toMatchObject({ ok: false });
    expect(await api.leaderboard(RUN)).toMatchObject({ ok: false });
  },
);
