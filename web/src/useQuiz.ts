/** The quiz for components: cues and taps in, requests out. */

import { useCallback, useEffect, useLayoutEffect, useReducer, useState } from 'react';

import { answerOf, closingOf } from './answer';
import type { Results } from './api';
import { type QuestionCue, readCue } from './cues';
import { inWords, mayPass } from './failures';
import { FOR_A_CLICK, FOR_AN_ANSWER, FOR_A_READ, laterMs, persistently, spread } from './patience';
import type { Standing, Unplaced } from './leaderboard';
import { NO_QUIZ, type Quiz, type Round, mayChoose, quizReducer } from './quiz';
import { type Recalled, keep, recall, withQuestion } from './recall';
import type { Services } from './services';

/** How long after a question's time its results are waited for in the video, in milliseconds. */
const RESULTS_WITHIN_MS = 20_000;

export interface QuizHandle {
  readonly quiz: Quiz;
  /** The last run that this browser has seen a question of. */
  readonly recalled: Recalled | undefined;
  /** Takes the text of a cue, whatever it is. */
  readonly hear: (text: string) => void;
  readonly choose: (choice: number) => void;
  /** Asks again where the viewer is among all. */
  readonly askAgain: () => void;
  readonly dismiss: () => void;
  readonly reset: () => void;
}

/** The quiz of whoever is signed in under this username; undefined: nobody is. */
export function useQuiz(services: Services, viewer: string | undefined): QuizHandle {
  const { api, clock, session, store } = services;
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

  // Before anything is seen of it: what is shown may be somebody else's.
  useLayoutEffect(() => {
    dispatch({ type: 'viewer', viewer });
  }, [viewer]);

  useStanding(services, viewer, quiz, dispatch);
  useMissedResults(services, viewer, quiz, dispatch);

  const choose = (choice: number) => {
    const at = clock();
    const { screen } = quiz;
    if (!mayChoose(screen, choice, at)) return;
    dispatch({ type: 'choose', choice, at });
    const { question, closesAt } = screen.round;
    if (question.kind === 'plain') return;
    let sentAt = at;
    const send = () => {
      sentAt = clock();
      return api.answer(question, choice);
    };
    // Somebody else's request would make it somebody else's answer.
    const isOver = () => session.viewer()?.username !== viewer;
    const limits = { until: closesAt, isOver };
    void persistently(send, FOR_AN_ANSWER, services, limits).then((result) => {
      const [answer, closesAt] = [answerOf(choice, result), closingOf(result, sentAt)];
      dispatch({ type: 'answered', question, answer, closesAt, viewer: quiz.viewer });
    });
  };

  return {
    quiz,
    recalled,
    hear,
    choose,
    askAgain: useCallback(() => {
      dispatch({ type: 'place' });
    }, []),
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
function useStanding(
  services: Services,
  viewer: string | undefined,
  { screen, newest, audience }: Quiz,
  dispatch: Dispatch,
) {
  const wanted = screen.kind === 'leaderboard' ? wantedOf(screen.standing) : undefined;
  useEffect(() => {
    // Who is not signed in has no place.
    if (wanted === undefined || newest === undefined || viewer === undefined) return undefined;
    let over = false;
    const isOver = () => over;
    const ask = async () => {
      if (wanted === 'by itself') await spread(services, audience);
      if (isOver()) return;
      const patience = wanted === 'by itself' ? FOR_A_READ : FOR_A_CLICK;
      const send = () => services.api.leaderboard(newest);
      const result = await persistently(send, patience, services, { isOver });
      if (isOver()) return;
      const standing = result.ok
        ? result.value.standing
        : { why: inWords(result.failure), isAsking: false };
      dispatch({ type: 'standing', runId: newest.runId, standing });
    };
    void ask();
    return () => {
      over = true;
    };
  }, [wanted, newest, audience, viewer, services, dispatch]);
}

/** Whether the viewer's place is to be asked for. */
function wantedOf(standing: Standing | Unplaced | undefined) {
  if (standing === undefined) return 'by itself';
  return 'why' in standing && standing.isAsking ? 'by a click' : undefined;
}

/**
 * Asks what became of a question whose results do not come in the video: they were missed, or it was
 * withdrawn. As long as nobody knows, it asks again.
 */
function useMissedResults(
  services: Services,
  viewer: string | undefined,
  { screen }: Quiz,
  dispatch: Dispatch,
) {
  const waiting = screen.kind === 'question' ? questionOf(screen.round) : undefined;
  const closesAt = screen.kind === 'question' ? screen.round.closesAt : undefined;
  useEffect(() => {
    if (waiting === undefined || closesAt === undefined || viewer === undefined) return undefined;
    const { api, clock, pause, random } = services;
    let over = false;
    const isOver = () => over;
    const ask = async () => {
      const result = await persistently(() => api.results(waiting), FOR_A_READ, services, {
        isOver,
      });
      if (isOver()) return;
      const outcome = result.ok ? outcomeOf(waiting, result.value, clock()) : undefined;
      if (outcome) dispatch(outcome);
      // What is refused for good, a question that nobody knows, is not asked again.
      if (outcome || (!result.ok && !mayPass(result.failure))) over = true;
    };
    const askUntilKnown = async () => {
      await pause(closesAt - clock() + RESULTS_WITHIN_MS);
      // Who has missed the results does not know how many others have.
      if (!isOver()) await spread(services, undefined);
      for (let times = 1; !isOver(); times += 1) {
        await ask();
        if (!isOver()) await pause(laterMs(times, random()));
      }
    };
    void askUntilKnown();
    return () => {
      over = true;
    };
  }, [waiting, closesAt, viewer, services, dispatch]);
}

/** What to show of a question that has an outcome. */
function outcomeOf(question: QuestionCue, { status, counts, correct }: Results, at: number) {
  if (status === 'voided') return { type: 'voided', question } as const;
  if (status !== 'tallied' || counts === undefined) return undefined;
  const { questionId } = question;
  return { type: 'cue', cue: { kind: 'results', questionId, counts, correct }, at } as const;
}

/** A question whose answers are collected, and are not known to be worth nothing. */
function questionOf({ question, answer }: Round) {
  return question.kind === 'question' && answer.kind !== 'voided' ? question : undefined;
}
