declare namespace Cloudflare {
  interface Env extends Readonly<import('../../src/runtime/bindings.ts').Env> {
    /** Given by vitest.worker.config.ts. */
    TEST_MIGRATIONS: import('cloudflare:test').D1Migration[]
    /** `on` in a nightly run. */
    TEST_NIGHTLY: string
  }
  interface GlobalProps {
    mainModule: typeof import('../../src/index.ts')
    durableNamespaces: 'Room' | 'User' | 'RemoteServer' | 'Repair'
  }
}
