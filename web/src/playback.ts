/**
 * One viewer's playback of one channel: gets the token, loads the player, waits for a stream that
 * is offline, and finds out why the picture stopped. It knows no React and no real player.
 */

import { type PlaybackToken, isUsableAgain } from './api';
import { type Failure, type Result, inWords, mayPass } from './failures';
import type { Channel } from './config';
import { askedMs } from './patience';
import type { Player, PlayerEvents, PlayerFailure } from './player';

/** How the playback stands. */
export type Playback =
  | { readonly kind: 'idle' }
  | { readonly kind: 'starting' }
  | { readonly kind: 'playing' }
  | { readonly kind: 'buffering' }
  /** The browser wants a tap on "play". */
  | { readonly kind: 'blocked' }
  /** No stream; it is tried again until there is one. */
  | { readonly kind: 'offline' }
  /** Something is wrong that may pass; it is tried again. */
  | { readonly kind: 'trouble'; readonly why: string }
  /** A private channel, and no token was given. */
  | { readonly kind: 'token-needed' }
  /** No token for this viewer; `interrupted`: they were watching. */
  | { readonly kind: 'not-entitled'; readonly why: string; readonly interrupted: boolean }
  | { readonly kind: 'failed'; readonly why: string };

export type Mode = 'with-token' | 'without-token';

/** What a playback needs from outside. */
export interface Surroundings {
  createPlayer: (events: PlayerEvents) => Promise<Player>;
  requestToken: (channelId: string) => Promise<Result<PlaybackToken>>;
  onChange: (playback: Playback) => void;
  onCue: (text: string) => void;
  /** Milliseconds since 1970. */
  clock: () => number;
  /** From 0 up to 1, so that an audience does not come back all at once. */
  random: () => number;
}

/** Waits before another try: doubled each time, from about one second to about fifteen. */
export function backoffMs(attempt: number, random: number): number {
  return Math.min(15_000, 1_000 * 2 ** attempt) * (0.75 + random / 2);
}

/**
 * How long a picture may stand still, in milliseconds, before it is loaded anew. The player helps
 * itself out of most stalls within that time. Each time that loading anew has not helped, it gets
 * longer: on a slow line that, too, takes a while.
 */
export function stallMs(attempt: number): number {
  return Math.min(30_000, 8_000 * 2 ** attempt);
}

/** So many tokens in a row may be refused by the video before that is an error of its own. */
const MOST_DENIALS = 3;
/** Playing for so long ends such a row. */
const SETTLED_MS = 30_000;

export class PlaybackController {
  readonly #channel: Channel;
  readonly #mode: Mode;
  readonly #around: Surroundings;
  #player: Player | undefined;
  #token: PlaybackToken | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #attempt = 0;
  #denials = 0;
  /** Since when it plays, or last did. */
  #playingSince: number | undefined;
  #stopped = false;

  constructor(channel: Channel, mode: Mode, around: Surroundings) {
    this.#channel = channel;
    this.#mode = mode;
    this.#around = around;
  }

  start(): void {
    this.#change({ kind: 'starting' });
    void this.#open();
  }

  /** Ends it; nothing is told any more. */
  stop(): void {
    this.#stopped = true;
    this.#wait(undefined);
    this.#player?.close();
    this.#player = undefined;
  }

  play(): void {
    this.#player?.play();
  }

  pause(): void {
    this.#player?.pause();
  }

  setMuted(muted: boolean): void {
    this.#player?.setMuted(muted);
  }

  async #open(): Promise<void> {
    const url = await this.#url();
    if (url === undefined || this.#stopped) return;
    try {
      this.#player ??= await this.#around.createPlayer(this.#events());
    } catch {
      this.#end({ kind: 'failed', why: 'The video player could not be started in this browser.' });
      return;
    }
    // While the player was made, the viewer may have left.
    if (this.#isStopped()) this.stop();
    else {
      this.#player.load(url);
      this.#expectPicture();
    }
  }

  /** Loads anew if no picture comes. */
  #expectPicture(): void {
    this.#wait(() => {
      this.#retry({ kind: 'trouble', why: 'No picture comes.' });
    }, stallMs(this.#attempt));
  }

