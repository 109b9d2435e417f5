/** The best of a run. */

import type { Place } from '../cues';
import { leaderboardName } from '../identity';
import { plural } from '../words';

interface Props {
  readonly top: readonly Place[];
  /** The viewer's own name, when they are signed in and have one. */
  readonly name: string | undefined;
}

export function LeaderboardView({ top, name }: Props) {
  if (top.length === 0) return <p className="question">Nobody has points yet.</p>;
  const own = name === undefined ? undefined : leaderboardName(name);
  return (
    <ol className="places" data-testid="leaderboard">
      {top.map(([each, points], index) => (
        <li key={index} className={each === own ? 'place own' : 'place'}>
          <span className="place-name">
            {each}
            {/* Names need not be unique, so this says no more than it knows. */}
            {each === own && <span className="tag">Your name</span>}
          </span>
          <span>{plural(points, 'point')}</span>
        </li>
      ))}
    </ol>
  );
}
