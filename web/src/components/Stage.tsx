/** The video, what is said about it, its controls, and whatever pops up over it. */

import { useRef, type ReactNode, type RefObject } from 'react';

import type { PlaybackHandle } from '../usePlayback';
import { coversVideo, playbackInWords } from '../words';

interface Props {
  readonly handle: PlaybackHandle;
  readonly video: RefObject<HTMLVideoElement | null>;
  readonly channelName: string;
  /** The quiz. */
  readonly children: ReactNode;
}

export function Stage({ handle, video, channelName, children }: Props) {
  const stage = useRef<HTMLElement>(null);
  const { playback } = handle;
  const { title, more } = playbackInWords(playback);
  const isActive = playback.kind === 'playing' || playback.kind === 'buffering';
  return (
    <section ref={stage} className="stage" aria-label={`Channel ${channelName}`}>
      <div className="picture" data-testid="playback" data-state={playback.kind}>
        <video ref={video} playsInline muted aria-label={`Live video of ${channelName}`} />
        <div className={coversVideo(playback) ? 'cover' : 'badge'} role="status">
          <p className="cover-title">{title}</p>
          {more !== '' && <p>{more}</p>}
        </div>
        {playback.kind === 'blocked' && (
          <button type="button" className="primary start" onClick={handle.play}>
            Play
          </button>
        )}
      </div>
      {children}
      {isActive && <Controls handle={handle} stage={stage} />}
    </section>
  );
}

interface ControlsProps {
  readonly handle: PlaybackHandle;
  readonly stage: RefObject<HTMLElement | null>;
}

function Controls({ handle, stage }: ControlsProps) {
  const fullScreen = () => {
    // Of the stage, not of the video: the quiz has to be in it. Some phones refuse, harmlessly.
    const change = document.fullscreenElement
      ? document.exitFullscreen()
      : stage.current?.requestFullscreen();
    change?.catch(() => undefined);
  };
  return (
    <div className="controls" role="group" aria-label="Video">
      <button
        type="button"
        aria-pressed={!handle.isMuted}
        onClick={() => {
          handle.setMuted(!handle.isMuted);
        }}
      >
        Sound
      </button>
      <button type="button" onClick={fullScreen}>
        Full screen
      </button>
      <button type="button" onClick={handle.stop}>
        Stop
      </button>
    </div>
  );
}
