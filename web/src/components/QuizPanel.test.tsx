// @vitest-environment jsdom
import { cleanup, render, screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { afterEach, expect, it, vi } from 'vitest';

import type { Standing, Unplaced } from '../leaderboard';
import { NO_QUIZ, type Quiz } from '../quiz';
import type { QuizHandle } from '../useQuiz';
import { QuizPanel } from './QuizPanel';

afterEach(cleanup);

const askAgain = vi.fn();

function panel(standing: Standing | Unplaced | undefined, known: Partial<Quiz> = {}) {
  const handle: QuizHandle = {
    quiz: { ...NO_QUIZ, ...known, screen: { kind: 'leaderboard', top: [], standing } },
    recalled: undefined,
    hear: vi.fn(),
    choose: vi.fn(),
    askAgain,
    dismiss: vi.fn(),
    reset: vi.fn(),
  };
  return <QuizPanel handle={handle} clock={() => 0} name={undefined} />;
}

it('lets the viewer ask again for a place that could not be read', async () => {
  const user = userEvent.setup();
  const { rerender } = render(panel(undefined));
  expect(screen.queryByRole('button', { name: /Ask/ })).toBeNull();

  rerender(panel({ why: 'No network.', isAsking: false }));
  expect(screen.getByText('Your own place cannot be read now. No network.')).toBeTruthy();
  await user.click(screen.getByRole('button', { name: 'Ask again' }));
  expect(askAgain).toHaveBeenCalledOnce();

  rerender(panel({ why: 'No network.', isAsking: true }));
  await user.click(screen.getByRole('button', { name: 'Asking …' }));
  expect(askAgain).toHaveBeenCalledOnce();

  rerender(panel({ players: 9, you: { rank: 2, points: 3 } }));
  expect(screen.getByText('You are 2nd of 9, with 3 points.')).toBeTruthy();
  expect(screen.queryByRole('button', { name: /Ask/ })).toBeNull();
  expect(screen.getByRole('dialog')).toBe(document.activeElement);
});

it('says how long a large audience waits for its places', () => {
  const said = () => screen.queryByText(/follows/)?.textContent;
  const { rerender } = render(panel(undefined, { viewer: 'ada', audience: 1_000_000 }));
  expect(said()).toBe('Your own place follows within about 7 minutes.');
  rerender(panel(undefined, { viewer: 'ada', audience: 75_000 }));
  expect(said()).toBe('Your own place follows within about 1 minute.');
  rerender(panel(undefined, { viewer: 'ada', audience: 5_000 }));
  expect(said()).toBeUndefined();
  rerender(panel(undefined, { viewer: undefined, audience: 1_000_000 }));
  expect(said()).toBeUndefined();
  const place = { players: 9, you: { rank: 2, points: 3 } };
  rerender(panel(place, { viewer: 'ada', audience: 1_000_000 }));
  expect(said()).toBeUndefined();
});
