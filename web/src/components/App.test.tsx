// @vitest-environment jsdom
import { act, cleanup, render, screen, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';

import type { PlaybackToken, Receipt, Results } from '../api';
import { now, pause } from '../clock';
import type { CueDetail } from '../cueEvent';
import type { Result } from '../failures';
import type { Leaderboard } from '../leaderboard';
import type { PlayerEvents } from '../player';
import { Session } from '../session';
import { App } from './App';

vi.mock('amazon-ivs-player/dist/assets/amazon-ivs-wasmworker.min.wasm?url', () => ({
  default: 'wasm',
}));
vi.mock('amazon-ivs-player/dist/assets/amazon-ivs-wasmworker.min.js?url', () => ({
  default: 'js',
}));

const CHANNEL = { channelId: 'show', name: 'The show', playbackUrl: 'https://v.example/a.m3u8' };
const QUESTION = {
  type: 'question',
  quizId: 'quiz',
  runId: 'run',
  questionId: 'q1',
  n: 1,
  of: 2,
  question: 'Is the sky up?',
  answers: ['Yes', 'No'],
  seconds: 60,
};

let player: PlayerEvents | undefined;
const answer = vi.fn<() => Promise<Result<Receipt>>>();
const results = vi.fn<(question: { questionId: string }) => Promise<Result<Results>>>();
const leaderboard = vi.fn<() => Promise<Result<Leaderboard>>>();
let kept: Record<string, string>;
const playbackToken = vi.fn<() => Promise<Result<PlaybackToken>>>();

beforeEach(() => {
  player = undefined;
  kept = {};
  vi.clearAllMocks();
  answer.mockResolvedValue({ ok: true, value: { choice: 1, remainingMillis: 30_000 } });
  results.mockResolvedValue({
    ok: true,
    value: { status: 'tallied', counts: [3, 1], correct: 0 },
  });
  leaderboard.mockResolvedValue({
    ok: true,
    value: {
      top: [
        { rank: 1, name: 'Ada', points: 1870 },
        { rank: 1, name: 'Bob', points: 1870 },
      ],
      standing: { players: 12_000, you: { rank: 4711, points: 500 } },
    },
  });
  playbackToken.mockResolvedValue({
    ok: true,
    value: {
      token: 't',
      playbackUrl: CHANNEL.playbackUrl,
      expiresAt: Date.now() + 60_000,
      singleUse: false,
    },
  });
});
afterEach(cleanup);

function page() {
  const tokens = { idToken: 'h.e30.s', refreshToken: 'r', seconds: 3600 };
  const session = new Session(
    {
      signIn: (_, password) =>
        Promise.resolve(
          password === 'right'
            ? { ok: true, tokens }
            : { ok: false, why: 'The password is wrong.' },
        ),
      refresh: () => Promise.resolve({ ok: true, value: tokens }),
    },
    now,
  );
  const config = { apiUrl: '', identityUrl: '', userPoolClientId: '', channels: [CHANNEL] };
  render(
    <App
      first={CHANNEL}
      services={{
        config,
        session,
        api: { answer, playbackToken, results, leaderboard },
        clock: now,
        pause,
        random: () => 0,
        store: {
          getItem: (name) => kept[name] ?? null,
          setItem: (name, value) => {
            kept[name] = value;
          },
        },
        createPlayer: (_, events) => {
          player = events;
          return Promise.resolve({
            load: vi.fn(),
            play: vi.fn(),
            pause: vi.fn(),
            setMuted: vi.fn(),
            close: vi.fn(),
          });
        },
      }}
    />,
  );
  return userEvent.setup();
}

async function signIn(user: ReturnType<typeof userEvent.setup>, password = 'right', who = 'ada') {
  await user.type(screen.getByLabelText('E-mail address'), `${who}@example.org`);
  await user.type(screen.getByLabelText('Password'), password);
  await user.click(screen.getByRole('button', { name: 'Sign in' }));
}

/** Signed in, and the video plays. */
async function watching() {
  const user = page();
  await signIn(user);
  await user.click(screen.getByRole('button', { name: 'Play with token' }));
  act(() => player?.playing());
  return user;
}

function cue(payload: object | string) {
  const text = typeof payload === 'string' ? payload : JSON.stringify(payload);
  act(() => player?.cue(text));
}

it('says when the password is wrong, and keeps the form', async () => {
  const user = page();
  await signIn(user, 'wrong');
  expect(screen.getByRole('alert').textContent).toBe('The password is wrong.');
  expect(screen.getByLabelText('Password')).toBe(document.activeElement);
});

it('brings who is not signed in to the form', async () => {
  const user = page();
  await user.click(screen.getByRole('button', { name: 'Play with token' }));
  expect(screen.getByLabelText('E-mail address')).toBe(document.activeElement);
  expect(screen.getByText(/Sign in first/)).toBeTruthy();
  expect(player).toBeUndefined();
});

it('says in plain words why a private channel does not play without a token', async () => {
  const user = page();
  await user.click(screen.getByRole('button', { name: 'Play without token' }));
  act(() => player?.failed('denied'));
  expect(screen.getByText('This channel is private')).toBeTruthy();
});

it('stops the picture when the viewer signs out', async () => {
  const user = await watching();
  expect(screen.getByTestId('playback').dataset['state']).toBe('playing');
  await user.click(screen.getByRole('button', { name: 'Sign out' }));
  expect(screen.getByTestId('playback').dataset['state']).toBe('idle');
});

it('shows a question, takes one answer and shows the results', async () => {
  const user = await watching();
  const before = document.activeElement;
  cue(QUESTION);
  const dialog = screen.getByRole('dialog', { name: 'Question 1 of 2' });
  expect(document.activeElement).toBe(dialog);
  expect(screen.getByTestId('announcement').textContent).toContain('Is the sky up? 2 options.');

  await user.click(within(dialog).getByRole('button', { name: /No/ }));
  expect(await within(dialog).findByText('Your answer is in: No.')).toBeTruthy();
  await user.click(within(dialog).getByRole('button', { name: /Yes/ }));
  expect(answer).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ questionId: 'q1' }), 1);

  cue({ type: 'results', questionId: 'q1', counts: [3, 1], correct: 0 });
  expect(screen.getByTestId('results').textContent).toContain('✓ Correct');
  expect(within(screen.getByRole('dialog')).getByText(/You were wrong/)).toBeTruthy();

  await user.keyboard('{Escape}');
  expect(screen.queryByRole('dialog')).toBeNull();
  expect(document.activeElement).toBe(before);
});

