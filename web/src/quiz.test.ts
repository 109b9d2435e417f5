import { describe, expect, it } from 'vitest';

import type { Cue, QuestionCue } from './cues';
import { type Action, NO_QUIZ, type Quiz, mayChoose, millisLeft, quizReducer } from './quiz';

function question(n: number, runId = 'run'): QuestionCue {
  return {
    kind: 'question',
    quizId: 'quiz',
    runId,
    questionId: `q${n}`,
    n,
    of: 3,
    question: `Question ${n}?`,
    answers: ['A', 'B', 'C'],
    seconds: 10,
  };
}

function results(n: number): Cue {
  return { kind: 'results', questionId: `q${n}`, counts: [1, 2, 3], correct: 2 };
}

const PLAIN: Cue = { kind: 'plain', question: 'Question : 8', answers: ['True', 'False'] };
const LEADERBOARD: Cue = { kind: 'leaderboard', top: [['Ada', 900]] };
const CANCELLED: Cue = { kind: 'cancelled', quizId: 'quiz', runId: 'run' };

function after(...actions: (Action | Cue)[]): Quiz {
  return actions
    .map((action): Action => ('kind' in action ? { type: 'cue', cue: action, at: 0 } : action))
    .reduce(quizReducer, NO_QUIZ);
}

function choose(choice: number, at = 1_000): Action {
  return { type: 'choose', choice, at };
}

function answerIn({ screen }: Quiz) {
  return 'round' in screen ? screen.round?.answer : undefined;
}

describe('a question', () => {
  it('opens with the time that its cue gives', () => {
    const { screen } = after(question(1));
    expect(screen.kind).toBe('question');
    if (screen.kind !== 'question') return;
    expect(millisLeft(screen.round, 0)).toBe(10_000);
    expect(millisLeft(screen.round, 9_999)).toBe(1);
    expect(millisLeft(screen.round, 20_000)).toBe(0);
  });

  it('takes one choice while there is time', () => {
    expect(answerIn(after(question(1), choose(1)))).toEqual({ kind: 'sending', choice: 1 });
    expect(answerIn(after(question(1), choose(1), choose(2)))).toMatchObject({ choice: 1 });
    expect(answerIn(after(question(1), choose(1, 10_000)))).toEqual({ kind: 'none' });
    expect(answerIn(after(question(1), choose(3)))).toEqual({ kind: 'none' });
  });

  it('does not give more time or take an answer back when its cue comes again', () => {
    const once = after(question(1), choose(1));
    const again = quizReducer(once, { type: 'cue', cue: question(1), at: 5_000 });
    expect(again).toBe(once);
  });

  it('gives way to the next one, and an earlier one does not come back', () => {
    const quiz = after(question(1), choose(1), question(2));
    expect(answerIn(quiz)).toEqual({ kind: 'none' });
    expect(after(question(1), question(2), question(1))).toEqual(after(question(1), question(2)));
  });

  it('may be asked again in another run', () => {
    const quiz = after(question(1), choose(1), question(1, 'second'));
    expect(quiz.newest?.runId).toBe('second');
    expect(answerIn(quiz)).toEqual({ kind: 'none' });
  });

  it('takes an unsent answer again even when its time is over here', () => {
    const unsent: Action = {
      type: 'answered',
      question: question(1),
      answer: { kind: 'unsent', choice: 1, why: '' },
      viewer: undefined,
    };
    expect(answerIn(after(question(1), choose(1), unsent, choose(1, 11_000)))).toEqual({
      kind: 'sending',
      choice: 1,
    });
    expect(answerIn(after(question(1), choose(1), unsent, choose(2, 11_000)))).toMatchObject({
      kind: 'unsent',
    });
    expect(answerIn(after(question(1), choose(1), unsent, choose(2)))).toMatchObject({
      kind: 'sending',
      choice: 2,
    });
  });

  it('ignores what became of an answer to another question', () => {
    const late: Action = {
      type: 'answered',
      question: question(1),
      answer: { kind: 'recorded', choice: 0 },
      viewer: undefined,
    };
    expect(answerIn(after(question(1), choose(0), question(2), late))).toEqual({ kind: 'none' });
    expect(answerIn(after(question(1), choose(0), question(1, 'second'), late))).toEqual({
      kind: 'none',
    });
  });
});

