import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { Api } from './api';
import { Identity, leaderboardName, nameIn } from './identity';
import { Session } from './session';

/** An unsigned token with these claims. */
function idToken(claims: object): string {
  const bytes = new TextEncoder().encode(JSON.stringify(claims));
  const payload = btoa(String.fromCodePoint(...bytes));
  return `h.${payload.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')}.s`;
}

interface Sent {
  readonly url: string;
  readonly target: string | null;
  readonly authorization: string | null;
  readonly body: unknown;
}

let sent: Sent[];
let answers: (() => Response | Promise<never>)[];
let now: number;

beforeEach(() => {
  sent = [];
  answers = [];
  now = 0;
  vi.stubGlobal('fetch', async (url: string, init: RequestInit) => {
    const headers = new Headers(init.headers);
    sent.push({
      url,
      target: headers.get('x-amz-target'),
      authorization: headers.get('authorization'),
      body: JSON.parse((init.body as string | undefined) ?? 'null'),
    });
    const answer = answers.shift();
    if (answer === undefined) throw new Error(`nothing to answer ${url} with`);
    return answer();
  });
});
afterEach(() => {
  vi.unstubAllGlobals();
});

function reply(status: number, body: object): void {
  answers.push(() => new Response(JSON.stringify(body), { status }));
}

function tokens(name: string, refresh?: string): object {
  return {
    AuthenticationResult: {
      IdToken: idToken({ name, nonce: sent.length }),
      ExpiresIn: 3600,
      ...(refresh && { RefreshToken: refresh }),
    },
  };
}

function noNetwork(): void {
  answers.push(() => Promise.reject(new TypeError('Failed to fetch')));
}

function session(): Session {
  return new Session(new Identity('https://identity.example/', 'client'), () => now);
}

async function signedIn(): Promise<Session> {
  const made = session();
  reply(200, tokens('Ada', 'refresh'));
  await made.signIn('ada@example.org', 'secret');
  return made;
}

describe('signing in', () => {
  it('asks Cognito with name and password and knows the viewer', async () => {
    const made = session();
    const listener = vi.fn();
    made.subscribe(listener);
    reply(200, tokens('Zoë Ålund', 'refresh'));
    expect(await made.signIn('zoe@example.org', 'secret')).toMatchObject({ ok: true });
    expect(sent[0]).toMatchObject({
      url: 'https://identity.example/',
      target: 'AWSCognitoIdentityProviderService.InitiateAuth',
      body: {
        AuthFlow: 'USER_PASSWORD_AUTH',
        ClientId: 'client',
        AuthParameters: { USERNAME: 'zoe@example.org', PASSWORD: 'secret' },
      },
    });
    expect(made.viewer()).toEqual({ username: 'zoe@example.org', name: 'Zoë Ålund' });
    expect(listener).toHaveBeenCalledOnce();
  });

  it.each([
    [400, 'NotAuthorizedException', 'is wrong'],
    [400, 'com.amazonaws#UserNotFoundException', 'is wrong'],
    [400, 'UserNotConfirmedException', 'not confirmed'],
    [400, 'PasswordResetRequiredException', 'new password'],
    [400, 'TooManyRequestsException', 'Too many attempts'],
    [500, 'InternalErrorException', 'not available'],
  ])('says a refusal plainly: %i %s', async (status, type, words) => {
    reply(status, { __type: type, message: 'internal words' });
    const result = await session().signIn('ada@example.org', 'secret');
    expect(result.ok || result.why).toContain(words);
  });

  it('says when the service cannot be reached', async () => {
    noNetwork();
    const result = await session().signIn('ada@example.org', 'secret');
    expect(result.ok || result.why).toContain('cannot be reached');
  });

  it('says when Cognito wants another step', async () => {
    reply(200, { ChallengeName: 'NEW_PASSWORD_REQUIRED', Session: 's' });
    const result = await session().signIn('ada@example.org', 'secret');
    expect(result.ok || result.why).toContain('a password of its own');
  });
});

