/** Who is where among all who took part. Pure. */

import type { Place } from './cues';

/** Someone's place among all. */
export interface Ranked {
  /** From 1; who has the same points has the same rank, and the next rank counts them all. */
  readonly rank: number;
  readonly name: string;
  readonly points: number;
}

/** What the service says of this viewer. */
export interface Standing {
  /** How many took part. */
  readonly players: number;
  /** Undefined for who answered no question that counts. */
  readonly you: Pick<Ranked, 'rank' | 'points'> | undefined;
}

/** It could not be asked where this viewer is. */
export interface Unplaced {
  readonly why: string;
  /** The viewer has asked again. */
  readonly isAsking: boolean;
}

/** The best of a run, and where this viewer is. */
export interface Leaderboard {
  readonly top: readonly Ranked[];
  readonly standing: Standing;
}

/** Gives ranks to the best of a run, who come best first. */
export function rankedOf(top: readonly Place[]): readonly Ranked[] {
  return top.map(([name, points]) => ({
    rank: 1 + top.filter(([, others]) => others > points).length,
    name,
    points,
  }));
}
