/** Where the page finds its services: `config.json`, beside the page. */

import { list, parse, record, text } from './json';

export interface Channel {
  readonly channelId: string;
  readonly name: string;
  /** The multivariant playlist; a playback token is appended as `?token=`. */
  readonly playbackUrl: string;
}

export interface Config {
  /** The HTTP API, without a slash at its end. */
  readonly apiUrl: string;
  /** Where Cognito's user pools API answers. */
  readonly identityUrl: string;
  readonly userPoolClientId: string;
  readonly channels: readonly Channel[];
}

/** Why there is no configuration. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/** Reads the text of `config.json`; its addresses may be relative to `base`. */
export function readConfig(source: string, base: string): Config {
  const json = record(parse(source));
  if (json === undefined) throw new ConfigError('config.json is not a JSON object.');
  const userPoolClientId = text(json['userPoolClientId']);
  if (userPoolClientId === undefined) throw missing('userPoolClientId');
  const channels = list(json['channels'], (value) => channel(value, base), 1, 1000);
  if (channels === undefined) throw missing('channels');
  return {
    apiUrl: address(json, 'apiUrl', base).replace(/\/+$/, ''),
    identityUrl: address(json, 'identityUrl', base),
    userPoolClientId,
    channels,
  };
}

/** Fetches `config.json` from the page's own folder. */
export async function loadConfig(base: string): Promise<Config> {
  let response: Response;
  try {
    response = await fetch(new URL('config.json', base), { cache: 'no-cache' });
  } catch {
    throw new ConfigError('config.json cannot be reached.');
  }
  if (!response.ok) throw new ConfigError(`config.json: HTTP status ${response.status}.`);
  return readConfig(await response.text(), base);
}

function channel(value: unknown, base: string): Channel | undefined {
  const json = record(value);
  const channelId = text(json?.['channelId']);
  const playbackUrl = absolute(json?.['playbackUrl'], base);
  if (channelId === undefined || playbackUrl === undefined) return undefined;
  return { channelId, name: text(json?.['name']) ?? channelId, playbackUrl };
}

function address(json: Readonly<Record<string, unknown>>, name: string, base: string): string {
  const url = absolute(json[name], base);
  if (url === undefined) throw missing(name);
  return url;
}

function absolute(value: unknown, base: string): string | undefined {
  const url = text(value);
  if (url === undefined || !URL.canParse(url, base)) return undefined;
  const { protocol, href } = new URL(url, base);
  return protocol === 'http:' || protocol === 'https:' ? href : undefined;
}

function missing(name: string): ConfigError {
  return new ConfigError(`config.json has no usable "${name}".`);
}
