import { describe, expect, it } from 'vitest';

import { readCue } from './cues';

const QUESTION = {
  type: 'question',
  quizId: 'quiz',
  runId: 'run',
  questionId: 'q1',
  n: 1,
  of: 5,
  question: 'Up?',
  answers: ['True', 'False'],
  seconds: 15,
};

/** The object as a cue's text, with some members replaced; undefined leaves one out. */
function read(json: object, changes: object = {}) {
  return readCue(JSON.stringify({ ...json, ...changes }));
}

describe('readCue', () => {
  it('reads every kind that the services push', () => {
    expect(read(QUESTION)).toEqual({
      kind: 'question',
      quizId: 'quiz',
      runId: 'run',
      questionId: 'q1',
      n: 1,
      of: 5,
      question: 'Up?',
      answers: ['True', 'False'],
      seconds: 15,
    });
    expect(readCue('{"type":"results","questionId":"q1","counts":[3,0],"correct":1}')).toEqual({
      kind: 'results',
      questionId: 'q1',
      counts: [3, 0],
      correct: 1,
    });
    expect(readCue('{"type":"leaderboard","top":[["Ada",2870]]}')).toEqual({
      kind: 'leaderboard',
      top: [['Ada', 2870]],
    });
    expect(readCue('{"type":"cancelled","quizId":"quiz","runId":"run"}')).toEqual({
      kind: 'cancelled',
      quizId: 'quiz',
      runId: 'run',
    });
  });

  it.each(['{"counts":[1]}', '{"counts":[1],"correct":null}'])(
    'reads results of a poll: %s',
    (text) => {
      expect(read(JSON.parse(text) as object, { type: 'results', questionId: 'q' })).toMatchObject({
        kind: 'results',
        correct: undefined,
      });
    },
  );

  it("reads the tutorials' payload, which has no type", () => {
    const text =
      '{"current_time": "2022-Apr-14-153617", "question": "Question : 8", "answers": ["True", "False"]}';
    expect(readCue(text)).toEqual({
      kind: 'plain',
      question: 'Question : 8',
      answers: ['True', 'False'],
    });
  });

  it.each(['', 'hello', '{', 'null', '7', '"text"', '[]', '{}', '{"type":"advert"}', '{"type":7}'])(
    'takes nothing else for a cue: %s',
    (text) => {
      expect(readCue(text)).toBeUndefined();
    },
  );

  const wrong = [
    undefined,
    null,
    '',
    ' ',
    true,
    -1,
    1.5,
    1e300,
    [],
    {},
    [''],
    ['only one'],
    [1, 2],
  ];

  it.each(Object.keys(QUESTION).filter((name) => name !== 'type'))(
    'refuses a question whose %s is wrong',
    (name) => {
      for (const value of wrong) {
        expect(read(QUESTION, { [name]: value }), JSON.stringify(value)).toBeUndefined();
      }
    },
  );

  it('refuses a place beyond the end and too many options', () => {
    expect(read(QUESTION, { n: 6 })).toBeUndefined();
    expect(read(QUESTION, { n: 0 })).toBeUndefined();
    expect(read(QUESTION, { answers: Array<string>(11).fill('x') })).toBeUndefined();
  });

  it.each([
    '{"type":"results","questionId":"q1","counts":[]}',
    '{"type":"results","questionId":"q1","counts":[1,-1]}',
    '{"type":"results","questionId":"q1","counts":[1,2],"correct":2}',
    '{"type":"results","questionId":"q1","counts":[1,2],"correct":"1"}',
    '{"type":"results","counts":[1,2]}',
    '{"type":"leaderboard","top":[["Ada"]]}',
    '{"type":"leaderboard","top":[["Ada","1"]]}',
    '{"type":"leaderboard","top":{}}',
    '{"type":"cancelled","quizId":"quiz"}',
  ])('refuses %s', (text) => {
    expect(readCue(text)).toBeUndefined();
  });
});
