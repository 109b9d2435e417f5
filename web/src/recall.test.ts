import { expect, it } from 'vitest';

import type { QuestionCue } from './cues';
import { type Recalled, type Store, keep, recall, withQuestion } from './recall';

function question(n: number, questionId = `q${n}`, runId = 'run'): QuestionCue {
  const cue = { kind: 'question', quizId: 'quiz', of: 9, answers: ['A', 'B'], seconds: 5 } as const;
  return { ...cue, n, questionId, runId, question: `${questionId}?` };
}

function after(...cues: QuestionCue[]): Recalled | undefined {
  return cues.reduce<Recalled | undefined>(withQuestion, undefined);
}

function store(text: string | null = null): Store {
  let kept = text;
  return {
    getItem: () => kept,
    setItem: (_, value) => {
      kept = value;
    },
  };
}

const ids = (recalled: Recalled | undefined) => recalled?.asked.map(({ questionId }) => questionId);

it('knows the questions of the last run in their order', () => {
  expect(ids(after(question(2), question(1), question(3), question(2)))).toEqual([
    'q1',
    'q2',
    'q3',
  ]);
  expect(after(question(1), question(1, 'q1', 'other'))).toMatchObject({ runId: 'other' });
  expect(ids(after(question(1), question(2), question(1, 'q1', 'other')))).toEqual(['q1']);
});

it('knows a question as it was asked last', () => {
  expect(ids(after(question(1), question(1, 'q1-2'), question(2)))).toEqual(['q1-2', 'q2']);
  expect(ids(after(question(1, 'q1-3'), question(1), question(1, 'q1-2')))).toEqual(['q1-3']);
});

it('is kept, and read as it was', () => {
  const known = after(question(1), question(2));
  const kept = store();
  expect(recall(kept)).toBeUndefined();
  if (known) keep(kept, known);
  expect(recall(kept)).toEqual(known);
});

it.each(['', '{', '[]', '{"quizId":"a","runId":"b"}', '{"quizId":"a","runId":"b","asked":[{}]}'])(
  'reads nothing out of %s',
  (text) => {
    expect(recall(store(text))).toBeUndefined();
  },
);

it('does without, when the browser keeps nothing', () => {
  const refused = () => {
    throw new Error('The operation is insecure.');
  };
  const broken: Store = { getItem: refused, setItem: refused };
  expect(recall(broken)).toBeUndefined();
  expect(() => {
    keep(broken, { quizId: 'a', runId: 'b', asked: [] });
  }).not.toThrow();
});
