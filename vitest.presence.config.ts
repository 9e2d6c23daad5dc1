import { defineConfig } from 'vitest/config'
import { PRESENCE_TESTS, workerTests } from './vitest.worker.config.ts'

/** Like the worker tests, on a server where users see who is there. */
export default defineConfig(() =>
  workerTests({ name: 'presence', include: PRESENCE_TESTS, exclude: 'node_modules/**', bindings: { MYELIN_PRESENCE: 'on' } }),
)
