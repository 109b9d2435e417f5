/** The quiz for components: cues and taps in, requests out. */

import { useCallback, useReducer } from 'react';

import { pause } from './clock';
import { readCue } from './cues';
import { NO_QUIZ, type Quiz, answerOf, mayChoose, quizReducer } from './quiz';
import type { Services } from './services';
import { persistently } from './submission';

export interface QuizHandle {
  readonly quiz: Quiz;
  /** Takes the text of a cue, whatever it is. */
  readonly hear: (text: string) => void;
  readonly choose: (choice: number) => void;
  readonly dismiss: () => void;
  readonly reset: () => void;
}

export function useQuiz({ api, clock }: Services): QuizHandle {
  const [quiz, dispatch] = useReducer(quizReducer, NO_QUIZ);

  const hear = useCallback(
    (text: string) => {
      const cue = readCue(text);
      if (cue) dispatch({ type: 'cue', cue, at: clock() });
    },
    [clock],
  );

  const choose = (choice: number) => {
    const at = clock();
    const { screen } = quiz;
    if (!mayChoose(screen, choice, at)) return;
    dispatch({ type: 'choose', choice, at });
    const { question } = screen.round;
    if (question.kind === 'plain') return;
    void persistently(() => api.answer(question, choice), pause).then((result) => {
      dispatch({ type: 'answered', question, answer: answerOf(choice, result) });
    });
  };

  return {
    quiz,
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
