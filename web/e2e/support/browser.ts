/** The page in a real browser. */

import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

import {
  chromium,
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  type Page,
} from 'playwright-core';

import type { Person } from './people.js';
import { variable } from './stack.js';

const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--autoplay-policy=no-user-gesture-required',
];

const PATIENCE_MS = 60_000;

export function launch(): Promise<Browser> {
  return chromium.launch({ executablePath: variable('CUEPOINT_CHROMIUM'), args: FLAGS });
}

/** A viewer's own window: nothing is shared with others. */
export function newContext(
  browser: Browser,
  options: BrowserContextOptions = {},
): Promise<BrowserContext> {
  return browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
}

/** Opens the page; what goes wrong in it is printed. */
export async function open(context: BrowserContext, url: string): Promise<Page> {
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  page.on('pageerror', (error) => {
    console.error(`page: ${error.message}`);
  });
  await page.goto(url);
  await page.getByRole('heading', { name: 'Cuepoint' }).waitFor();
  return page;
}

export async function signIn(page: Page, { username, password }: Person): Promise<void> {
  await page.getByLabel('E-mail address').fill(username);
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('button', { name: 'Sign out' }).waitFor();
}

/** Waits until the playback is said to be in a state. */
export function playbackIs(page: Page, state: string): Promise<void> {
  return page.locator(`[data-testid=playback][data-state=${state}]`).waitFor();
}

/** How many frames have been shown, and how far the video is, in seconds. */
export function frames(page: Page): Promise<{ shown: number; position: number }> {
  return page.locator('video').evaluate((video: HTMLVideoElement) => ({
    shown: video.getVideoPlaybackQuality().totalVideoFrames,
    position: video.currentTime,
  }));
}

/** Keeps a picture of the page. */
export async function keep(page: Page, name: string): Promise<void> {
  const folder = variable('CUEPOINT_ARTIFACTS');
  mkdirSync(folder, { recursive: true });
  await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true });
}

interface Violation {
  readonly id: string;
  readonly impact: string | null;
  readonly nodes: readonly { readonly html: string; readonly failureSummary?: string }[];
}

/** What axe-core finds that is serious, with where. */
export async function seriousViolations(page: Page): Promise<readonly string[]> {
  const axe = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
  await page.evaluate(readFileSync(axe, 'utf8'));
  const violations = await page.evaluate(async () => {
    const { axe } = window as unknown as {
      axe: { run: () => Promise<{ violations: readonly Violation[] }> };
    };
    return (await axe.run()).violations;
  });
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' ')}`);
}
