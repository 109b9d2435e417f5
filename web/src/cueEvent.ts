/** Tells the window of each cue, so that measurements need nothing else of the page. */

/** The `detail` of the event `cuepoint:cue`. */
export interface CueDetail {
  /** The cue's text as it was put into the stream. */
  readonly text: string;
  /** When the player gave it to the page, in milliseconds since 1970. */
  readonly receivedAt: number;
}

/** Dispatches `cuepoint:cue` on the window. */
export function announceCue(text: string, receivedAt: number): void {
  const detail: CueDetail = { text, receivedAt };
  window.dispatchEvent(new CustomEvent('cuepoint:cue', { detail }));
}
