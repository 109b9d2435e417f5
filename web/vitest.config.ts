import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  plugins: [react()],
  test: {
    // Tests of components ask for jsdom themselves.
    environment: 'node',
    include: ['src/**/*.test.{ts,tsx}'],
    restoreMocks: true,
    // What fails is seen at once; a busy machine is given time.
    testTimeout: 60_000,
  },
});
