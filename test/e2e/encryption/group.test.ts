import type { MatrixClient } from 'matrix-js-sdk'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { abortObject } from '../../support/crash-server.ts'
import { createEncryptedRoom, cryptoOf, newCryptoDevice, waitForEncryption, waitForTexts } from '../../support/crypto-client.ts'
import { registerWithSdk, waitUntil } from '../../support/sdk-client.ts'
import { type ServerProcess, startServerProcess } from '../../support/server-process.ts'

const PASSWORD = 'correct horse battery staple'
const MEMBERS = 10
const DEVICES_EACH = 3
const LATER_MS = 60_000

describe(`a group of ${MEMBERS} members with ${DEVICES_EACH} devices each`, () => {
  let server: ServerProcess
  let roomId: string
  /** By member, then by device. */
  const members: MatrixClient[][] = []
  const at = (member: number, device = 0): MatrixClient => members[member]?.[device] ?? expect.fail()
  const texts: string[] = []

  beforeAll(async () => {
    server = await startServerProcess()
    for (let n = 0; n < MEMBERS; n += 1) {
      await registerWithSdk(server.url, `member${n}`, PASSWORD)
      const devices: MatrixClient[] = []
      for (let device = 0; device < DEVICES_EACH; device += 1) devices.push(await newCryptoDevice(server.url, `member${n}`, PASSWORD))
      members.push(devices)
    }
    roomId = await createEncryptedRoom(
      at(0),
      members.slice(1).map((_, n) => at(n + 1).getSafeUserId()),
    )
    for (let n = 1; n < MEMBERS; n += 1) await at(n).joinRoom(roomId)
    for (const client of members.flat()) {
      await waitForEncryption(client, roomId)
      await waitUntil('all members', () => client.getRoom(roomId)?.getJoinedMemberCount() === MEMBERS, LATER_MS)
    }
  }, 240_000)

  afterAll(async () => {
    for (const client of members.flat()) client.stopClient()
    await server.stop()
  })

  /** Every member knows every device of all. */
  async function everybodyKnowsEverybody(): Promise<void> {
    const users = members.map((_, n) => at(n).getSafeUserId())
    for (const client of members.flat()) {
      const counts = async () => [...(await cryptoOf(client).getUserDeviceInfo(users, true)).values()].map((devices) => devices.size)
      await expect.poll(counts, { timeout: LATER_MS }).toEqual(members.map((devices) => devices.length))
    }
  }

  it('decrypts what anybody says on every device', { timeout: 240_000 }, async () => {
    await everybodyKnowsEverybody()
    for (let n = 0; n < MEMBERS; n += 1) {
      texts.push(`from member ${n}`)
      await at(n, n % DEVICES_EACH).sendTextMessage(roomId, `from member ${n}`)
    }
    for (const client of members.flat()) await waitForTexts(client, roomId, texts)
  })

  it('goes on when objects end underneath', { timeout: 240_000 }, async () => {
    for (let n = 0; n < MEMBERS; n += 1) {
      await cryptoOf(at(n)).forceDiscardSession(roomId)
      texts.push(`again from member ${n}`)
      await at(n).sendTextMessage(roomId, `again from member ${n}`)
      await abortObject(server, 'user', at((n + 1) % MEMBERS).getSafeUserId())
      if (n % 3 === 0) await abortObject(server, 'user', at(n).getSafeUserId())
    }
    for (const client of members.flat()) await waitForTexts(client, roomId, texts)
  })
})
