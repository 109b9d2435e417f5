/** Signing in by e-mail address and password. */

import { useId, useRef, useState, type RefObject, type SubmitEvent } from 'react';

import type { SignIn } from '../identity';

interface Props {
  readonly signIn: (username: string, password: string) => Promise<SignIn>;
  /** The first field, so that others can bring the viewer here. */
  readonly field: RefObject<HTMLInputElement | null>;
}

export function SignInForm({ signIn, field }: Props) {
  const id = useId();
  const password = useRef<HTMLInputElement>(null);
  const [isBusy, setBusy] = useState(false);
  const [why, setWhy] = useState('');

  const submit = async (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    if (isBusy || !field.current || !password.current) return;
    setBusy(true);
    setWhy('');
    const result = await signIn(field.current.value.trim(), password.current.value);
    setBusy(false);
    if (!result.ok) {
      setWhy(result.why);
      password.current.focus();
    }
  };

  return (
    <form
      className="card sign-in"
      aria-labelledby={`${id}-title`}
      onSubmit={(event) => void submit(event)}
    >
      <h2 id={`${id}-title`}>Sign in</h2>
      <p className="quiet">To watch a private channel and to answer its questions.</p>
      <label htmlFor={`${id}-name`}>E-mail address</label>
      <input ref={field} id={`${id}-name`} name="username" autoComplete="username" required />
      <label htmlFor={`${id}-password`}>Password</label>
      <input
        ref={password}
        id={`${id}-password`}
        name="password"
        type="password"
        autoComplete="current-password"
        required
        aria-describedby={why === '' ? undefined : `${id}-why`}
        aria-invalid={why !== ''}
      />
      <p id={`${id}-why`} role="alert" className="problem">
        {why}
      </p>
      <button type="submit" className="primary" aria-disabled={isBusy}>
        {isBusy ? 'Signing in …' : 'Sign in'}
      </button>
    </form>
  );
}
