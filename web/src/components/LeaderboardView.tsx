/** The best of a run, and where the viewer is among all. */

import { leaderboardName } from '../identity';
import type { Ranked, Standing, Unplaced } from '../leaderboard';
import { awaitedInWords, plural, standingInWords } from '../words';

/** Who waits longer for their place is told so. */
const WORTH_SAYING_MS = 20_000;

interface Props {
  readonly top: readonly Ranked[];
  /** Undefined until the service has said it. */
  readonly standing: Standing | Unplaced | undefined;
  /** Over how long the audience asks for the places that are not said yet, in milliseconds. */
  readonly askedWithinMs?: number;
  /** The viewer's own name, when they are signed in and have one. */
  readonly name: string | undefined;
  /** Asks again where the viewer is. */
  readonly askAgain?: () => void;
}

export function LeaderboardView({ top, standing, askedWithinMs = 0, name, askAgain }: Props) {
  const own = name === undefined ? undefined : leaderboardName(name);
  const you = standing !== undefined && 'you' in standing ? standing.you : undefined;
  // Names need not be unique, so this says no more than it knows.
  const isOwn = (place: Ranked) => place.name === own && (!you || place.rank === you.rank);
  return (
    <>
      {top.length === 0 ? (
        <p className="question">Nobody has points yet.</p>
      ) : (
        <ol className="places" data-testid="leaderboard">
          {top.map((place, index) => (
            <li key={index} className={isOwn(place) ? 'place own' : 'place'}>
              <span className="place-name">
                <span className="rank">{place.rank}.</span>
                <bdi>{place.name}</bdi>
                {isOwn(place) && <span className="tag">Your name</span>}
              </span>
              <span>{plural(place.points, 'point')}</span>
            </li>
          ))}
        </ol>
      )}
      {standing && (
        <p className="note" data-testid="standing">
          {standingInWords(standing)}
        </p>
      )}
      {!standing && askedWithinMs > WORTH_SAYING_MS && (
        <p className="note">{awaitedInWords(askedWithinMs)}</p>
      )}
      {askAgain && standing && 'why' in standing && (
        <button
          type="button"
          aria-disabled={standing.isAsking}
          onClick={() => {
            if (!standing.isAsking) askAgain();
          }}
        >
          {standing.isAsking ? 'Asking …' : 'Ask again'}
        </button>
      )}
    </>
  );
}