  /** The address to play; undefined: there is none, and the playback says why. */
  async #url(): Promise<string | undefined> {
    if (this.#mode === 'without-token') return this.#channel.playbackUrl;
    if (!this.#token || !isUsableAgain(this.#token, this.#around.clock())) {
      const result = await this.#around.requestToken(this.#channel.channelId);
      if (this.#stopped) return undefined;
      if (!result.ok) {
        this.#noToken(result.failure);
        return undefined;
      }
      this.#token = result.value;
    }
    const url = new URL(this.#token.playbackUrl);
    url.searchParams.set('token', this.#token.token);
    return url.href;
  }

  #noToken(failure: Failure): void {
    const why = inWords(failure);
    if (mayPass(failure)) this.#retry({ kind: 'trouble', why }, askedMs(failure));
    else if (failure.kind === 'problem' && failure.status === 403) {
      this.#end({ kind: 'not-entitled', why, interrupted: this.#playingSince !== undefined });
    } else this.#end({ kind: 'failed', why });
  }

  #events(): PlayerEvents {
    const guarded =
      <A extends unknown[]>(handler: (...given: A) => void) =>
      (...given: A) => {
        if (!this.#stopped) handler(...given);
      };
    return {
      playing: guarded(() => {
        this.#wait(undefined);
        this.#attempt = 0;
        this.#playingSince = this.#around.clock();
        this.#change({ kind: 'playing' });
      }),
      buffering: guarded(() => {
        if (this.#playingSince !== undefined) this.#change({ kind: 'buffering' });
        this.#expectPicture();
      }),
      ended: guarded(() => {
        this.#retry({ kind: 'offline' });
      }),
      blocked: guarded(() => {
        this.#wait(undefined);
        this.#change({ kind: 'blocked' });
      }),
      cue: guarded(this.#around.onCue),
      failed: guarded((failure) => {
        this.#failed(failure);
      }),
    };
  }

  #failed(failure: PlayerFailure): void {
    switch (failure) {
      case 'denied':
        this.#denied();
        break;
      case 'offline':
        this.#retry({ kind: 'offline' });
        break;
      case 'unsupported':
        this.#end({ kind: 'failed', why: 'This browser cannot play the video.' });
        break;
      case 'trouble':
        this.#retry({ kind: 'trouble', why: 'The video does not come through.' });
    }
  }

  /** The video refused us: with a token, whoever issues tokens knows why. */
  #denied(): void {
    if (this.#mode === 'without-token') {
      this.#end({ kind: 'token-needed' });
      return;
    }
    this.#token = undefined;
    const settled =
      this.#playingSince !== undefined && this.#around.clock() - this.#playingSince > SETTLED_MS;
    this.#denials = settled ? 1 : this.#denials + 1;
    if (this.#denials > MOST_DENIALS) {
      this.#end({ kind: 'failed', why: 'The video refuses your permission to watch.' });
    } else if (this.#denials === 1) {
      this.#wait(undefined);
      void this.#open();
    } else this.#retry({ kind: 'trouble', why: 'The video refuses your permission to watch.' });
  }

  /** Tries again after a while, and not before `least` milliseconds. */
  #retry(playback: Playback, least = 0): void {
    this.#change(playback);
    const millis = least + backoffMs(this.#attempt, this.#around.random());
    this.#attempt += 1;
    this.#wait(() => void this.#open(), millis);
  }

  /** Tells the last state and ends, so that no picture stays. */
  #end(playback: Playback): void {
    this.#change(playback);
    this.stop();
  }

  #isStopped(): boolean {
    return this.#stopped;
  }

  #change(playback: Playback): void {
    if (!this.#stopped) this.#around.onChange(playback);
  }

  /** There is one timer: what comes next replaces what was to come. */
  #wait(then: (() => void) | undefined, millis = 0): void {
    clearTimeout(this.#timer);
    this.#timer = then && setTimeout(then, millis);
  }
}
