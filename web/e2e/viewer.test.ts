/**
 * A viewer's evening in a real browser, against a running system: the real Amazon IVS player plays
 * the local stream. The steps build on each other, in this order.
 */

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';

import type { Browser, Page } from 'playwright-core';

import * as ui from './support/browser.js';
import { until } from './support/patience.js';
import { type Person, call, createPerson, entitle, runQuiz } from './support/people.js';
import { Backstage, loadStack } from './support/stack.js';

const QUESTIONS = [
  { question: 'Is this live?', answers: ['Yes', 'No'], correct: 0, seconds: 20 },
  {
    question: 'ما هو لونك المفضل؟',
    answers: ['Red', 'Green', 'أزرق', '黄色', 'สีม่วง', 'оранжевый'],
    seconds: 20,
  },
];

const backstage = new Backstage(loadStack());
const { pageUrl, channel } = backstage.stack;

describe('a viewer in a browser', { timeout: 600_000 }, () => {
  let browser: Browser;
  let page: Page;
  let phone: Page;
  let ada: Person;
  let run: { quizId: string; runId: string };

  const quiz = (on: Page, screen: string) =>
    on.locator(`[data-testid=quiz][data-screen=${screen}]`);
  const answerIs = (on: Page, answer: string) =>
    on.locator(`[data-testid=answer-note][data-answer=${answer}]`).waitFor();
  const results = (questionId: string) =>
    call(backstage, ada, 'GET', `${runPath()}/questions/${questionId}/results`);
  const runPath = () => `/quizzes/${run.quizId}/runs/${run.runId}`;

  before(async () => {
    ada = await createPerson(backstage, { name: 'Ada Lovelace' });
    browser = await ui.launch();
    page = await ui.open(await ui.newContext(browser), pageUrl);
  });

  after(async () => {
    await browser.close();
  });

  it('is told why a private channel does not play without a token', async () => {
    await page.getByRole('button', { name: 'Play without token' }).click();
    await ui.playbackIs(page, 'token-needed');
    await page.getByText('This channel is private').waitFor();
    await ui.keep(page, '1-without-token');
    assert.deepEqual(await ui.seriousViolations(page), []);
  });

  it('is told that the password is wrong', async () => {
    await page.getByLabel('E-mail address').fill(ada.username);
    await page.getByLabel('Password').fill('not the password');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByText('The e-mail address or the password is wrong.').waitFor();
  });

  it('is refused without an entitlement', async () => {
    await ui.signIn(page, ada);
    await page.getByRole('button', { name: 'Play with token' }).click();
    await ui.playbackIs(page, 'not-entitled');
    await page.getByText('You are not entitled to watch this channel').waitFor();
    await ui.keep(page, '2-not-entitled');
  });

  it('watches with a token: the picture moves', async () => {
    await entitle(backstage, ada);
    await page.getByRole('button', { name: 'Play with token' }).click();
    await ui.playbackIs(page, 'playing');
    await pictureMoves(page);
    await ui.keep(page, '3-playing');
  });

  it('sees a plain payload as a question that nobody collects', async () => {
    const heard = page.evaluate(
      () =>
        new Promise<unknown>((done) => {
          const listener = ({ detail }: CustomEvent<unknown>) => {
            done(detail);
          };
          window.addEventListener('cuepoint:cue', listener as EventListener, { once: true });
        }),
    );
    const metadata = JSON.stringify({
      current_time: '2022-Apr-14-153617',
      question: 'Question : 8',
      answers: ['True', 'False'],
    });
    await backstage.ivs('PutMetadata', { channelArn: channel.arn, metadata });
    const { text } = (await heard) as { text: string };
    assert.equal(text, metadata);
    await quiz(page, 'question').getByText('Question : 8').waitFor();
    await page.getByText('Answers to this question are not collected.').waitFor();
    await page.locator('.log code', { hasText: 'Question : 8' }).waitFor();
    await ui.keep(page, '4-plain-question');
  });

  it('answers a question with a click, and it is recorded', async () => {
    const pocket = await ui.newContext(browser, {
      viewport: { width: 360, height: 740 },
      colorScheme: 'dark',
      reducedMotion: 'reduce',
    });
    phone = await ui.open(pocket, pageUrl);
    await ui.signIn(phone, ada);
    await phone.getByRole('button', { name: 'Play with token' }).click();
    await ui.playbackIs(phone, 'playing');

    const producer = await createPerson(backstage, { name: 'Producer', producer: true });
    run = await runQuiz(backstage, producer, QUESTIONS);
    await quiz(page, 'question').getByText('Is this live?').waitFor();
    await ui.keep(page, '5-question');
    assert.deepEqual(await ui.seriousViolations(page), []);

    await page.getByRole('button', { name: /Yes/ }).click();
    await answerIs(page, 'recorded');
    await ui.keep(page, '6-answered');
    const again = await call(
      backstage,
      ada,
      'POST',
      `${runPath()}/questions/${await questionId(page, 0)}/answers`,
      { choice: 0 },
    );
    assert.equal(again.status, 200, 'the same choice again is a repeat, so the first is recorded');
  });

  it('learns on another screen that the first answer counts', async () => {
    await quiz(phone, 'question').getByText('Is this live?').waitFor();
    await phone.getByRole('button', { name: /No/ }).click();
    await answerIs(phone, 'recorded-before');
    await ui.keep(phone, '7-phone-dark');
    assert.deepEqual(await ui.seriousViolations(phone), []);
    const width = await phone.evaluate(() => document.documentElement.scrollWidth);
    assert.ok(width <= 360, `the page is ${width} pixels wide on a phone of 360`);
    await phone.context().close();
  });

  it('sees the final tally', async () => {
    const bars = page.getByTestId('results');
    await bars.waitFor();
    assert.deepEqual(await counts(page), [1, 0]);
    await bars.getByText('✓ Correct').waitFor();
    await bars.getByText('1 · 100 %').waitFor();
    await page.getByText('You were right.').waitFor();
    await ui.keep(page, '8-results');
    assert.deepEqual(await ui.seriousViolations(page), []);
    const { body } = await results(await questionId(page, 0));
    assert.deepEqual([body['status'], body['final']], ['tallied', [1, 0]]);
  });

  it('answers the next question by keyboard alone', async () => {
    await quiz(page, 'question').getByText('ما هو لونك المفضل؟').waitFor();
    const isInDialog = await page.evaluate(
      () => document.activeElement?.closest('[role=dialog]') !== null,
    );
    assert.ok(isInDialog, 'the focus is in the dialog');
    // Past "Close" and the first option to the second.
    for (let times = 0; times < 3; times += 1) await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await answerIs(page, 'recorded');
    await page.getByText('Your answer is in: Green.').waitFor();
    await ui.keep(page, '9-by-keyboard');
    assert.deepEqual(await ui.seriousViolations(page), []);
    await page.getByTestId('results').waitFor();
    await until('the second tally', async () => (await counts(page)).length === 6);
    assert.deepEqual(await counts(page), [0, 1, 0, 0, 0, 0]);
  });

  it('finds their name on the leaderboard', async () => {
    await page.getByTestId('leaderboard').getByText('Ada Lovelace').waitFor();
    await quiz(page, 'leaderboard')
      .getByText(/^You are 1st of 1, with \d+ points\.$/)
      .waitFor();
    await ui.keep(page, '10-leaderboard');
    assert.deepEqual(await ui.seriousViolations(page), []);
    await page.keyboard.press('Escape');
    await quiz(page, 'leaderboard').waitFor({ state: 'detached' });
  });

  it('reads the results again in a page that was opened anew', async () => {
    await page.reload();
    await page.getByText('Sign in to read its results again.').waitFor();
    await ui.signIn(page, ada);
    await page.getByRole('button', { name: 'Read the results' }).click();
    const card = page.getByTestId('last-quiz');
    await card.getByRole('heading', { name: '1. Is this live?' }).waitFor();
    await card.getByText('✓ Correct').waitFor();
    await card.getByRole('heading', { name: '2. ما هو لونك المفضل؟' }).waitFor();
    const shown = card.locator('[data-count]');
    const all = await shown.evaluateAll((bars) =>
      bars.map((bar) => (bar as HTMLElement).dataset['count']),
    );
    assert.deepEqual(all, ['1', '0', '0', '1', '0', '0', '0', '0']);
    await card.getByText(/^You are 1st of 1, with \d+ points\.$/).waitFor();
    await ui.keep(page, '10-read-again');
    assert.deepEqual(await ui.seriousViolations(page), []);
    await page.getByRole('button', { name: 'Play with token' }).click();
  });

  it('sees that the stream is offline, and its picture again when it is back', async () => {
    await ui.playbackIs(page, 'playing');
    const offline = ui.playbackIs(page, 'offline').then(() => ui.keep(page, '11-offline'));
    // The publisher comes back by itself.
    await backstage.ivs('StopStream', { channelArn: channel.arn });
    await offline;
    await ui.playbackIs(page, 'playing');
    await pictureMoves(page);
    await ui.keep(page, '12-back');
  });

  it('loses the picture with the entitlement, and is told why', async () => {
    await ui.playbackIs(page, 'playing');
    await backstage.announce('user-entitlement-revoked', ada.userId);
    await ui.playbackIs(page, 'not-entitled');
    await page.getByText('You are no longer entitled to watch this channel').waitFor();
    const { shown } = await ui.frames(page);
    await new Promise((done) => setTimeout(done, 2_000));
    assert.equal((await ui.frames(page)).shown, shown, 'the picture stands still');
    await ui.keep(page, '13-revoked');
    assert.deepEqual(await ui.seriousViolations(page), []);
  });
});

/** Waits until two more seconds of the video have been shown. */
async function pictureMoves(page: Page): Promise<void> {
  const first = await ui.frames(page);
  await until('the picture moves on by two seconds', async () => {
    const { shown, position } = await ui.frames(page);
    return shown > first.shown + 20 && position > first.position + 2;
  });
}

/** The counts of the bars that are shown. */
function counts(page: Page): Promise<number[]> {
  return page
    .locator('[data-testid=results] [data-count]')
    .evaluateAll((bars) => bars.map((bar) => Number((bar as HTMLElement).dataset['count'])));
}

/** The id of the question at a place of the run, from the cues that the page logged. */
async function questionId(page: Page, index: number): Promise<string> {
  const texts = await page.locator('.log code').allTextContents();
  const ids = texts
    .map((text) => JSON.parse(text) as Record<string, unknown>)
    .filter((cue) => cue['type'] === 'question' && cue['n'] === index + 1)
    .map((cue) => String(cue['questionId']));
  const [id] = ids;
  if (id === undefined) throw new Error(`The page logged no question ${index + 1}.`);
  return id;
}
