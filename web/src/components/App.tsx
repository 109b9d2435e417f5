/** The viewer page. */

import { useCallback, useEffect, useRef, useState, useSyncExternalStore } from 'react';

import type { Channel } from '../config';
import { announceCue } from '../cueEvent';
import type { Mode } from '../playback';
import type { Services } from '../services';
import { usePlayback } from '../usePlayback';
import { useQuiz } from '../useQuiz';
import { announcement } from '../words';
import { Account } from './Account';
import { LastQuiz } from './LastQuiz';
import { type LogEntry, MetadataLog, withEntry } from './MetadataLog';
import { QuizPanel } from './QuizPanel';
import { SignInForm } from './SignInForm';
import { Stage } from './Stage';
import { Start } from './Start';

interface Props {
  readonly services: Services;
  /** The channel to begin with. */
  readonly first: Channel;
}

export function App({ services, first }: Props) {
  const { config, session, clock } = services;
  const viewer = useSyncExternalStore(session.subscribe, session.viewer);
  const [channel, setChannel] = useState(first);
  const [log, setLog] = useState<readonly LogEntry[]>([]);
  const [hint, setHint] = useState('');
  const video = useRef<HTMLVideoElement>(null);
  const nameField = useRef<HTMLInputElement>(null);
  const quiz = useQuiz(services, viewer?.username);
  const { hear, reset } = quiz;

  const onCue = useCallback(
    (text: string) => {
      const at = clock();
      announceCue(text, at);
      setLog((log) => withEntry(log, text, at));
      hear(text);
    },
    [clock, hear],
  );
  const playback = usePlayback(services, video, onCue);
  const { stop, mode } = playback;

  // Who signs out takes their picture along.
  const isSignedIn = viewer !== undefined;
  useEffect(() => {
    if (!isSignedIn && mode === 'with-token') stop();
  }, [isSignedIn, mode, stop]);

  const choose = (chosen: Channel) => {
    stop();
    reset();
    setChannel(chosen);
  };

  const start = (mode: Mode) => {
    if (mode === 'with-token' && !isSignedIn) {
      setHint('Sign in first: a playback token is made for you alone.');
      nameField.current?.focus();
      return;
    }
    setHint('');
    playback.start(channel, mode);
  };

  return (
    <>
      <header className="head">
        <h1>Cuepoint</h1>
        <Account
          viewer={viewer}
          signOut={() => {
            session.signOut();
          }}
        />
      </header>
      <main className="main">
        <div className="show">
          <Stage handle={playback} video={video} channelName={channel.name}>
            <QuizPanel handle={quiz} clock={clock} name={viewer?.name} />
          </Stage>
          <p className="visually-hidden" role="status" data-testid="announcement">
            {announcement(quiz.quiz)}
          </p>
          <Start channels={config.channels} channel={channel} choose={choose} start={start} />
          <p className="hint" role="status">
            {isSignedIn ? '' : hint}
          </p>
        </div>
        <div className="side">
          {!isSignedIn && (
            <SignInForm
              signIn={(username, password) => session.signIn(username, password)}
              field={nameField}
            />
          )}
          {quiz.recalled && (
            <LastQuiz
              // Nobody sees what somebody else has read.
              key={JSON.stringify([quiz.recalled.runId, viewer?.username])}
              services={services}
              recalled={quiz.recalled}
              isSignedIn={isSignedIn}
              name={viewer?.name}
            />
          )}
          <MetadataLog log={log} />
        </div>
      </main>
    </>
  );
}
