/** Who is signed in. The tokens live in this object and nowhere else. */

import { type Result, SIGNED_OUT, mayPass } from './failures';
import type { Identity, SignIn, Tokens } from './identity';
import { nameIn } from './identity';

/** An ID token with less time left than this is renewed before it is used. */
const MARGIN_MS = 60_000;

/** What components may know. */
export interface Viewer {
  /** What the viewer typed to sign in. */
  readonly username: string;
  /** The name in their ID token. */
  readonly name: string | undefined;
}

interface SignedIn {
  readonly viewer: Viewer;
  readonly tokens: Tokens;
  readonly expiresAt: number;
}

export class Session {
  readonly #identity: Pick<Identity, 'signIn' | 'refresh'>;
  readonly #clock: () => number;
  readonly #listeners = new Set<() => void>();
  #current: SignedIn | undefined;
  #refreshing: Promise<Result<string>> | undefined;

  constructor(identity: Pick<Identity, 'signIn' | 'refresh'>, clock: () => number) {
    this.#identity = identity;
    this.#clock = clock;
  }

  /** For React's `useSyncExternalStore`. */
  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Who is signed in; undefined: nobody. */
  readonly viewer = (): Viewer | undefined => this.#current?.viewer;

  async signIn(username: string, password: string): Promise<SignIn> {
    const result = await this.#identity.signIn(username, password);
    if (result.ok) {
      const viewer = { username, name: nameIn(result.tokens.idToken) };
      this.#set({ viewer, tokens: result.tokens, expiresAt: this.#expiry(result.tokens) });
    }
    return result;
  }

  signOut(): void {
    this.#set(undefined);
  }

  /** An ID token that is still valid, renewed when it has to be or when `stale` was refused. */
  async idToken(stale?: string): Promise<Result<string>> {
    const current = this.#current;
    if (current === undefined) return { ok: false, failure: SIGNED_OUT };
    const { idToken } = current.tokens;
    if (idToken !== stale && this.#clock() < current.expiresAt - MARGIN_MS) {
      return { ok: true, value: idToken };
    }
    // Several requests at once share one renewal.
    this.#refreshing ??= this.#refresh(current).finally(() => (this.#refreshing = undefined));
    return this.#refreshing;
  }

  async #refresh(current: SignedIn): Promise<Result<string>> {
    const { refreshToken } = current.tokens;
    const result: Result<Tokens> =
      refreshToken === undefined
        ? { ok: false, failure: SIGNED_OUT }
        : await this.#identity.refresh(refreshToken);
    if (this.#current !== current) return { ok: false, failure: SIGNED_OUT };
    if (!result.ok) {
      if (mayPass(result.failure)) return result;
      this.signOut();
      return { ok: false, failure: SIGNED_OUT };
    }
    // Cognito keeps the refresh token unless its rotation is on.
    const tokens = {
      ...result.value,
      refreshToken: result.value.refreshToken ?? current.tokens.refreshToken,
    };
    this.#set({ ...current, tokens, expiresAt: this.#expiry(tokens) });
    return { ok: true, value: tokens.idToken };
  }

  #expiry(tokens: Tokens): number {
    return this.#clock() + tokens.seconds * 1000;
  }

  #set(current: SignedIn | undefined): void {
    this.#current = current;
    for (const listener of this.#listeners) listener();
  }
}
