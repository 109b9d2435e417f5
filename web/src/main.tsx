/** Wires the page. */

import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';

import { Api } from './api';
import { now, pause } from './clock';
import { App } from './components/App';
import { type Config, ConfigError, loadConfig } from './config';
import { Identity } from './identity';
import { createPlayer } from './player';
import type { Store } from './recall';
import type { Services } from './services';
import { Session } from './session';
import './styles.css';

function servicesOf(config: Config): Services {
  const identity = new Identity(config.identityUrl, config.userPoolClientId);
  const session = new Session(identity, now);
  const api = new Api(config.apiUrl, session);
  const waiting = { clock: now, pause, random: Math.random };
  return { config, session, api, createPlayer, store: browserStore(), ...waiting };
}

/** A browser may refuse even to name what it keeps. */
function browserStore(): Store {
  try {
    return window.localStorage;
  } catch {
    return { getItem: () => null, setItem: () => undefined };
  }
}

async function page() {
  try {
    const config = await loadConfig(document.baseURI);
    const [first] = config.channels;
    if (first === undefined) throw new ConfigError('config.json names no channel.');
    return <App services={servicesOf(config)} first={first} />;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return (
      <main className="main" role="alert">
        <h1>Cuepoint</h1>
        <p>The page is not set up yet: {error.message}</p>
      </main>
    );
  }
}

const place = document.getElementById('page');
if (place === null) throw new Error('index.html has no element for the page.');
createRoot(place).render(<StrictMode>{await page()}</StrictMode>);
