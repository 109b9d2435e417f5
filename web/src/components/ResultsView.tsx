/** A question's final tally as bars. */

import type { ResultsCue } from '../cues';
import type { Round } from '../quiz';
import { type Bar, barsOf, plural } from '../words';

interface Props {
  readonly results: ResultsCue;
  /** Undefined for a viewer who came after the question. */
  readonly round: Round | undefined;
}

export function ResultsView({ results, round }: Props) {
  const total = results.counts.reduce((sum, count) => sum + count, 0);
  return (
    <>
      <p className="question" dir="auto">
        {round?.question.question ?? 'You came after the question. This is how it was answered:'}
      </p>
      <ol className="bars" data-testid="results">
        {barsOf(results, round?.question.answers, round?.answer).map((bar, index) => (
          <ResultBar key={index} bar={bar} />
        ))}
      </ol>
      <p className="note">
        {plural(total, 'answer')}.{round && ` ${verdict(results, round)}`}
      </p>
    </>
  );
}

export function ResultBar({ bar }: { readonly bar: Bar }) {
  const { label, count, percent, isCorrect, isMine } = bar;
  return (
    <li className={isCorrect ? 'bar correct' : 'bar'} data-count={count}>
      <span className="bar-label">
        <bdi>{label}</bdi>
        {isCorrect && <strong className="tag">✓ Correct</strong>}
        {isMine && <span className="tag">Your answer</span>}
      </span>
      <span className="bar-figure">
        {count.toLocaleString('en')} · {percent} %
      </span>
      <span className="bar-track" aria-hidden="true">
        <span style={{ width: `${percent}%` }} />
      </span>
    </li>
  );
}

function verdict({ correct }: ResultsCue, { answer }: Round): string {
  switch (answer.kind) {
    case 'recorded':
    case 'recorded-before':
      if (correct === undefined) return 'Thank you for your answer.';
      return answer.choice === correct ? 'You were right.' : 'You were wrong this time.';
    case 'late':
      return 'Your answer came too late and does not count.';
    case 'none':
      return 'You did not answer.';
    case 'voided':
      return 'The question was withdrawn.';
    case 'sending':
    case 'unsent':
    case 'early':
    case 'refused':
    case 'kept':
      return 'Your answer was not taken.';
  }
}
