/** The time for components that show a countdown. */

import { useEffect, useState } from 'react';

/** The time, read again several times a second while `isRunning`. */
export function useNow(clock: () => number, isRunning: boolean): number {
  const [now, setNow] = useState(clock);
  useEffect(() => {
    if (!isRunning) return undefined;
    const read = () => {
      setNow(clock());
    };
    read();
    const timer = setInterval(read, 200);
    return () => {
      clearInterval(timer);
    };
  }, [clock, isRunning]);
  return now;
}
