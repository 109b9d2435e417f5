/** An open question: its options to choose from, the time left, and what became of the answer. */

import { mayComeAgain } from '../answer';
import { attemptOf } from '../cues';
import { type Round, mayChoose, millisLeft } from '../quiz';
import { ASKED_AGAIN, keyOf, noteOn, plural, secondsLeft } from '../words';

interface Props {
  readonly round: Round;
  readonly now: number;
  readonly choose: (choice: number) => void;
}

export function QuestionView({ round, now, choose }: Props) {
  const { question, answer } = round;
  const chosen = 'choice' in answer ? answer.choice : undefined;
  return (
    <>
      <p className="question" dir="auto">
        {question.question}
      </p>
      {question.kind === 'question' && attemptOf(question) > 1 && <p>{ASKED_AGAIN}</p>}
      {question.kind === 'question' && (
        <Countdown round={round} now={now} seconds={question.seconds} />
      )}
      <ol className="options">
        {question.answers.map((option, index) => {
          const isOpen = mayChoose({ kind: 'question', round }, index, now);
          return (
            <li key={index}>
              <button
                type="button"
                className="option"
                aria-pressed={chosen === index}
                // Not `disabled`, which would take the focus away from it.
                aria-disabled={!isOpen}
                onClick={() => {
                  if (isOpen) choose(index);
                }}
              >
                <kbd aria-hidden="true">{keyOf(index)}</kbd>
                <span className="option-text" dir="auto">
                  {option}
                </span>
              </button>
            </li>
          );
        })}
      </ol>
      <p className="note" role="status" data-testid="answer-note" data-answer={answer.kind}>
        {noteOn(round, now)}
      </p>
      {mayComeAgain(answer) && (
        <button
          type="button"
          className="primary"
          onClick={() => {
            choose(answer.choice);
          }}
        >
          Send it again
        </button>
      )}
    </>
  );
}

function Countdown({ round, now, seconds }: Omit<Props, 'choose'> & { readonly seconds: number }) {
  const left = secondsLeft(round, now);
  const share = Math.min(1, millisLeft(round, now) / (seconds * 1000));
  return (
    <div className="countdown">
      <div className="countdown-bar" aria-hidden="true">
        <div style={{ transform: `scaleX(${share.toFixed(3)})` }} />
      </div>
      <p role="timer" aria-label="Time left">
        {left > 0 ? plural(left, 'second') : 'Time is up'}
      </p>
    </div>
  );
}
