import { defineConfig } from 'vitest/config'

/** The self-hosted server, on disk, in processes of its own. One file at a time: each wants the machine for itself. */
export default defineConfig({
  test: {
    name: 'e2e',
    include: ['test/e2e/**/*.test.ts'],
    environment: 'node',
    fileParallelism: false,
    // matrix-js-sdk talks a lot.
    silent: 'passed-only',
    // Tests that say so run side by side: they wait for silent rooms, not for the machine.
    maxConcurrency: 20,
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
})
