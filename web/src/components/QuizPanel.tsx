/** The quiz over the video: a dialog that does not block the page. */

import { useEffect, useId, useRef, type KeyboardEvent, type RefObject } from 'react';

import { attemptOf } from '../cues';
import { spreadMs } from '../patience';
import type { Quiz, Screen } from '../quiz';
import type { QuizHandle } from '../useQuiz';
import { useNow } from '../useNow';
import { LeaderboardView } from './LeaderboardView';
import { QuestionView } from './QuestionView';
import { ResultsView } from './ResultsView';

interface Props {
  readonly handle: QuizHandle;
  readonly clock: () => number;
  /** The viewer's own name. */
  readonly name: string | undefined;
}

export function QuizPanel({ handle, clock, name }: Props) {
  const { screen, dismissed } = handle.quiz;
  return screen.kind === 'nothing' || dismissed ? null : (
    <Dialog handle={handle} screen={screen} clock={clock} name={name} />
  );
}

function Dialog({ handle, screen, clock, name }: Props & { readonly screen: Screen }) {
  const { viewer, audience } = handle.quiz;
  const id = useId();
  const panel = useRef<HTMLDivElement>(null);
  useFocus(panel, contentOf(handle.quiz), screen.kind === 'question');
  const isCounting = screen.kind === 'question' && screen.round.closesAt !== undefined;
  const now = useNow(clock, isCounting);

  const onKeyDown = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.key === 'Escape') handle.dismiss();
    // Digits choose only while the focus is in here.
    else if (/^[0-9]$/.test(event.key)) handle.choose((Number(event.key) + 9) % 10);
  };

  return (
    // The keys are a short way to what its buttons do.
    // eslint-disable-next-line jsx-a11y/no-noninteractive-element-interactions
    <div
      ref={panel}
      className="quiz"
      role="dialog"
      aria-labelledby={`${id}-title`}
      tabIndex={-1}
      data-testid="quiz"
      data-screen={screen.kind}
      onKeyDown={onKeyDown}
    >
      <div className="quiz-head">
        <h2 id={`${id}-title`}>{titleOf(screen)}</h2>
        <button type="button" className="plain" onClick={handle.dismiss}>
          Close<span className="visually-hidden"> the quiz</span>
        </button>
      </div>
      {screen.kind === 'question' && (
        <QuestionView round={screen.round} now={now} choose={handle.choose} />
      )}
      {screen.kind === 'results' && <ResultsView results={screen.results} round={screen.round} />}
      {screen.kind === 'leaderboard' && (
        <LeaderboardView
          top={screen.top}
          standing={screen.standing}
          askedWithinMs={viewer === undefined ? 0 : spreadMs(audience)}
          name={name}
          askAgain={handle.askAgain}
        />
      )}
      {screen.kind === 'cancelled' && (
        <p className="question">The quiz was cancelled. A question that was open does not count.</p>
      )}
    </div>
  );
}

function titleOf(screen: Screen): string {
  switch (screen.kind) {
    case 'question': {
      const { question } = screen.round;
      if (question.kind === 'plain') return 'Question';
      const again = attemptOf(question) > 1 ? ', asked again' : '';
      return `Question ${question.n} of ${question.of}${again}`;
    }
    case 'results':
      return 'Results';
    case 'leaderboard':
      return 'Leaderboard';
    case 'cancelled':
      return 'Quiz cancelled';
    case 'nothing':
      return '';
  }
}

/** Changes when something new is shown. */
function contentOf({ screen }: Quiz): string {
  const round = 'round' in screen ? screen.round : undefined;
  // With the own place, the button that asks for it goes away.
  if (screen.kind === 'leaderboard' && screen.standing && 'you' in screen.standing) return 'place';
  if (screen.kind !== 'question' || round === undefined) return screen.kind;
  const { question } = round;
  return question.kind === 'plain' ? question.question : `${question.runId}/${question.questionId}`;
}

/**
 * Brings the focus to the dialog for each new question, unless the viewer is typing; keeps it there
 * when what had it goes away; and gives it back when the dialog goes away with the focus in it.
 */
function useFocus(
  panel: RefObject<HTMLElement | null>,
  content: string,
  isQuestion: boolean,
): void {
  useEffect(() => {
    const dialog = panel.current;
    const before = document.activeElement;
    return () => {
      const active = document.activeElement;
      const isHere = active === document.body || dialog?.contains(active) === true;
      if (isHere && before instanceof HTMLElement && before.isConnected) {
        before.focus({ preventScroll: true });
      }
    };
  }, [panel]);

  useEffect(() => {
    const active = document.activeElement;
    const isTyping = active?.matches('input, textarea, select') === true;
    const isLost = active === null || active === document.body;
    if (isLost || (isQuestion && !isTyping)) panel.current?.focus({ preventScroll: true });
  }, [panel, content, isQuestion]);
}
