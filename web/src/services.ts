/** What the components work with; made once in `main.tsx`, and by hand in tests. */

import type { Api } from './api';
import type { Config } from './config';
import type { Waiting } from './patience';
import type { CreatePlayer } from './player';
import type { Store } from './recall';
import type { Session } from './session';

export interface Services extends Waiting {
  readonly config: Config;
  readonly session: Pick<Session, 'subscribe' | 'viewer' | 'signIn' | 'signOut'>;
  readonly api: Pick<Api, 'playbackToken' | 'answer' | 'results' | 'leaderboard'>;
  readonly createPlayer: CreatePlayer;
  /** What the browser keeps for the page. */
  readonly store: Store;
}
