/** What can go wrong between the page and a service, and how the page says it. */

import { type Json, parse, record, text } from './json';

/** A refusal by a service: its problem document (RFC 9457), or what its status says. */
export interface Problem {
  readonly kind: 'problem';
  readonly status: number;
  /** The last part of `urn:cuepoint:problem:NAME`; `http` when the answer was no such document. */
  readonly name: string;
  /** What the service says about this very case; may be empty. */
  readonly detail: string;
  /** How long the service wants to be left alone, in milliseconds, if it has said so. */
  readonly retryAfterMs?: number | undefined;
  /** The document's further members. */
  readonly members: Json;
}

/** No answer came: no network, no server, or it took too long. */
export interface Unreachable {
  readonly kind: 'unreachable';
}

/** Nobody is signed in, or no longer. */
export interface SignedOut {
  readonly kind: 'signed-out';
}

export type Failure = Problem | Unreachable | SignedOut;

export type Result<T> =
  { readonly ok: true; readonly value: T } | { readonly ok: false; readonly failure: Failure };

export const UNREACHABLE: Unreachable = { kind: 'unreachable' };
export const SIGNED_OUT: SignedOut = { kind: 'signed-out' };

const PREFIX = 'urn:cuepoint:problem:';

/** Reads the body of an answer that is not a success, and its header `Retry-After`. */
export function readProblem(status: number, body: string, retryAfter?: string | null): Problem {
  const members = record(parse(body)) ?? {};
  const type = text(members['type']) ?? '';
  return {
    kind: 'problem',
    status,
    name: type.startsWith(PREFIX) ? type.slice(PREFIX.length) : 'http',
    detail: text(members['detail']) ?? '',
    members,
    retryAfterMs: millisOf(retryAfter ?? ''),
  };
}

/** The services send whole seconds; what else may be in the header, a date, is left alone. */
function millisOf(retryAfter: string): number | undefined {
  return /^\d{1,9}$/.test(retryAfter) ? Number(retryAfter) * 1000 : undefined;
}

/** Whether the same request may succeed later. */
export function mayPass(failure: Failure): boolean {
  if (failure.kind === 'unreachable') return true;
  return failure.kind === 'problem' && (failure.status === 429 || failure.status >= 500);
}

/** The failure in plain words, for anyone. */
export function inWords(failure: Failure): string {
  switch (failure.kind) {
    case 'unreachable':
      return 'The service cannot be reached. Check your connection and try again.';
    case 'signed-out':
      return 'You are signed out. Sign in and try again.';
    case 'problem':
      return problemInWords(failure);
  }
}

function problemInWords({ status, name, detail }: Problem): string {
  switch (name) {
    case 'not-entitled':
      return detail || 'You have no entitlement for this channel.';
    case 'window-closed':
      return `Too late. ${detail}`.trim();
    case 'window-not-open':
      return 'This question is not open yet. Try again in a moment.';
    case 'question-voided':
      return 'This question was withdrawn. No answer to it counts.';
    case 'not-found':
      return detail || 'There is no such question.';
    case 'too-many-requests':
      return detail || 'You have asked too often. Try again in a moment.';
    case 'unavailable':
      return 'The service is not available at the moment. Try again shortly.';
  }
  if (status === 401) return 'Your sign-in is no longer valid. Sign in again.';
  if (status === 429) return 'Too many people are asking at once. Try again in a moment.';
  if (status >= 500) return 'The service is not available at the moment. Try again shortly.';
  return detail || `The service refused the request (status ${status}).`;
}