describe('a question that is asked again', () => {
  const again: QuestionCue = { ...question(1), questionId: 'q1-2' };

  it('takes the place of the first, whose answer is gone', () => {
    const quiz = after(question(1), choose(1), again);
    expect(quiz.newest?.questionId).toBe('q1-2');
    expect(answerIn(quiz)).toEqual({ kind: 'none' });
    expect(answerIn(after(question(1), choose(1), again, choose(2)))).toMatchObject({ choice: 2 });
  });

  it('does not come back as it was the first time, nor a second time', () => {
    const quiz = after(question(1), again);
    for (const cue of [question(1), again]) {
      expect(quizReducer(quiz, { type: 'cue', cue, at: 9 })).toBe(quiz);
    }
    expect(after(question(1), again, question(2), again).newest?.n).toBe(2);
  });

  it('has its own results', () => {
    expect(after(question(1), again, results(1)).screen.kind).toBe('question');
    const own: Cue = { kind: 'results', questionId: 'q1-2', counts: [1, 2, 3], correct: 2 };
    expect(after(question(1), again, own).screen.kind).toBe('results');
  });
});

describe('what the service says', () => {
  const answered = (answer: object, closesAt?: number): Action =>
    ({ type: 'answered', question: question(1), answer, closesAt }) as Action;

  it('sets how much time is left', () => {
    const { screen } = after(question(1), choose(1), answered({ kind: 'recorded' }, 17_000));
    expect(screen.kind === 'question' && millisLeft(screen.round, 2_000)).toBe(15_000);
  });

  it('of a question that came too early lets the same answer be sent again', () => {
    const { screen } = after(question(1), choose(1), answered({ kind: 'early', choice: 1 }));
    expect([1, 2].map((choice) => mayChoose(screen, choice, 99_000))).toEqual([true, false]);
    expect([1, 2].map((choice) => mayChoose(screen, choice, 2_000))).toEqual([true, true]);
  });

  it('of a withdrawn question ends it', () => {
    const quiz = after(question(1), choose(1), { type: 'voided', question: question(1) });
    expect(answerIn(quiz)).toEqual({ kind: 'voided' });
    expect(mayChoose(quiz.screen, 1, 2_000)).toBe(false);
    expect(after(question(2), { type: 'voided', question: question(1) })).toEqual(
      after(question(2)),
    );
  });

  it('of the own place is shown with the leaderboard of its run', () => {
    const standing = { players: 9, you: { rank: 2, points: 1 } };
    const said = (runId: string): Action => ({ type: 'standing', runId, standing });
    expect(after(question(1), LEADERBOARD, said('run')).screen).toMatchObject({ standing });
    expect(after(question(1), LEADERBOARD, said('second')).screen).toMatchObject({
      standing: undefined,
    });
    expect(after(question(1), said('run'))).toEqual(after(question(1)));
  });
});

describe('who signs in', () => {
  const is = (viewer: string | undefined): Action => ({ type: 'viewer', viewer });

  it('has not answered what the viewer before has, but finds it withdrawn', () => {
    const chosen = after(is('ada'), question(1), choose(1));
    expect(answerIn([is(undefined), is('ada')].reduce(quizReducer, chosen))).toMatchObject({
      kind: 'sending',
    });
    const next = quizReducer(chosen, is('bob'));
    expect(answerIn(next)).toEqual({ kind: 'none' });
    const receipt: Action = {
      type: 'answered',
      question: question(1),
      answer: { kind: 'recorded', choice: 1 },
      viewer: 'ada',
    };
    expect(quizReducer(next, receipt)).toBe(next);
    const voided = quizReducer(chosen, { type: 'voided', question: question(1) });
    expect(answerIn(quizReducer(voided, is('bob')))).toEqual({ kind: 'voided' });
  });

  it('keeps what they chose before, and stays who they are on another channel', () => {
    expect(answerIn(after(question(1), choose(1), is('ada')))).toMatchObject({ choice: 1 });
    expect(after(is('ada'), { type: 'reset' }).viewer).toBe('ada');
  });
});

