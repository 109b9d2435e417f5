/**
 * Measures how long a cue takes from PutMetadata to the page, on a channel with low latency and a
 * normal one side by side, and prints a table. Its channels and streams are its own.
 */

import { spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import type { Browser, Page } from 'playwright-core';

import { launch, newContext, open, playbackIs } from './support/browser.js';
import { until } from './support/patience.js';
import { Backstage, loadStack, variable } from './support/stack.js';

/** How many cues are sent to each channel. */
const CUES = 20;
/** Between two cues, in milliseconds: not a multiple of a segment, so that it falls anywhere. */
const GAP_MS = 1_370;
/** What the low-latency channel has to keep, in milliseconds. */
const TARGET_P50_MS = 1_500;

type LatencyMode = 'LOW' | 'NORMAL';

interface Channel {
  readonly arn: string;
  readonly playbackUrl: string;
}

interface Figures {
  readonly mode: LatencyMode;
  readonly cues: number;
  readonly p50Ms: number;
  readonly maxMs: number;
}

const backstage = new Backstage(loadStack());

async function createChannel(latencyMode: LatencyMode): Promise<Channel> {
  const { channel, streamKey } = (await backstage.ivs('CreateChannel', {
    name: `latency-${latencyMode.toLowerCase()}`,
    latencyMode,
    authorized: false,
  })) as {
    channel: { arn: string; playbackUrl: string; ingestEndpoint: string };
    streamKey: { value: string };
  };
  publishers.push(publish(`rtmp://${channel.ingestEndpoint}/app/${streamKey.value}`));
  await until(`the ${latencyMode} channel is live`, () =>
    backstage.ivs('GetStream', { channelArn: channel.arn }).then(
      () => true,
      () => false,
    ),
  );
  return { arn: channel.arn, playbackUrl: channel.playbackUrl };
}

/** A small picture, since two of them are decoded without a graphics card. */
function publish(url: string): ChildProcess {
  const input = ['-re', '-f', 'lavfi', '-i', 'testsrc2=size=320x180:rate=25'];
  const sound = ['-f', 'lavfi', '-i', 'sine=frequency=440', '-c:a', 'aac'];
  const picture = ['-c:v', 'libx264', '-preset', 'ultrafast', '-tune', 'zerolatency', '-g', '25'];
  const format = ['-pix_fmt', 'yuv420p', '-b:v', '300k', '-f', 'flv', url];
  return spawn(
    variable('CUEPOINT_FFMPEG'),
    ['-nostdin', '-loglevel', 'error', ...input, ...sound, ...picture, ...format],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  );
}

/** Opens the page on a channel of ours instead of those of its configuration. */
async function watch(browser: Browser, mode: LatencyMode, channel: Channel): Promise<Page> {
  const config = {
    apiUrl: 'api',
    identityUrl: 'identity/',
    userPoolClientId: 'nobody',
    channels: [{ channelId: mode, name: mode, playbackUrl: channel.playbackUrl }],
  };
  const context = await newContext(browser);
  await context.route('**/config.json', (route) => route.fulfill({ json: config }));
  const page = await open(context, backstage.stack.pageUrl);
  await page.evaluate(() => {
    const heard = new Map<string, number>();
    window.addEventListener('cuepoint:cue', (event) => {
      const { text, receivedAt } = (event as CustomEvent<{ text: string; receivedAt: number }>)
        .detail;
      heard.set(text, receivedAt);
    });
    Object.assign(window, { heard });
  });
  await page.getByRole('button', { name: 'Play without token' }).click();
  await playbackIs(page, 'playing');
  return page;
}

/** Sends the cues and gives what each took, in milliseconds. */
async function measure(page: Page, mode: LatencyMode, channel: Channel): Promise<number[]> {
  const pushed: { text: string; at: number }[] = [];
  for (let number = 0; number < CUES; number += 1) {
    const text = JSON.stringify({ measured: mode, number });
    pushed.push({ text, at: performance.timeOrigin + performance.now() });
    await backstage.ivs('PutMetadata', { channelArn: channel.arn, metadata: text });
    await new Promise((done) => setTimeout(done, GAP_MS));
  }
  const received = () =>
    page.evaluate(() => [...(window as unknown as { heard: Map<string, number> }).heard]);
  await until('all cues have come', async () => (await received()).length >= CUES);
  const times = new Map(await received());
  return pushed.map(({ text, at }) => {
    const receivedAt = times.get(text);
    if (receivedAt === undefined) throw new Error(`This cue did not come: ${text}`);
    return receivedAt - at;
  });
}

function figuresOf(mode: LatencyMode, millis: readonly number[]): Figures {
  const sorted = millis.toSorted((a, b) => a - b);
  const middle = Math.floor((sorted.length - 1) / 2);
  return {
    mode,
    cues: sorted.length,
    p50Ms: Math.round(sorted[middle] ?? NaN),
    maxMs: Math.round(sorted.at(-1) ?? NaN),
  };
}

/** In Markdown, so that it can be put into a document as it is. */
function table(figures: readonly Figures[]): string {
  const rows = figures.map(
    ({ mode, cues, p50Ms, maxMs }) =>
      `| ${mode} | ${cues} | ${seconds(p50Ms)} | ${seconds(maxMs)} |`,
  );
  return ['| latency mode | cues | p50 | max |', '| --- | ---: | ---: | ---: |', ...rows].join(
    '\n',
  );
}

function seconds(millis: number): string {
  return `${(millis / 1000).toFixed(2)} s`;
}

const browser = await launch();
const publishers: ChildProcess[] = [];
try {
  // One after the other, so that none starts late because the other does: a player keeps for long
  // what it was late by at its start.
  const viewers = [];
  for (const mode of ['NORMAL', 'LOW'] as const) {
    const channel = await createChannel(mode);
    viewers.push({ mode, channel, page: await watch(browser, mode, channel) });
  }
  const figures = await Promise.all(
    viewers.map(async ({ mode, channel, page }) =>
      figuresOf(mode, await measure(page, mode, channel)),
    ),
  );
  console.log(table(figures));
  const folder = variable('CUEPOINT_ARTIFACTS');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'latency.json'), `${JSON.stringify(figures, null, 2)}\n`);
  const low = figures.find(({ mode }) => mode === 'LOW');
  if (low === undefined || low.p50Ms > TARGET_P50_MS) {
    console.error(`The low-latency channel takes more than ${TARGET_P50_MS} ms.`);
    process.exitCode = 1;
  }
} finally {
  for (const publisher of publishers) publisher.kill();
  await browser.close();
}
