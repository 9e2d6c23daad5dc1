import { defineConfig } from 'vitest/config'

/** The self-hosted server, on disk, in processes of its own. One file at a time: each wants the machine for itself. */
export default defineConfig({
  test: {
    name: 'e2e',
    include: ['test/e2e/**/*.test.ts'],
    environment: 'node',
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
})
