/** Playback for components. */

import { useCallback, useEffect, useRef, useState, type RefObject } from 'react';

import type { Channel } from './config';
import { type Mode, type Playback, PlaybackController } from './playback';
import type { Services } from './services';

export interface PlaybackHandle {
  readonly playback: Playback;
  readonly mode: Mode;
  readonly start: (channel: Channel, mode: Mode) => void;
  readonly stop: () => void;
  readonly play: () => void;
  readonly pause: () => void;
  readonly isMuted: boolean;
  readonly setMuted: (muted: boolean) => void;
}

/** Plays in `video`; one playback at a time. */
export function usePlayback(
  { api, createPlayer, clock, random }: Services,
  video: RefObject<HTMLVideoElement | null>,
  onCue: (text: string) => void,
): PlaybackHandle {
  const [playback, setPlayback] = useState<Playback>({ kind: 'idle' });
  const [mode, setMode] = useState<Mode>('without-token');
  // As the video element begins: browsers start only a muted one by themselves.
  const [isMuted, setIsMuted] = useState(true);
  const controller = useRef<PlaybackController | null>(null);

  const stop = useCallback(() => {
    controller.current?.stop();
    controller.current = null;
    setPlayback({ kind: 'idle' });
  }, []);

  const start = useCallback(
    (channel: Channel, mode: Mode) => {
      controller.current?.stop();
      setMode(mode);
      controller.current = new PlaybackController(channel, mode, {
        createPlayer: (events) =>
          video.current
            ? createPlayer(video.current, events)
            : Promise.reject(new Error('There is no video element.')),
        requestToken: (channelId) => api.playbackToken(channelId),
        onChange: setPlayback,
        onCue,
        clock,
        random,
      });
      controller.current.start();
    },
    [api, createPlayer, clock, random, video, onCue],
  );

  useEffect(
    () => () => {
      controller.current?.stop();
    },
    [],
  );

  const play = useCallback(() => controller.current?.play(), []);
  const pause = useCallback(() => controller.current?.pause(), []);
  const setMuted = useCallback((muted: boolean) => {
    controller.current?.setMuted(muted);
    setIsMuted(muted);
  }, []);
  return { playback, mode, start, stop, play, pause, isMuted, setMuted };
}
