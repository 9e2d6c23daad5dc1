import { join } from 'node:path'
import { cloudflareTest, readD1Migrations } from '@cloudflare/vitest-plugin'
import { defineConfig } from 'vitest/config'

/** Which tests run, and what differs from the usual server of tests. */
interface WorkerTests {
  readonly name: string
  readonly include: string
  readonly exclude: string
  readonly bindings: Readonly<Record<string, string>>
}

/** Inside workerd, with the bindings of wrangler.jsonc. Each test file has storage of its own, and the registry is migrated before it runs. */
export const workerTests = async ({ name, include, exclude, bindings }: WorkerTests) => ({
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
          // Long runs of properties, where tests offer them.
          TEST_NIGHTLY: process.env.MYELIN_NIGHTLY ?? 'off',
          ...bindings,
          TEST_MIGRATIONS: await readD1Migrations(join(import.meta.dirname, 'migrations/d1')),
        },
      },
    }),
  ],
  test: {
    name,
    include: [include],
    exclude: [exclude],
    setupFiles: ['test/support/migrate-registry.ts'],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // workerd is one process with one thread of JavaScript; two test files at once fill a small machine.
    maxWorkers: 2,
  },
})

/** Tests of what needs a server with other settings, in a configuration of their own. */
export const PRESENCE_TESTS = 'test/worker/presence/**/*.test.ts'

export default defineConfig(() =>
  workerTests({ name: 'worker', include: 'test/worker/**/*.test.ts', exclude: PRESENCE_TESTS, bindings: {} }),
)
