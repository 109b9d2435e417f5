/** Signing in: Amazon Cognito's user pools API, as far as this page needs it. */

import { type Result, inWords } from './failures';
import { request, unexpected } from './http';
import { parse, record, text, whole } from './json';

/** What a sign-in gives. Kept in memory only. */
export interface Tokens {
  readonly idToken: string;
  /** Absent when Cognito gave none, e.g. with its refresh. */
  readonly refreshToken: string | undefined;
  /** For how long the ID token is valid. */
  readonly seconds: number;
}

export type SignIn =
  { readonly ok: true; readonly tokens: Tokens } | { readonly ok: false; readonly why: string };

export class Identity {
  readonly #url: string;
  readonly #clientId: string;

  constructor(url: string, clientId: string) {
    this.#url = url;
    this.#clientId = clientId;
  }

  /** Signs in by name and password; a failure comes in words for the form. */
  async signIn(username: string, password: string): Promise<SignIn> {
    const result = await this.#initiate('USER_PASSWORD_AUTH', {
      USERNAME: username,
      PASSWORD: password,
    });
    if (!result.ok) return { ok: false, why: refusalInWords(result) };
    const challenge = text(record(result.value)?.['ChallengeName']);
    if (challenge !== undefined) return { ok: false, why: challengeInWords(challenge) };
    const tokens = readTokens(result.value);
    return tokens ? { ok: true, tokens } : { ok: false, why: refusalInWords(unexpected()) };
  }

  /** A new ID token for a refresh token. */
  async refresh(refreshToken: string): Promise<Result<Tokens>> {
    const result = await this.#initiate('REFRESH_TOKEN_AUTH', { REFRESH_TOKEN: refreshToken });
    if (!result.ok) return result;
    const tokens = readTokens(result.value);
    return tokens ? { ok: true, value: tokens } : unexpected();
  }

  #initiate(flow: string, parameters: Record<string, string>): Promise<Result<unknown>> {
    return request(this.#url, {
      method: 'POST',
      headers: {
        'content-type': 'application/x-amz-json-1.1',
        'x-amz-target': 'AWSCognitoIdentityProviderService.InitiateAuth',
      },
      body: JSON.stringify({
        AuthFlow: flow,
        ClientId: this.#clientId,
        AuthParameters: parameters,
      }),
    });
  }
}

function readTokens(answer: unknown): Tokens | undefined {
  const result = record(record(answer)?.['AuthenticationResult']);
  const idToken = text(result?.['IdToken']);
  if (idToken === undefined) return undefined;
  return {
    idToken,
    refreshToken: text(result?.['RefreshToken']),
    seconds: whole(result?.['ExpiresIn'], 1) ?? 3600,
  };
}

/** The error's name in Cognito's JSON protocol; a namespace may stand before it. */
function errorName(members: Readonly<Record<string, unknown>>): string {
  return (text(members['__type']) ?? '').split('#').at(-1) ?? '';
}

function refusalInWords(result: Result<unknown>): string {
  if (result.ok) return '';
  const { failure } = result;
  if (failure.kind !== 'problem') {
    return 'The sign-in service cannot be reached. Check your connection and try again.';
  }
  switch (errorName(failure.members)) {
    case 'NotAuthorizedException':
    case 'UserNotFoundException':
      return 'The e-mail address or the password is wrong.';
    case 'UserNotConfirmedException':
      return 'This account is not confirmed yet. Follow the link in the e-mail you were sent.';
    case 'PasswordResetRequiredException':
      return 'This account needs a new password before it can sign in.';
    case 'TooManyRequestsException':
    case 'LimitExceededException':
      return 'Too many attempts. Wait a moment and try again.';
  }
  return failure.status >= 500
    ? 'The sign-in service is not available at the moment. Try again shortly.'
    : inWords(failure);
}

function challengeInWords(challenge: string): string {
  return challenge === 'NEW_PASSWORD_REQUIRED'
    ? 'This account needs a password of its own before it can sign in here.'
    : 'This account asks for another step to sign in, which this page does not offer.';
}

/**
 * The name that an ID token gives, for showing it only: the token is not verified here.
 * Undefined when it has none.
 */
export function nameIn(idToken: string): string | undefined {
  const payload = idToken.split('.')[1] ?? '';
  try {
    const bytes = Uint8Array.from(
      atob(payload.replace(/-/g, '+').replace(/_/g, '/')),
      (c) => c.codePointAt(0) ?? 0,
    );
    return text(record(parse(new TextDecoder().decode(bytes)))?.['name']);
  } catch {
    return undefined;
  }
}

/** Cuts a text where readers see one character end and the next one begin. */
const CHARACTERS = new Intl.Segmenter(undefined, { granularity: 'grapheme' });

/**
 * The name about as the leaderboard writes it: spaces joined, at most 24 characters. The service also
 * takes out what cannot be seen; a name with such in it is not found.
 */
export function leaderboardName(name: string): string {
  const words = name
    .normalize('NFC')
    .split(/\s+/)
    .filter((word) => word !== '');
  const characters = Array.from(CHARACTERS.segment(words.join(' ')), ({ segment }) => segment);
  return characters.slice(0, 24).join('').trimEnd();
}
