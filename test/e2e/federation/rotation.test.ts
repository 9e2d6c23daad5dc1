import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { eventually, type FederatedPair, type FederatedServer, startPair } from '../../support/federation-pair.ts'

let pair: FederatedPair
let here: FederatedServer

beforeAll(async () => {
  pair = await startPair()
  ;({ here } = pair)
}, 120_000)

afterAll(() => pair?.stop())

interface KeyDocument {
  readonly verify_keys: Readonly<Record<string, { readonly key: string }>>
  readonly old_verify_keys: Readonly<Record<string, { readonly key: string; readonly expired_ts: number }>>
}

async function keysOf(server: FederatedServer): Promise<KeyDocument> {
  return (await (await fetch(`${server.process.url}/_matrix/key/v2/server`)).json()) as KeyDocument
}

/** `signing-key …` on the data directory of a server that does not run. */
function signingKey(server: FederatedServer, ...args: readonly string[]): string {
  const main = join(import.meta.dirname, '../../../selfhost/main.ts')
  return execFileSync(process.execPath, ['--disable-warning=ExperimentalWarning', main, 'signing-key', ...args], {
    encoding: 'utf8',
    env: { ...process.env, MYELIN_SERVER_NAME: server.name, MYELIN_DATA_DIR: server.process.dataDir },
  })
}

it('a server that rotates its key: what it signed before stays valid, what it signs now is believed', { timeout: 120_000 }, async () => {
  const { alice, bob } = pair
  const roomId = await alice.createRoom({ preset: 'public_chat', name: 'signed before' })
  await alice.send(roomId, 'before')
  const before = await keysOf(here)
  expect(() => signingKey(here, 'rotate')).toThrow(/in use/)
  await here.process.kill9()
  expect(signingKey(here, 'show')).toContain(Object.keys(before.verify_keys)[0])
  signingKey(here, 'rotate')
  await here.process.restart()
  const after = await keysOf(here)
  const [[oldId = '', old] = []] = Object.entries(before.verify_keys)
  expect(Object.keys(after.verify_keys)).not.toContain(oldId)
  expect(after.old_verify_keys[oldId]).toEqual({ key: old?.key, expired_ts: expect.any(Number) })
  // The state was signed with the key before, the answer with the one of now; the other server has seen neither.
  await bob.call('POST', `/v3/join/${encodeURIComponent(roomId)}`, { query: { via: here.name }, body: {} })
  expect(await bob.joinedMembers(roomId)).toEqual([alice.userId, bob.userId].sort())
  await alice.send(roomId, 'after')
  const bodies = async (): Promise<unknown[]> => (await bob.history(roomId)).map(({ content }) => content.body)
  await eventually(bodies, (list) => list.includes('after') && list.includes('before'))
})