describe('the ID token', () => {
  it('is used as long as it is valid, then renewed once for all who ask', async () => {
    const made = await signedIn();
    const first = await made.idToken();
    now = 3_500_000;
    expect(await made.idToken()).toEqual(first);
    now = 3_550_000;
    reply(200, tokens('Ada'));
    const [a, b] = await Promise.all([made.idToken(), made.idToken()]);
    expect(a).toEqual(b);
    expect(a).not.toEqual(first);
    expect(sent.length).toBe(2);
    expect(sent[1]?.body).toMatchObject({
      AuthFlow: 'REFRESH_TOKEN_AUTH',
      AuthParameters: { REFRESH_TOKEN: 'refresh' },
    });
    // The refresh token stays for the next time.
    now += 3_600_000;
    reply(200, tokens('Ada'));
    expect(await made.idToken()).toMatchObject({ ok: true });
  });

  it('that cannot be renewed any more signs the viewer out', async () => {
    const made = await signedIn();
    now = 3_600_000;
    reply(400, { __type: 'NotAuthorizedException' });
    expect(await made.idToken()).toEqual({ ok: false, failure: { kind: 'signed-out' } });
    expect(made.viewer()).toBeUndefined();
  });

  it('that cannot be renewed for now keeps the viewer signed in', async () => {
    const made = await signedIn();
    now = 3_600_000;
    noNetwork();
    expect(await made.idToken()).toEqual({ ok: false, failure: { kind: 'unreachable' } });
    expect(made.viewer()).toBeDefined();
  });

  it('does not come back after signing out during its renewal', async () => {
    const made = await signedIn();
    now = 3_600_000;
    reply(200, tokens('Ada'));
    const renewal = made.idToken();
    made.signOut();
    expect(await renewal).toEqual({ ok: false, failure: { kind: 'signed-out' } });
    expect(made.viewer()).toBeUndefined();
  });

  it.each(['', 'a.b', 'h.!!.s', `h.${btoa('[]')}.s`, idToken({ name: 7 })])(
    'without a readable name gives none: %s',
    (token) => {
      expect(nameIn(token)).toBeUndefined();
    },
  );
});

describe('the API', () => {
  const KEY = { quizId: 'a/b', runId: 'run', questionId: 'q1' };

  it('sends the ID token, and ids as parts of the path', async () => {
    const made = await signedIn();
    reply(201, { choice: 1, receivedAt: 'x', closesAt: 'y' });
    const api = new Api('https://api.example', made);
    expect(await api.answer(KEY, 1)).toEqual({ ok: true, value: { choice: 1 } });
    expect(sent[1]?.url).toBe('https://api.example/quizzes/a%2Fb/runs/run/questions/q1/answers');
    expect(sent[1]?.authorization).toMatch(/^Bearer h\./);
    expect(sent[1]?.body).toEqual({ choice: 1 });
  });

  it('renews a token that was refused and tries once more', async () => {
    const made = await signedIn();
    reply(401, { message: 'Unauthorized' });
    reply(200, tokens('Ada'));
    const token = {
      token: 't',
      playbackUrl: 'https://v.example/',
      expiresAt: '2026-01-01T00:00:00Z',
    };
    reply(200, token);
    const result = await new Api('https://api.example', made).playbackToken('show');
    expect(result).toEqual({
      ok: true,
      value: { ...token, expiresAt: Date.UTC(2026, 0, 1), singleUse: false },
    });
    expect(sent.length).toBe(4);
    expect(sent[3]?.authorization).not.toBe(sent[1]?.authorization);
  });

  it('signs out when a new token is refused too', async () => {
    const made = await signedIn();
    reply(401, {});
    reply(200, tokens('Ada'));
    reply(401, {});
    const result = await new Api('https://api.example', made).playbackToken('show');
    expect(result).toEqual({ ok: false, failure: { kind: 'signed-out' } });
    expect(made.viewer()).toBeUndefined();
  });

  it('gives problems by their names, and an answer of another kind as a fault', async () => {
    const made = await signedIn();
    const api = new Api('https://api.example', made);
    reply(409, { type: 'urn:cuepoint:problem:already-answered', choice: 0, detail: 'First.' });
    expect(await api.answer(KEY, 1)).toMatchObject({
      failure: { status: 409, name: 'already-answered', detail: 'First.', members: { choice: 0 } },
    });
    reply(200, { token: 't' });
    expect(await api.playbackToken('show')).toMatchObject({ failure: { status: 502 } });
    answers.push(() => new Response('<html>', { status: 504 }));
    expect(await api.answer(KEY, 1)).toMatchObject({ failure: { status: 504, name: 'http' } });
  });

  it('asks nobody when nobody is signed in', async () => {
    const result = await new Api('https://api.example', session()).answer(KEY, 1);
    expect(result).toEqual({ ok: false, failure: { kind: 'signed-out' } });
    expect(sent).toEqual([]);
  });
});

it('writes a name as the leaderboard does', () => {
  expect(leaderboardName('  Ada \n Lovelace ')).toBe('Ada Lovelace');
  expect(leaderboardName('é'.repeat(30))).toBe('é'.repeat(24));
});
