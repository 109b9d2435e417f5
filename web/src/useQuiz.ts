/** The quiz for components: cues and taps in, requests out. */

import { useCallback, useEffect, useReducer, useState } from 'react';

import { answerOf, closingOf } from './answer';
import { pause } from './clock';
import { readCue } from './cues';
import { inWords } from './failures';
import { NO_QUIZ, type Quiz, type Round, mayChoose, quizReducer } from './quiz';
import { type Recalled, keep, recall, withQuestion } from './recall';
import type { Services } from './services';
import { persistently } from './submission';

/** How long after a question's time its results are waited for in the video, in milliseconds. */
const RESULTS_WITHIN_MS = 20_000;

export interface QuizHandle {
  readonly quiz: Quiz;
  /** The last run that this browser has seen a question of. */
  readonly recalled: Recalled | undefined;
  /** Takes the text of a cue, whatever it is. */
  readonly hear: (text: string) => void;
  readonly choose: (choice: number) => void;
  readonly dismiss: () => void;
  readonly reset: () => void;
}

export function useQuiz(services: Services): QuizHandle {
  const { api, clock, store } = services;
  const [quiz, dispatch] = useReducer(quizReducer, NO_QUIZ);
  const [recalled, setRecalled] = useState(() => recall(store));

  const hear = useCallback(
    (text: string) => {
      const cue = readCue(text);
      if (cue === undefined) return;
      dispatch({ type: 'cue', cue, at: clock() });
      if (cue.kind === 'question') setRecalled((before) => withQuestion(before, cue));
    },
    [clock],
  );
  useEffect(() => {
    if (recalled) keep(store, recalled);
  }, [recalled, store]);

  useStanding(services, quiz, dispatch);
  useMissedResults(services, quiz, dispatch);

  const choose = (choice: number) => {
    const at = clock();
    const { screen } = quiz;
    if (!mayChoose(screen, choice, at)) return;
    dispatch({ type: 'choose', choice, at });
    const { question } = screen.round;
    if (question.kind === 'plain') return;
    let sentAt = at;
    const send = () => {
      sentAt = clock();
      return api.answer(question, choice);
    };
    void persistently(send, pause).then((result) => {
      const [answer, closesAt] = [answerOf(choice, result), closingOf(result, sentAt)];
      dispatch({ type: 'answered', question, answer, closesAt });
    });
  };

  return {
    quiz,
    recalled,
    hear,
    choose,
    dismiss: useCallback(() => {
      dispatch({ type: 'dismiss' });
    }, []),
    reset: useCallback(() => {
      dispatch({ type: 'reset' });
    }, []),
  };
}

type Dispatch = (action: Parameters<typeof quizReducer>[1]) => void;

/** Asks where this viewer is among all, once the leaderboard is shown. */
function useStanding({ api, spread }: Services, { screen, newest }: Quiz, dispatch: Dispatch) {
  const isWanted = screen.kind === 'leaderboard' && screen.standing === undefined;
  useEffect(() => {
    if (!isWanted || newest === undefined) return undefined;
    let over = false;
    const isOver = () => over;
    const ask = async () => {
      await spread();
      if (isOver()) return;
      const result = await persistently(() => api.leaderboard(newest), pause);
      // Who is not signed in has no place, and need not be told.
      if (isOver() || (!result.ok && result.failure.kind === 'signed-out')) return;
      const standing = result.ok ? result.value.standing : { why: inWords(result.failure) };
      dispatch({ type: 'standing', runId: newest.runId, standing });
    };
    void ask();
    return () => {
      over = true;
    };
  }, [isWanted, newest, api, spread, dispatch]);
}

/**
 * Asks what became of a question whose results do not come in the video: they were missed, or it was
 * withdrawn.
 */
function useMissedResults(services: Services, { screen }: Quiz, dispatch: Dispatch) {
  const { api, clock, spread } = services;
  const waiting = screen.kind === 'question' ? questionOf(screen.round) : undefined;
  const closesAt = screen.kind === 'question' ? screen.round.closesAt : undefined;
  useEffect(() => {
    if (waiting === undefined || closesAt === undefined) return undefined;
    let over = false;
    const isOver = () => over;
    const ask = async () => {
      await spread();
      if (isOver()) return;
      const result = await persistently(() => api.results(waiting), pause);
      if (isOver() || !result.ok) return;
      const { status, counts, correct } = result.value;
      if (status === 'voided') dispatch({ type: 'voided', question: waiting });
      if (status !== 'tallied' || counts === undefined) return;
      const { questionId } = waiting;
      const cue = { kind: 'results', questionId, counts, correct } as const;
      dispatch({ type: 'cue', cue, at: clock() });
    };
    const timer = setTimeout(() => void ask(), closesAt - clock() + RESULTS_WITHIN_MS);
    return () => {
      over = true;
      clearTimeout(timer);
    };
  }, [waiting, closesAt, api, clock, spread, dispatch]);
}

/** A question whose answers are collected, and are not known to be worth nothing. */
function questionOf({ question, answer }: Round) {
  return question.kind === 'question' && answer.kind !== 'voided' ? question : undefined;
}
