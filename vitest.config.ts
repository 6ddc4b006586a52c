import { defineConfig } from 'vitest/config';

/** Tiers by folder: unit (pure), wire (real sockets), process (real programs, Ray). Process tests share two cores: one file at a time. */
export default defineConfig({
  test: {
    projects: [
      { test: { name: 'unit', include: ['test/unit/**/*.test.ts'] } },
      { test: { name: 'wire', include: ['test/wire/**/*.test.ts'], testTimeout: 20_000 } },
      {
        test: {
          name: 'process',
          include: ['test/process/**/*.test.ts'],
          globalSetup: ['test/process/support/built.ts'],
          testTimeout: 120_000,
          hookTimeout: 180_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