describe('results', () => {
  it('keep the question and the answer, also one whose receipt comes after them', () => {
    const receipt: Action = {
      type: 'answered',
      question: question(1),
      answer: { kind: 'recorded', choice: 2 },
      viewer: undefined,
    };
    for (const quiz of [
      after(question(1), choose(2), receipt, results(1)),
      after(question(1), choose(2), results(1), receipt),
    ]) {
      expect(quiz.screen).toMatchObject({
        kind: 'results',
        round: { question: { question: 'Question 1?' }, answer: { kind: 'recorded', choice: 2 } },
        results: { counts: [1, 2, 3], correct: 2 },
      });
    }
  });

  it('are shown to who came after the question', () => {
    expect(after(results(2)).screen).toMatchObject({ kind: 'results', round: undefined });
  });

  it('of another question do not push away the open one or the leaderboard', () => {
    expect(after(question(2), results(1)).screen.kind).toBe('question');
    expect(after(question(2), results(2), LEADERBOARD, results(2)).screen.kind).toBe('leaderboard');
  });

  it('with a wrong number of counts are not shown', () => {
    const wrong: Cue = { kind: 'results', questionId: 'q1', counts: [1], correct: undefined };
    expect(after(question(1), wrong).screen.kind).toBe('question');
  });
});

describe('a cancelled quiz', () => {
  it('is said once, and its questions do not come back', () => {
    const quiz = after(question(1), CANCELLED);
    expect(quiz.screen.kind).toBe('cancelled');
    const closed = quizReducer(quiz, { type: 'dismiss' });
    expect(quizReducer(closed, { type: 'cue', cue: CANCELLED, at: 0 })).toBe(closed);
    expect(quizReducer(closed, { type: 'cue', cue: question(2), at: 0 })).toBe(closed);
  });

  it('does not end another run', () => {
    expect(after(question(1, 'second'), CANCELLED).screen.kind).toBe('question');
  });
});

describe("the tutorials' plain question", () => {
  it('never ends and keeps the choice here', () => {
    const quiz = after(PLAIN, choose(1, 1e9), choose(0, 2e9));
    expect(answerIn(quiz)).toEqual({ kind: 'kept', choice: 0 });
  });

  it('comes again when its cue does, and leaves the run known', () => {
    expect(answerIn(after(PLAIN, choose(1), PLAIN))).toEqual({ kind: 'none' });
    expect(after(question(2), PLAIN, question(1)).screen).toMatchObject({
      round: { question: { kind: 'plain' } },
    });
  });
});

it('shows again what the viewer had closed only when something new comes', () => {
  const closed = after(question(1), { type: 'dismiss' });
  expect(closed.dismissed).toBe(true);
  expect(quizReducer(closed, { type: 'cue', cue: question(1), at: 0 }).dismissed).toBe(true);
  expect(quizReducer(closed, { type: 'cue', cue: results(1), at: 0 }).dismissed).toBe(false);
  expect(quizReducer(closed, { type: 'reset' })).toEqual(NO_QUIZ);
});

it('holds its promises for every order of cues, with gaps and repeats', () => {
  const cues = [
    question(1),
    results(1),
    question(2),
    results(2),
    LEADERBOARD,
    CANCELLED,
    PLAIN,
    question(1, 'second'),
  ];
  // Every sequence of four of them: each leaves some out and some have repeats.
  let sequences: Cue[][] = [[]];
  for (let length = 0; length < 4; length += 1) {
    sequences = sequences.flatMap((sequence) => cues.map((cue) => [...sequence, cue]));
  }
  expect(sequences.length).toBe(8 ** 4);
  for (const sequence of sequences) {
    let quiz = NO_QUIZ;
    for (const [at, cue] of sequence.entries()) {
      const before = quiz;
      quiz = quizReducer(quiz, { type: 'cue', cue, at });
      quiz = quizReducer(quiz, { type: 'choose', choice: 1, at });
      const isNew = quiz.newest !== before.newest;
      // A run goes forward only, and a cancelled one does not go on.
      if (isNew && before.newest?.runId === quiz.newest?.runId) {
        expect(quiz.newest?.n).toBeGreaterThan(before.newest?.n ?? 0);
      }
      if (isNew) expect(quiz.newest?.runId).not.toBe(before.cancelledRun);
      // Whoever has chosen keeps that choice while the question is there.
      if (!isNew && before.screen.kind === 'question' && cue.kind === 'question') {
        expect(answerIn(quiz)).toEqual(answerIn(before));
      }
      // Results carry the question that they belong to, or none.
      const { screen } = quiz;
      if (screen.kind === 'results' && screen.round?.question.kind === 'question') {
        expect(screen.round.question.questionId).toBe(screen.results.questionId);
      }
    }
  }
});
