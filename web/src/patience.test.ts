import { describe, expect, it, vi } from 'vitest';

import { type Failure, mayPass, readProblem } from './failures';
import {
  FOR_A_CLICK,
  FOR_A_READ,
  FOR_AN_ANSWER,
  SPREAD_MS,
  SPREAD_UNKNOWN_MS,
  laterMs,
  pauseMs,
  persistently,
  spread,
} from './patience';

function problem(status: number, retryAfter?: string): Failure {
  return readProblem(status, '', retryAfter);
}

/** Waits in no time: its clock is what was waited for. Its chance is always the same. */
function waiting(random: number) {
  const pauses: number[] = [];
  const clock = () => pauses.reduce((sum, millis) => sum + millis, 0);
  const pause = (millis: number) => {
    pauses.push(millis);
    return Promise.resolve();
  };
  return { pauses, clock, pause, random: () => random };
}

function refused(failure: Failure) {
  return vi.fn(() => Promise.resolve({ ok: false, failure } as const));
}

describe('sending persistently', () => {
  it('ends at the first answer that will not change', async () => {
    const send = refused(problem(410));
    await persistently(send, FOR_A_READ, waiting(0));
    expect(send).toHaveBeenCalledOnce();
    expect([400, 401, 404, 409, 410, 422].map((status) => mayPass(problem(status)))).toEqual(
      Array(6).fill(false),
    );
  });

  it('ends when it has succeeded', async () => {
    const send = refused(problem(503)).mockResolvedValueOnce({ ok: true, value: 7 } as never);
    expect(await persistently(send, FOR_A_READ, waiting(0))).toEqual({ ok: true, value: 7 });
    expect(send).toHaveBeenCalledOnce();
  });

  it.each([
    [FOR_AN_ANSWER, [400, 800]],
    [FOR_A_CLICK, [1_000, 2_000, 4_000]],
    [FOR_A_READ, [10_000, 20_000, 40_000, 80_000]],
  ])('pauses longer each time: %j', async (patience, usual) => {
    const around = waiting(0.5);
    expect(await persistently(refused(problem(429)), patience, around)).toMatchObject({
      failure: { status: 429 },
    });
    expect(around.pauses).toEqual(usual);
  });

  it('brings back at other times who was refused together', async () => {
    for (const [random, pauses] of [
      [0, [5_000, 10_000, 20_000, 40_000]],
      [0.75, [12_500, 25_000, 50_000, 100_000]],
    ] as const) {
      const around = waiting(random);
      await persistently(refused(problem(429)), FOR_A_READ, around);
      expect(around.pauses).toEqual(pauses);
    }
  });

  it('sends an answer as often as there is time for', async () => {
    const [send, around] = [refused(problem(429)), waiting(0.5)];
    await persistently(send, FOR_AN_ANSWER, around, { until: 19_000 });
    // 16 s are over then, and in the 3 s that are left there is a half of a pause.
    expect(around.pauses).toEqual([400, 800, 1_600, 3_200, 5_000, 5_000, 2_750]);
    expect(send).toHaveBeenCalledTimes(8);
  });

  it('waits as long as the service asks for, and ends when that is for too long', async () => {
    const around = waiting(0);
    await persistently(refused(problem(429, '3')), FOR_A_CLICK, around);
    expect(around.pauses).toEqual([3_000, 3_000, 3_000]);
    const send = refused(problem(503, '61'));
    await persistently(send, FOR_A_READ, waiting(0));
    expect(send).toHaveBeenCalledOnce();
  });

  it('does not send again what nobody waits for', async () => {
    const send = refused(problem(429));
    await persistently(send, FOR_A_READ, waiting(0), { isOver: () => true });
    expect(send).toHaveBeenCalledOnce();
  });
});

it('has no pause that ends after the time, but two when there is hardly any', () => {
  const pauses = (left: number) =>
    [1, 2, 3, 4].map((tried) => {
      const millis = pauseMs(FOR_AN_ANSWER, tried, 0.999, { left });
      return millis && Math.ceil(millis);
    });
  expect(pauses(1_000)).toEqual([600, 1_000, 1_000, undefined]);
  expect(pauses(100)).toEqual([600, 1_200, undefined, undefined]);
  expect(pauses(-9)).toEqual(pauses(100));
});

it('asks for what is not known yet less and less often, without an end', () => {
  expect([1, 2, 3, 4, 5, 99].map((times) => laterMs(times, 0.5))).toEqual([
    30_000, 60_000, 120_000, 240_000, 300_000, 300_000,
  ]);
});

it('spreads an audience', async () => {
  for (const random of [0, 0.25, 0.5]) {
    const around = waiting(random);
    await spread(around, undefined);
    await spread(around, 10_000_000);
    await spread(around, 1_000_000);
    await spread(around, 5_000);
    const spreads = [SPREAD_UNKNOWN_MS, SPREAD_MS, 400_000, 2_000];
    expect(around.pauses).toEqual(spreads.map((millis) => random * millis));
  }
});

it.each([
  ['7', 7_000],
  ['0', 0],
  ['Sun, 22 Nov 2026 23:00:00 GMT', undefined],
  ['-1', undefined],
  [null, undefined],
])('reads Retry-After: %s', (header, millis) => {
  expect(readProblem(429, '', header)).toMatchObject({ retryAfterMs: millis });
});
