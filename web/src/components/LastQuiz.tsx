/** The last quiz: its results and its leaderboard, to be read again after the show. */

import { useState } from 'react';

import type { Result } from '../failures';
import { FOR_A_CLICK, persistently } from '../patience';
import type { Asked, Recalled } from '../recall';
import { type Review, reviewOf } from '../review';
import type { Services } from '../services';
import { plural, stateInWords } from '../words';
import { LeaderboardView } from './LeaderboardView';
import { ResultBar } from './ResultsView';

interface Props {
  readonly services: Services;
  readonly recalled: Recalled;
  readonly isSignedIn: boolean;
  /** The viewer's own name. */
  readonly name: string | undefined;
}

export function LastQuiz({ services, recalled, isSignedIn, name }: Props) {
  const [review, setReview] = useState<Review | undefined>();
  const [isBusy, setBusy] = useState(false);

  const read = async () => {
    if (isBusy) return;
    setBusy(true);
    const patiently = <T,>(send: () => Promise<Result<T>>) =>
      persistently(send, FOR_A_CLICK, services);
    setReview(await reviewOf(recalled, services.api, patiently));
    setBusy(false);
  };

  return (
    <section className="card" aria-labelledby="last-quiz-title" data-testid="last-quiz">
      <h2 id="last-quiz-title">The last quiz</h2>
      <p className="quiet">
        {isSignedIn
          ? 'You can read its results again at any time.'
          : 'Sign in to read its results again.'}
      </p>
      {isSignedIn && (
        <button type="button" aria-disabled={isBusy} onClick={() => void read()}>
          {isBusy ? 'Reading …' : 'Read the results'}
        </button>
      )}
      <div role="status">
        {isSignedIn && review !== undefined && <Reviewed review={review} name={name} />}
      </div>
    </section>
  );
}

function Reviewed({ review, name }: { readonly review: Review } & Pick<Props, 'name'>) {
  if (!review.ok) return <p className="problem">{review.why}</p>;
  return (
    <div className="review">
      {review.questions.map((each) => (
        <ReviewedQuestion key={each.asked.questionId} {...each} />
      ))}
      {review.leaderboard && (
        <>
          <h3>Leaderboard</h3>
          <LeaderboardView {...review.leaderboard} name={name} />
        </>
      )}
    </div>
  );
}

type Each = Extract<Review, { ok: true }>['questions'][number];

function ReviewedQuestion({ asked, state, bars }: Each) {
  return (
    <>
      <h3 dir="auto">{titleOf(asked)}</h3>
      {bars === undefined ? (
        <p>{stateInWords(state)}</p>
      ) : (
        <>
          <ol className="bars">
            {bars.map((bar, index) => (
              <ResultBar key={index} bar={bar} />
            ))}
          </ol>
          <p className="quiet">
            {plural(
              bars.reduce((sum, { count }) => sum + count, 0),
              'answer',
            )}
            .
          </p>
        </>
      )}
    </>
  );
}

function titleOf({ n, question }: Asked): string {
  return `${n}. ${question}`;
}
