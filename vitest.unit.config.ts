import { defineConfig } from 'vitest/config'

/** Pure rules and the self-hosting program: plain Node. */
export default defineConfig({
  test: {
    name: 'unit',
    include: ['test/unit/**/*.test.ts', 'test/tidy/**/*.test.ts'],
    environment: 'node',
    setupFiles: ['test/support/property-seed.ts'],
    testTimeout: process.env.MYELIN_NIGHTLY === 'on' ? 1_800_000 : 300_000,
  },
})
