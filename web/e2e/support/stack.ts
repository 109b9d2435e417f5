/** Where the running system is, and its AWS calls that a browser cannot make. */

import { readFileSync } from 'node:fs';

import { AwsClient } from 'aws4fetch';

export interface Stack {
  readonly region: string;
  readonly endpointUrl: string;
  readonly ivsEndpointUrl: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly pageUrl: string;
  readonly outputs: {
    readonly EventBusName: string;
    readonly UserPoolId: string;
    readonly UserPoolClientId: string;
  };
  readonly channel: { readonly channelId: string; readonly arn: string };
}

/** An environment variable that a test cannot do without. */
export function variable(name: string): string {
  const value = process.env[name];
  if (value === undefined || value === '') throw new Error(`${name} is not set; see web/README.md`);
  return value;
}

/** Reads the description of the running system. */
export function loadStack(): Stack {
  const stack = JSON.parse(readFileSync(variable('CUEPOINT_STACK'), 'utf8')) as Stack;
  if (!stack.pageUrl) throw new Error('The system serves no page: its description has no pageUrl.');
  return stack;
}

/** AWS as its administrator and the upstream apps use it. */
export class Backstage {
  readonly stack: Stack;
  readonly #aws: AwsClient;

  constructor(stack: Stack) {
    this.stack = stack;
    this.#aws = new AwsClient({
      accessKeyId: stack.accessKeyId,
      secretAccessKey: stack.secretAccessKey,
      region: stack.region,
      retries: 0,
    });
  }

  /** An administrator's call of Cognito's user pools API. */
  cognito(action: string, parameters: object): Promise<unknown> {
    return this.#call(this.stack.endpointUrl, 'cognito-idp', {
      'x-amz-target': `AWSCognitoIdentityProviderService.${action}`,
      body: { UserPoolId: this.stack.outputs.UserPoolId, ...parameters },
    });
  }

  /** Puts an upstream app's event about a viewer and the channel on the bus. */
  async announce(
    detailType: 'user-entitled' | 'user-entitlement-revoked',
    userId: string,
  ): Promise<void> {
    const eventId = `browser-test:${crypto.randomUUID()}`;
    const detail = {
      metadata: {
        eventId,
        occurredAt: new Date().toISOString(),
        correlationId: eventId,
        schemaVersion: 1,
      },
      data: { userId, channelId: this.stack.channel.channelId },
    };
    const answer = await this.#call(this.stack.endpointUrl, 'events', {
      'x-amz-target': 'AWSEvents.PutEvents',
      body: {
        Entries: [
          {
            EventBusName: this.stack.outputs.EventBusName,
            Source: 'example.ticket-office',
            DetailType: detailType,
            Detail: JSON.stringify(detail),
          },
        ],
      },
    });
    const failed = (answer as { FailedEntryCount?: number }).FailedEntryCount ?? 0;
    if (failed > 0) throw new Error(`The bus refused the event: ${JSON.stringify(answer)}`);
  }

  /** An operation of Amazon IVS. */
  ivs(operation: string, parameters: object): Promise<unknown> {
    return this.#call(`${this.stack.ivsEndpointUrl}/${operation}`, 'ivs', { body: parameters });
  }

  async #call(
    url: string,
    service: string,
    { body, ...headers }: { body: object } & Record<string, unknown>,
  ): Promise<unknown> {
    const type = service === 'ivs' ? 'application/json' : 'application/x-amz-json-1.1';
    const response = await this.#aws.fetch(url, {
      method: 'POST',
      headers: { 'content-type': type, ...(headers as Record<string, string>) },
      body: JSON.stringify(body),
      aws: { service },
      signal: AbortSignal.timeout(30_000),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${service}: HTTP status ${response.status}: ${text}`);
    return text === '' ? undefined : (JSON.parse(text) as unknown);
  }
}
