import { describe, expect, it } from 'vitest';

import { answerOf, closingOf } from './answer';
import type { Failure } from './failures';

describe('answerOf', () => {
  const problem = (status: number, name: string, members = {}): Failure => ({
    kind: 'problem',
    status,
    name,
    detail: '',
    members,
  });

  it.each<[Failure, object]>([
    [problem(410, 'window-closed'), { kind: 'late', choice: 1 }],
    [problem(409, 'already-answered', { choice: 0 }), { kind: 'recorded-before', choice: 0 }],
    [problem(409, 'already-answered'), { kind: 'refused' }],
    [problem(409, 'window-not-open'), { kind: 'early', choice: 1 }],
    [problem(410, 'question-voided'), { kind: 'voided' }],
    [problem(422, 'unknown-option'), { kind: 'refused' }],
    [problem(404, 'not-found'), { kind: 'refused' }],
    [problem(503, 'unavailable'), { kind: 'unsent' }],
    [problem(429, 'http'), { kind: 'unsent' }],
    [{ kind: 'unreachable' }, { kind: 'unsent', choice: 1 }],
    [{ kind: 'signed-out' }, { kind: 'unsent', choice: 1 }],
  ])('reads %j', (failure, answer) => {
    expect(answerOf(1, { ok: false, failure })).toMatchObject(answer);
  });

  it('takes the choice that the service recorded', () => {
    expect(answerOf(1, { ok: true, value: { choice: 1, remainingMillis: 7 } })).toEqual({
      kind: 'recorded',
      choice: 1,
    });
  });
});

describe('closingOf', () => {
  const refused = (name: string, members = {}) =>
    ({
      ok: false,
      failure: { kind: 'problem', status: 400, name, detail: '', members },
    }) as const;

  it('counts from when the request was sent, so that it promises no more than there is', () => {
    const value = { choice: 1, remainingMillis: 5_000 };
    expect(closingOf({ ok: true, value }, 1_000)).toBe(6_000);
    const before = refused('already-answered', { choice: 0, remainingMillis: 0 });
    expect(closingOf(before, 1_000)).toBe(1_000);
    expect(closingOf(refused('window-closed'), 1_000)).toBe(1_000);
  });

  it('says nothing when the service did not', () => {
    const value = { choice: 1, remainingMillis: undefined };
    expect(closingOf({ ok: true, value }, 0)).toBeUndefined();
    expect(closingOf(refused('already-answered', { remainingMillis: 'x' }), 0)).toBeUndefined();
    expect(closingOf({ ok: false, failure: { kind: 'unreachable' } }, 0)).toBeUndefined();
  });
});