it('is answered by keyboard alone', async () => {
  const user = await watching();
  cue(QUESTION);
  await user.keyboard('2');
  expect(await screen.findByText('Your answer is in: No.')).toBeTruthy();
});

it('does not take the focus from who is typing', async () => {
  const user = page();
  await user.click(screen.getByRole('button', { name: 'Play without token' }));
  act(() => player?.playing());
  await user.type(screen.getByLabelText('E-mail address'), 'ada');
  cue(QUESTION);
  expect(screen.getByRole('dialog')).toBeTruthy();
  expect(screen.getByLabelText('E-mail address')).toBe(document.activeElement);
});

it('offers to send an answer again that nobody may have got', async () => {
  answer.mockResolvedValueOnce({ ok: false, failure: { kind: 'signed-out' } });
  const user = await watching();
  cue(QUESTION);
  await user.click(screen.getByRole('button', { name: /No/ }));
  await user.click(await screen.findByRole('button', { name: 'Send it again' }));
  expect(await screen.findByText('Your answer is in: No.')).toBeTruthy();
});

it('logs every cue, tells the window of it, and breaks on none', async () => {
  const heard: string[] = [];
  const listener = (event: Event) => heard.push((event as CustomEvent<CueDetail>).detail.text);
  window.addEventListener('cuepoint:cue', listener);
  await watching();
  const texts = ['', 'hello', '{"type":"question"}', '{"type":"results","counts":{}}', '[1]'];
  for (const text of texts) cue(text);
  cue({ question: 'Question : 8', answers: ['True', 'False'], current_time: 'now' });
  window.removeEventListener('cuepoint:cue', listener);
  expect(heard.length).toBe(6);
  expect(
    within(screen.getByRole('group', { name: 'Received metadata' })).getAllByRole('listitem')
      .length,
  ).toBe(6);
  expect(screen.getByRole('dialog', { name: 'Question' })).toBeTruthy();
  expect(screen.getByText('Answers to this question are not collected.')).toBeTruthy();
});

it('shows leaderboard and cancellation', async () => {
  await watching();
  cue({
    type: 'leaderboard',
    top: [
      ['Ada', 1870],
      ['Bob', 1],
    ],
  });
  expect(screen.getByTestId('leaderboard').textContent).toContain('1,870 points');
  cue({ type: 'cancelled', quizId: 'quiz', runId: 'run' });
  expect(screen.getByRole('dialog', { name: 'Quiz cancelled' })).toBeTruthy();
});

