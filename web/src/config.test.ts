import { expect, it } from 'vitest';

import { readConfig } from './config';

const BASE = 'http://127.0.0.1:4173/';
const CONFIG = {
  apiUrl: 'api',
  identityUrl: 'identity/',
  userPoolClientId: 'client',
  channels: [{ channelId: 'show', name: 'The show', playbackUrl: 'https://video.example/a.m3u8' }],
};

function read(changes: object = {}) {
  return readConfig(JSON.stringify({ ...CONFIG, ...changes }), BASE);
}

it('resolves relative addresses against the page', () => {
  expect(read()).toEqual({
    ...CONFIG,
    apiUrl: 'http://127.0.0.1:4173/api',
    identityUrl: 'http://127.0.0.1:4173/identity/',
  });
});

it('takes absolute addresses as they are', () => {
  const config = read({
    apiUrl: 'https://api.example/',
    identityUrl: 'https://cognito-idp.eu-west-1.amazonaws.com/',
  });
  expect(config.apiUrl).toBe('https://api.example');
  expect(config.identityUrl).toBe('https://cognito-idp.eu-west-1.amazonaws.com/');
});

it('calls a channel without a name by its id', () => {
  const [channel] = read({
    channels: [{ channelId: 'show', playbackUrl: 'https://video.example/a.m3u8' }],
  }).channels;
  expect(channel?.name).toBe('show');
});

it.each([
  { apiUrl: undefined },
  { apiUrl: 'javascript:alert(1)' },
  { identityUrl: 7 },
  { userPoolClientId: ' ' },
  { channels: [] },
  { channels: [{ channelId: 'show' }] },
  { channels: [{ channelId: 'show', playbackUrl: 'file:///etc/passwd' }] },
])('says what is missing: %j', (changes) => {
  expect(() => read(changes)).toThrow(`"${Object.keys(changes)[0] ?? ''}"`);
});

it('says when the file is no JSON object', () => {
  expect(() => readConfig('<!doctype html>', BASE)).toThrow('not a JSON object');
});
