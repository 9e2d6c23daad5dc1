import { defineConfig } from 'vitest/config'

/** Pure rules and the self-hosting program: plain Node. */
export default defineConfig({
  test: {
    name: 'unit',
    include: ['test/unit/**/*.test.ts', 'test/tidy/**/*.test.ts'],
    environment: 'node',
    testTimeout: process.env.MYELIN_NIGHTLY === 'on' ? 1_800_000 : 60_000,
  },
})