it('says where the viewer is among all, with ranks that ties share', async () => {
  await watching();
  cue(QUESTION);
  cue({
    type: 'leaderboard',
    top: [
      ['Ada', 1870],
      ['Bob', 1870],
      ['Cleo', 1],
    ],
  });
  const places = within(screen.getByTestId('leaderboard')).getAllByRole('listitem');
  expect(places.map((place) => place.querySelector('.rank')?.textContent)).toEqual([
    '1.',
    '1.',
    '3.',
  ]);
  const said = 'You are 4,711th of 12,000, with 500 points.';
  expect((await screen.findByTestId('standing')).textContent).toBe(said);
  expect(screen.getByTestId('announcement').textContent).toContain(said);
  expect(leaderboard).toHaveBeenCalledOnce();
});

it('shows the time that the service has left for the question', async () => {
  const user = await watching();
  cue(QUESTION);
  expect(screen.getByRole('timer').textContent).toMatch(/^60 seconds/);
  await user.click(screen.getByRole('button', { name: /No/ }));
  await screen.findByText('Your answer is in: No.');
  expect(screen.getByRole('timer').textContent).toMatch(/^(31|30|29) seconds/);
});

it('asks a question again under its new name', async () => {
  const user = await watching();
  cue(QUESTION);
  await user.keyboard('1');
  cue({ ...QUESTION, questionId: 'q1-2' });
  const dialog = screen.getByRole('dialog', { name: 'Question 1 of 2, asked again' });
  within(dialog).getByText(/The first time does not count/);
  await user.keyboard('2');
  expect(answer).toHaveBeenLastCalledWith(expect.objectContaining({ questionId: 'q1-2' }), 1);
});

it('takes ten options in any script', async () => {
  const user = await watching();
  const answers = ['القاهرة', 'ירושלים', '東京', 'Αθήνα', 'Москва', 'ไทย', 'G', 'H', 'I', 'J'];
  cue({ ...QUESTION, question: 'ما هي العاصمة؟', answers });
  expect(screen.getByText('ما هي العاصمة؟').dir).toBe('auto');
  expect(screen.getByText('القاهرة').dir).toBe('auto');
  await user.keyboard('0');
  expect(answer).toHaveBeenCalledExactlyOnceWith(expect.anything(), 9);
});

it('reads the results again after the show, also in a page that was opened anew', async () => {
  await watching();
  cue(QUESTION);
  cue({ ...QUESTION, questionId: 'q2', n: 2, question: 'And now?', answers: ['This', 'That'] });
  cleanup();

  results.mockImplementation(({ questionId }) =>
    Promise.resolve({
      ok: true,
      value:
        questionId === 'q1'
          ? { status: 'tallied', counts: [3, 1], correct: 0 }
          : { status: 'voided', counts: undefined, correct: undefined },
    }),
  );
  const user = page();
  expect(screen.getByText('Sign in to read its results again.')).toBeTruthy();
  await signIn(user);
  await user.click(screen.getByRole('button', { name: 'Read the results' }));
  const card = within(screen.getByTestId('last-quiz'));
  await card.findByRole('heading', { name: '1. Is the sky up?' });
  expect(card.getByText('Yes').textContent).toBe('Yes');
  expect(card.getByText('4 answers.')).toBeTruthy();
  expect(card.getByRole('heading', { name: '2. And now?' })).toBeTruthy();
  expect(card.getByText('It was withdrawn and does not count.')).toBeTruthy();
  expect(card.getByText('You are 4,711th of 12,000, with 500 points.')).toBeTruthy();
});

it('shows nobody what the viewer before has read', async () => {
  const user = await watching();
  cue(QUESTION);
  cue({ type: 'leaderboard', top: [['Ada', 1870]] });
  await screen.findByTestId('standing');
  await user.click(screen.getByRole('button', { name: 'Read the results' }));
  const card = within(screen.getByTestId('last-quiz'));
  await card.findByText(/^You are 4,711th/);
  await user.click(screen.getByRole('button', { name: 'Sign out' }));
  expect(screen.queryByText(/You are/)).toBeNull();

  leaderboard.mockReturnValueOnce(new Promise(() => undefined));
  await signIn(user, 'right', 'bob');
  expect(leaderboard).toHaveBeenCalledTimes(3);
  expect(screen.queryByText(/You are/)).toBeNull();
});
