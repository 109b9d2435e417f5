/** Who is signed in, in the page's head. */

import type { Viewer } from '../session';

interface Props {
  readonly viewer: Viewer | undefined;
  readonly signOut: () => void;
}

export function Account({ viewer, signOut }: Props) {
  if (viewer === undefined) return <p className="quiet">Not signed in</p>;
  return (
    <div className="account">
      <p data-testid="viewer">{viewer.name ?? viewer.username}</p>
      <button type="button" onClick={signOut}>
        Sign out
      </button>
    </div>
  );
}
