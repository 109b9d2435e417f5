/** Users of the running system, and the HTTP API as they call it. */

import { until } from './patience.js';
import type { Backstage } from './stack.js';

export interface Person {
  readonly userId: string;
  readonly username: string;
  readonly password: string;
  /** For calls of the API outside the browser. */
  readonly idToken: string;
}

/** An answer of the API. */
export interface Reply {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

/** Makes a user who can sign in. */
export async function createPerson(
  backstage: Backstage,
  { name, producer = false }: { name: string; producer?: boolean },
): Promise<Person> {
  const username = `browser-test-${crypto.randomUUID()}@example.org`;
  const password = crypto.randomUUID();
  const created = (await backstage.cognito('AdminCreateUser', {
    Username: username,
    MessageAction: 'SUPPRESS',
    UserAttributes: [{ Name: 'name', Value: name }],
  })) as { User: { Attributes: { Name: string; Value: string }[] } };
  const sub = created.User.Attributes.find((attribute) => attribute.Name === 'sub');
  if (sub === undefined) throw new Error('The new user has no sub.');
  await backstage.cognito('AdminSetUserPassword', {
    Username: username,
    Password: password,
    Permanent: true,
  });
  if (producer) {
    await backstage.cognito('AdminAddUserToGroup', { Username: username, GroupName: 'producers' });
  }
  const idToken = await signIn(backstage, username, password);
  return { userId: sub.Value, username, password, idToken };
}

/** Entitles a viewer to the channel, and waits until that counts. */
export async function entitle(backstage: Backstage, person: Person): Promise<void> {
  await backstage.announce('user-entitled', person.userId);
  const path = `/channels/${backstage.stack.channel.channelId}/playback-token`;
  await until('the entitlement counts', async () => {
    const { status } = await call(backstage, person, 'POST', path);
    return status === 200;
  });
}

/** Calls the API, through the page's own origin. */
export async function call(
  { stack }: Backstage,
  person: Person,
  method: string,
  path: string,
  body?: object,
): Promise<Reply> {
  const response = await fetch(new URL(`api${path}`, stack.pageUrl), {
    method,
    headers: { authorization: `Bearer ${person.idToken}`, 'content-type': 'application/json' },
    ...(body && { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(30_000),
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

/** Writes a quiz and runs it on the channel at once. */
export async function runQuiz(
  backstage: Backstage,
  producer: Person,
  questions: readonly object[],
): Promise<{ quizId: string; runId: string }> {
  const quiz = await call(backstage, producer, 'POST', '/quizzes', {
    title: 'Browser test',
    questions,
  });
  if (quiz.status !== 201) throw new Error(`No quiz: ${JSON.stringify(quiz)}`);
  const quizId = String(quiz.body['quizId']);
  const run = await call(backstage, producer, 'POST', `/quizzes/${quizId}/runs`, {
    channelId: backstage.stack.channel.channelId,
    expectedAudience: 10,
    pauseSeconds: 8,
  });
  if (run.status !== 201) throw new Error(`No run: ${JSON.stringify(run)}`);
  return { quizId, runId: String(run.body['runId']) };
}

async function signIn({ stack }: Backstage, username: string, password: string): Promise<string> {
  const response = await fetch(stack.endpointUrl, {
    method: 'POST',
    headers: {
      'content-type': 'application/x-amz-json-1.1',
      'x-amz-target': 'AWSCognitoIdentityProviderService.InitiateAuth',
    },
    body: JSON.stringify({
      AuthFlow: 'USER_PASSWORD_AUTH',
      ClientId: stack.outputs.UserPoolClientId,
      AuthParameters: { USERNAME: username, PASSWORD: password },
    }),
  });
  const answer = (await response.json()) as { AuthenticationResult?: { IdToken?: string } };
  const token = answer.AuthenticationResult?.IdToken;
  if (token === undefined) throw new Error(`${username} cannot sign in: ${JSON.stringify(answer)}`);
  return token;
}
