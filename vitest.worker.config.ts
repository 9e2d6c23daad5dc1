import { join } from 'node:path'
import { cloudflareTest, readD1Migrations } from '@cloudflare/vitest-plugin'
import { defineConfig } from 'vitest/config'

/** Inside workerd, with the bindings of wrangler.jsonc. Each test file has storage of its own, and the registry is migrated before it runs. */
export default defineConfig(async () => ({
  plugins: [
    cloudflareTest({
      wrangler: { configPath: './wrangler.jsonc' },
      miniflare: {
        cf: false,
        bindings: {
          MYELIN_SERVER_NAME: 'test.example',
          MYELIN_PUBLIC_URL: 'https://test.example',
          MYELIN_REGISTRATION: 'open',
          MYELIN_REGISTRATION_SHARED_SECRET: 'a shared secret for tests',
          MYELIN_RATE_LIMITS: 'off',
          MYELIN_LOG: 'warn',
          // Not secrets: the same in every test run, so that signatures and token MACs can be compared with known values.
          MYELIN_SECRET: Buffer.alloc(32, 7).toString('base64'),
          MYELIN_SIGNING_KEY: `ed25519 a_test ${Buffer.alloc(32, 9).toString('base64').replace(/=+$/, '')}`,
          MYELIN_CONTROL_TOKEN: 'control-token-for-tests',
          TEST_MIGRATIONS: await readD1Migrations(join(import.meta.dirname, 'migrations/d1')),
        },
      },
    }),
  ],
  test: {
    name: 'worker',
    include: ['test/worker/**/*.test.ts'],
    setupFiles: ['test/support/migrate-registry.ts'],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    // workerd is one process with one thread of JavaScript; two test files at once fill a small machine.
    maxWorkers: 2,
  },
}))
