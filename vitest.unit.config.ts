import { defineConfig } from 'vitest/config'

/** Pure rules and the self-hosting program: plain Node. */
export default defineConfig({
  test: { name: 'unit', include: ['test/unit/**/*.test.ts', 'test/tidy/**/*.test.ts'], environment: 'node', testTimeout: 60_000 },
})
