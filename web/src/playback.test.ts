import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import type { PlaybackToken } from './api';
import type { Failure, Result } from './failures';
import { type Mode, type Playback, PlaybackController, backoffMs, stallMs } from './playback';
import { type PlayerEvents, failureOf } from './player';

vi.mock('amazon-ivs-player/dist/assets/amazon-ivs-wasmworker.min.wasm?url', () => ({
  default: 'wasm',
}));
vi.mock('amazon-ivs-player/dist/assets/amazon-ivs-wasmworker.min.js?url', () => ({
  default: 'js',
}));

const CHANNEL = { channelId: 'show', name: 'Show', playbackUrl: 'https://video.example/show.m3u8' };
const REVOKED: Failure = {
  kind: 'problem',
  status: 403,
  name: 'not-entitled',
  detail: 'Your entitlement for this channel was taken back.',
  members: {},
};

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function token(value: string, seconds = 3600, singleUse = false): Result<PlaybackToken> {
  return {
    ok: true,
    value: {
      token: value,
      playbackUrl: CHANNEL.playbackUrl,
      expiresAt: Date.now() + seconds * 1000,
      singleUse,
    },
  };
}

/** A controller with a player that does nothing by itself. */
function stage(mode: Mode, tokens: Result<PlaybackToken>[] = []) {
  const states: Playback[] = [];
  const loaded: string[] = [];
  const cues: string[] = [];
  let events: PlayerEvents | undefined;
  const close = vi.fn();
  const requestToken = vi.fn(() => Promise.resolve(tokens.shift() ?? token('more')));
  const controller = new PlaybackController(CHANNEL, mode, {
    createPlayer: (given) => {
      events = given;
      return Promise.resolve({
        load: (url) => loaded.push(url),
        play: vi.fn(),
        pause: vi.fn(),
        setMuted: vi.fn(),
        close,
      });
    },
    requestToken,
    onChange: (state) => states.push(state),
    onCue: (text) => cues.push(text),
    clock: Date.now,
    random: () => 0.5,
  });
  return {
    controller,
    states,
    loaded,
    cues,
    close,
    requestToken,
    async start() {
      controller.start();
      await vi.advanceTimersByTimeAsync(0);
    },
    async happens(act: (events: PlayerEvents) => void, millis = 0) {
      if (events === undefined) throw new Error('There is no player yet.');
      act(events);
      await vi.advanceTimersByTimeAsync(millis);
    },
    last: () => states.at(-1),
  };
}

describe('without a token', () => {
  it('plays the plain address', async () => {
    const it = stage('without-token');
    await it.start();
    await it.happens((player) => {
      player.playing();
    });
    expect(it.loaded).toEqual([CHANNEL.playbackUrl]);
    expect(it.requestToken).not.toHaveBeenCalled();
    expect(it.states.map(({ kind }) => kind)).toEqual(['starting', 'playing']);
  });

  it('ends at a refusal and says that a token is needed', async () => {
    const it = stage('without-token');
    await it.start();
    await it.happens((player) => {
      player.failed('denied');
    }, 60_000);
    expect(it.last()).toEqual({ kind: 'token-needed' });
    expect(it.close).toHaveBeenCalledOnce();
    expect(it.loaded.length).toBe(1);
  });
});

