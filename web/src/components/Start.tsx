/** Which channel to play, and how. */

import { useId } from 'react';

import type { Channel } from '../config';
import type { Mode } from '../playback';

interface Props {
  readonly channels: readonly Channel[];
  readonly channel: Channel;
  readonly choose: (channel: Channel) => void;
  readonly start: (mode: Mode) => void;
}

export function Start({ channels, channel, choose, start }: Props) {
  const id = useId();
  return (
    <div className="start-bar">
      {channels.length > 1 && (
        <div className="channel">
          <label htmlFor={id}>Channel</label>
          <select
            id={id}
            value={channel.channelId}
            onChange={(event) => {
              const chosen = channels.find(({ channelId }) => channelId === event.target.value);
              if (chosen) choose(chosen);
            }}
          >
            {channels.map(({ channelId, name }) => (
              <option key={channelId} value={channelId}>
                {name}
              </option>
            ))}
          </select>
        </div>
      )}
      <button
        type="button"
        className="primary"
        onClick={() => {
          start('with-token');
        }}
      >
        Play with token
      </button>
      <button
        type="button"
        onClick={() => {
          start('without-token');
        }}
      >
        Play without token
      </button>
    </div>
  );
}
