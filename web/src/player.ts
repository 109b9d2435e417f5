/** The Amazon IVS player: the only module that knows it. */

import wasmBinary from 'amazon-ivs-player/dist/assets/amazon-ivs-wasmworker.min.wasm?url';
import wasmWorker from 'amazon-ivs-player/dist/assets/amazon-ivs-wasmworker.min.js?url';

/** Why the player stopped. */
export type PlayerFailure =
  /** The server refused: no token, an invalid one, or a revoked viewer. */
  | 'denied'
  /** There is no stream. */
  | 'offline'
  /** The browser cannot play it. */
  | 'unsupported'
  /** Anything else, which may pass. */
  | 'trouble';

/** What the player tells. */
export interface PlayerEvents {
  playing: () => void;
  buffering: () => void;
  /** The stream has ended. */
  ended: () => void;
  /** The browser wants a tap before it plays. */
  blocked: () => void;
  /** A timed-metadata cue is due: the text as it was put into the stream. */
  cue: (text: string) => void;
  failed: (failure: PlayerFailure) => void;
}

/** A player in a video element. */
export interface Player {
  load(url: string): void;
  play(): void;
  pause(): void;
  setMuted(muted: boolean): void;
  /** Ends it for good. */
  close(): void;
}

export type CreatePlayer = (video: HTMLVideoElement, events: PlayerEvents) => Promise<Player>;

/** Makes a player that starts by itself, muted, since browsers let only such a one start. */
export const createPlayer: CreatePlayer = async (video, events) => {
  // Loaded when it is needed: it is larger than the rest of the page.
  const ivs = await import('amazon-ivs-player');
  if (!ivs.isPlayerSupported) throw new Error('This browser cannot run the player.');
  const player = ivs.create({ wasmWorker: absolute(wasmWorker), wasmBinary: absolute(wasmBinary) });
  player.attachHTMLVideoElement(video);
  player.setAutoplay(true);
  player.setMuted(video.muted);
  const { PlayerEventType: on, PlayerState: state } = ivs;
  player.addEventListener(state.PLAYING, events.playing);
  player.addEventListener(state.BUFFERING, events.buffering);
  player.addEventListener(state.ENDED, events.ended);
  player.addEventListener(on.PLAYBACK_BLOCKED, events.blocked);
  player.addEventListener(on.TEXT_METADATA_CUE, (cue) => {
    events.cue(cue.text);
  });
  player.addEventListener(on.ERROR, (error) => {
    events.failed(failureOf(error.type, error.code));
  });
  return {
    load: (url) => {
      player.load(url);
    },
    play: () => {
      player.play();
    },
    pause: () => {
      player.pause();
    },
    setMuted: (muted) => {
      player.setMuted(muted);
    },
    close: () => {
      player.pause();
      player.delete();
    },
  };
};

/** Reads the player's error by its documented type, or the HTTP status that is its code. */
export function failureOf(type: string, code: number): PlayerFailure {
  if (type === 'ErrorAuthorization' || code === 401 || code === 403) return 'denied';
  if (type === 'ErrorNotAvailable' || code === 404) return 'offline';
  if (type === 'ErrorNotSupported') return 'unsupported';
  return 'trouble';
}

/** The player starts its worker from a blob, where a relative address means nothing. */
function absolute(url: string): string {
  return new URL(url, document.baseURI).href;
}