describe('with a token', () => {
  it('plays the address that came with it', async () => {
    const it = stage('with-token', [token('a.b.c')]);
    await it.start();
    expect(it.requestToken).toHaveBeenCalledExactlyOnceWith('show');
    expect(it.loaded).toEqual(['https://video.example/show.m3u8?token=a.b.c']);
  });

  it('uses a token again, but not one for a single use', async () => {
    for (const [singleUse, asked] of [
      [false, 1],
      [true, 2],
    ] as const) {
      const it = stage('with-token', [token('a.b.c', 3600, singleUse), token('d.e.f')]);
      await it.start();
      await it.happens((player) => {
        player.failed('offline');
      }, 2_000);
      expect(it.requestToken).toHaveBeenCalledTimes(asked);
      it.controller.stop();
    }
  });

  it('waits when it has asked too often, and says so', async () => {
    const tooOften: Failure = {
      kind: 'problem',
      status: 429,
      name: 'too-many-requests',
      detail: 'You have asked too often. Ask again in 2 s.',
      members: { retryAfter: 2 },
      retryAfterMs: 2_000,
    };
    const it = stage('with-token', [{ ok: false, failure: tooOften }, token('a.b.c')]);
    await it.start();
    expect(it.last()).toEqual({ kind: 'trouble', why: tooOften.detail });
    await vi.advanceTimersByTimeAsync(1_999);
    expect(it.requestToken).toHaveBeenCalledOnce();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(it.loaded[0]).toBe('https://video.example/show.m3u8?token=a.b.c');
  });

  it('says why there is none', async () => {
    const it = stage('with-token', [{ ok: false, failure: REVOKED }]);
    await it.start();
    expect(it.last()).toMatchObject({ kind: 'not-entitled', interrupted: false });
    expect(it.loaded).toEqual([]);
  });

  it('asks again when the service does not answer', async () => {
    const it = stage('with-token', [{ ok: false, failure: { kind: 'unreachable' } }, token('t')]);
    await it.start();
    expect(it.last()).toMatchObject({ kind: 'trouble' });
    await vi.advanceTimersByTimeAsync(1_500);
    expect(it.loaded.length).toBe(1);
  });

  it('stops the picture of a viewer whose entitlement was taken back, and says so', async () => {
    const it = stage('with-token', [token('first'), { ok: false, failure: REVOKED }]);
    await it.start();
    await it.happens((player) => {
      player.playing();
    });
    await it.happens((player) => {
      player.failed('denied');
    });
    expect(it.last()).toEqual({
      kind: 'not-entitled',
      interrupted: true,
      why: 'Your entitlement for this channel was taken back.',
    });
    expect(it.close).toHaveBeenCalledOnce();
  });

  it('goes on with a new token when only the old one was refused', async () => {
    const it = stage('with-token', [token('old'), token('new')]);
    await it.start();
    await it.happens((player) => {
      player.failed('denied');
    });
    expect(it.loaded.map((url) => new URL(url).searchParams.get('token'))).toEqual(['old', 'new']);
  });

  it('gives up when every token is refused', async () => {
    const it = stage('with-token');
    await it.start();
    for (let times = 0; times < 4; times += 1) {
      await it.happens((player) => {
        player.failed('denied');
      }, 20_000);
    }
    expect(it.last()).toMatchObject({ kind: 'failed' });
    expect(it.requestToken).toHaveBeenCalledTimes(4);
  });

  it('does not count refusals that have long playing between them', async () => {
    const it = stage('with-token');
    await it.start();
    for (let times = 0; times < 6; times += 1) {
      await it.happens((player) => {
        player.playing();
      }, 31_000);
      await it.happens((player) => {
        player.failed('denied');
      });
    }
    expect(it.last()).toEqual({ kind: 'playing' });
    expect(it.loaded.length).toBe(7);
  });

  it('waits for a stream that is offline, with the same token', async () => {
    const it = stage('with-token', [token('same')]);
    await it.start();
    for (let times = 0; times < 5; times += 1) {
      await it.happens((player) => {
        player.failed('offline');
      }, 16_000);
      expect(it.last()).toEqual({ kind: 'offline' });
    }
    expect(it.loaded.length).toBe(6);
    expect(it.requestToken).toHaveBeenCalledOnce();
    await it.happens((player) => {
      player.playing();
    }, 60_000);
    expect(it.last()).toEqual({ kind: 'playing' });
    expect(it.loaded.length).toBe(6);
  });

  it('gets another token when the first has run out while it waited', async () => {
    const it = stage('with-token', [token('short', 11)]);
    await it.start();
    await it.happens((player) => {
      player.ended();
    }, 4_000);
    expect(it.requestToken).toHaveBeenCalledTimes(2);
  });
});

it('looks after a picture that stands still', async () => {
  const it = stage('without-token');
  await it.start();
  await it.happens((player) => {
    player.playing();
  });
  await it.happens((player) => {
    player.buffering();
  }, 7_900);
  expect(it.last()).toEqual({ kind: 'buffering' });
  await vi.advanceTimersByTimeAsync(200);
  expect(it.last()).toMatchObject({ kind: 'trouble' });
  await vi.advanceTimersByTimeAsync(1_000);
  expect(it.loaded.length).toBe(2);
});

it('gives a video that does not start more time at each try', async () => {
  const it = stage('without-token');
  await it.start();
  await vi.advanceTimersByTimeAsync(8_900);
  expect(it.loaded.length).toBe(1);
  await vi.advanceTimersByTimeAsync(200);
  expect(it.loaded.length).toBe(2);
  // The player buffers: that is no reason to begin to count anew at the first figure.
  await it.happens((player) => {
    player.buffering();
  }, 15_900);
  expect(it.loaded.length).toBe(2);
});

it('waits no longer than half a minute for a picture', () => {
  expect([0, 1, 2, 50].map(stallMs)).toEqual([8_000, 16_000, 30_000, 30_000]);
});

it('tells nothing more once it is stopped', async () => {
  const it = stage('without-token');
  await it.start();
  it.controller.stop();
  const before = it.states.length;
  await it.happens((player) => {
    player.cue('late');
    player.failed('offline');
  }, 60_000);
  expect(it.states.length).toBe(before);
  expect(it.cues).toEqual([]);
  expect(it.loaded.length).toBe(1);
});

it('closes a player that was made too late', async () => {
  const it = stage('with-token');
  it.controller.start();
  it.controller.stop();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(it.loaded).toEqual([]);
});

it('waits longer each time, within bounds', () => {
  expect([0, 1, 2, 3].map((attempt) => backoffMs(attempt, 0.5))).toEqual([
    1_000, 2_000, 4_000, 8_000,
  ]);
  expect(backoffMs(50, 1)).toBeLessThan(29_000);
  expect(backoffMs(0, 0)).toBe(750);
});

it.each([
  ['ErrorAuthorization', 403, 'denied'],
  ['ErrorNetwork', 403, 'denied'],
  ['ErrorNotAvailable', 404, 'offline'],
  ['ErrorNetwork', 404, 'offline'],
  ['ErrorNotSupported', 4, 'unsupported'],
  ['ErrorNetworkIO', 0, 'trouble'],
])('reads the error %s %i of the player as %s', (type, code, failure) => {
  expect(failureOf(type, code)).toBe(failure);
});
