import { defineConfig } from 'vitest/config';

/**
 * Tiers by folder. `npm test` runs unit (pure), wire (real sockets) and process (real programs, Ray); `npm run test:slow`
 * the rest: image (Docker), browser (Chromium), gateway (Triton, Redis, …), soak (random faults). What runs real programs
 * shares two cores: one file at a time.
 */
const slow = (name: string) => ({
  test: {
    name,
    include: [`test/${name}/**/*.test.ts`],
    globalSetup: ['test/process/support/built.ts'],
    testTimeout: 300_000,
    hookTimeout: 600_000,
    fileParallelism: false,
  },
});

export default defineConfig({
  test: {
    projects: [
      // Pure functions leave nothing behind: their files share a process, which halves the time they take.
      { test: { name: 'unit', include: ['test/unit/**/*.test.ts'], testTimeout: 60_000, isolate: false } },
      { test: { name: 'wire', include: ['test/wire/**/*.test.ts'], testTimeout: 60_000 } },
      {
        test: {
          name: 'process',
          include: ['test/process/**/*.test.ts'],
          globalSetup: ['test/process/support/built.ts'],
          testTimeout: 240_000,
          hookTimeout: 300_000,
          fileParallelism: false,
        },
      },
      ...['image', 'browser', 'gateway', 'soak'].map(slow),
    ],
  },
});
