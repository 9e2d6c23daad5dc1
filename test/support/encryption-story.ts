import type { MatrixClient } from 'matrix-js-sdk'
import { CryptoEvent } from 'matrix-js-sdk/lib/crypto-api/CryptoEvent.js'
import { VerificationPhase, type VerificationRequest, VerifierEvent } from 'matrix-js-sdk/lib/crypto-api/verification.js'
import { afterAll, beforeAll, expect, it } from 'vitest'
import {
  createEncryptedRoom,
  cryptoOf,
  encryptedTexts,
  logOutBehind,
  newCryptoDevice,
  startCryptoClient,
  waitForEncryption,
  waitForTexts,
} from './crypto-client.ts'
import { eventually } from './federation-pair.ts'
import { registerWithSdk, waitUntil } from './sdk-client.ts'

const PASSWORD = 'correct horse battery staple'
const LATER_MS = 60_000

/** A server of the story. */
export interface StoryServer {
  /** Base URL of its client API. */
  readonly url: string
  /** Ends it as a power failure would, and starts it again; absent where that takes too long. */
  readonly outage?: { kill9(): Promise<void>; restart(): Promise<void> }
}

/** Two servers of one federation, the first of them Myelin. */
export interface StoryServers {
  readonly here: StoryServer & Required<Pick<StoryServer, 'outage'>>
  readonly there: StoryServer
  stop(): Promise<void>
}

/** How many one-time keys of a device its server has. */
async function oneTimeKeys({ url }: StoryServer, client: MatrixClient): Promise<number> {
  const headers = { authorization: `Bearer ${client.getAccessToken()}` }
  const response = await fetch(`${url}/_matrix/client/v3/keys/upload`, { method: 'POST', headers, body: '{}' })
  const { one_time_key_counts: counts } = (await response.json()) as { one_time_key_counts?: Record<string, number> }
  return counts?.signed_curve25519 ?? 0
}

/** Steps of one story with matrix-js-sdk's Rust crypto on two servers: each builds on those before it. */
export function tellEncryptionStory(start: () => Promise<StoryServers>): void {
  let servers: StoryServers
  let here: StoryServers['here']
  let there: StoryServer
  let alice: MatrixClient
  let bob: MatrixClient
  let roomId: string
  const clients: { readonly client: MatrixClient; readonly url: string }[] = []
  const keep = (server: StoryServer, client: MatrixClient): MatrixClient => {
    clients.push({ client, url: server.url })
    return client
  }
  const register = async (server: StoryServer, name: string): Promise<MatrixClient> => {
    const { url } = server
    return keep(server, await startCryptoClient(url, await registerWithSdk(url, name, PASSWORD)))
  }
  const newDevice = async (server: StoryServer, name: string): Promise<MatrixClient> => {
    const client = keep(server, await newCryptoDevice(server.url, name, PASSWORD))
    // A device that others see before it has keys that they can claim is left alone by their clients for a while.
    await expect.poll(() => oneTimeKeys(server, client), { timeout: LATER_MS }).toBeGreaterThan(0)
    return client
  }

  beforeAll(async () => {
    servers = await start()
    here = servers.here
    there = servers.there
    alice = await register(here, 'alice')
    bob = await register(there, 'bob')
  }, 120_000)

  afterAll(async () => {
    for (const { client, url } of clients) {
      await logOutBehind(url, client).catch(() => undefined)
      client.stopClient()
    }
    await servers?.stop()
  })

  async function join(client: MatrixClient, room: string): Promise<void> {
    await waitUntil('the invite', () => client.getRoom(room)?.getMyMembership() === 'invite', LATER_MS)
    await client.joinRoom(room)
  }

  /** How many devices of a user a client knows of. */
  const devicesOf = async (client: MatrixClient, userId: string): Promise<string[]> => {
    const devices = (await cryptoOf(client).getUserDeviceInfo([userId], true)).get(userId)
    return [...(devices?.keys() ?? [])].sort()
  }

  it('a direct chat decrypts on every device of both', async () => {
    const second = await newDevice(there, 'bob')
    roomId = await createEncryptedRoom(alice, [bob.getSafeUserId()])
    await join(bob, roomId)
    await waitUntil('the member', () => alice.getRoom(roomId)?.getMember(bob.getSafeUserId())?.membership === 'join', LATER_MS)
    for (const client of [alice, bob, second]) await waitForEncryption(client, roomId)
    await alice.sendTextMessage(roomId, 'hello from alice')
    await bob.sendTextMessage(roomId, 'hello from bob')
    for (const client of [alice, bob, second]) await waitForTexts(client, roomId, ['hello from alice', 'hello from bob'])
    await logOutBehind(there.url, second)
    await expect.poll(() => devicesOf(alice, bob.getSafeUserId()), { timeout: LATER_MS }).toEqual([bob.getDeviceId()])
  })

  it('a device that logs in later reads what is sent from then on, both ways', async () => {
    const late = await newDevice(there, 'bob')
    const wanted = [bob.getDeviceId(), late.getDeviceId()].sort()
    await expect.poll(() => devicesOf(alice, bob.getSafeUserId()), { timeout: LATER_MS }).toEqual(wanted)
    await alice.sendTextMessage(roomId, 'to the late device')
    await waitUntil('the message', () => encryptedTexts(late, roomId).includes('to the late device'), LATER_MS)
    await late.sendTextMessage(roomId, 'from the late device')
    await waitUntil('the answer', () => encryptedTexts(alice, roomId).includes('from the late device'), LATER_MS)
    await logOutBehind(there.url, late)
  })

  it('cross-signing keys are seen across servers, and two users verify each other', async () => {
    for (const client of [alice, bob]) {
      await cryptoOf(client).bootstrapCrossSigning({ authUploadDeviceSigningKeys: async (makeRequest) => void (await makeRequest(null)) })
    }
    const hasKeys = (who: MatrixClient, whom: MatrixClient) => cryptoOf(who).userHasCrossSigningKeys(whom.getSafeUserId(), true)
    await expect.poll(() => hasKeys(alice, bob), { timeout: LATER_MS }).toBe(true)
    await expect.poll(() => hasKeys(bob, alice), { timeout: LATER_MS }).toBe(true)
    const signed = async () =>
      (await cryptoOf(alice).getDeviceVerificationStatus(bob.getSafeUserId(), bob.getDeviceId() ?? ''))?.signedByOwner
    await expect.poll(signed, { timeout: LATER_MS }).toBe(true)
    const incoming = new Promise<VerificationRequest>((resolve) => bob.once(CryptoEvent.VerificationRequestReceived, resolve))
    const outgoing = await cryptoOf(alice).requestVerificationDM(bob.getSafeUserId(), roomId)
    const received = await incoming
    await received.accept()
    await waitUntil('readiness', () => outgoing.phase === VerificationPhase.Ready, LATER_MS)
    const verifier = await outgoing.startVerification('m.sas.v1')
    await waitUntil('the start', () => received.verifier !== undefined, LATER_MS)
    const other = received.verifier ?? expect.fail()
    for (const side of [verifier, other]) side.on(VerifierEvent.ShowSas, ({ confirm }) => void confirm())
    await Promise.all([verifier.verify(), other.verify()])
    const verified = async (who: MatrixClient, whom: MatrixClient) =>
      (await cryptoOf(who).getUserVerificationStatus(whom.getSafeUserId())).isCrossSigningVerified()
    await expect.poll(() => verified(alice, bob), { timeout: LATER_MS }).toBe(true)
    await expect.poll(() => verified(bob, alice), { timeout: LATER_MS }).toBe(true)
  })

  /** A device goes and a message is sent while a server is away; the other one's users have it all when it is back. */
  async function outage(
    away: StoryServer['outage'],
    sender: MatrixClient,
    senderServer: StoryServer,
    name: string,
    reader: MatrixClient,
  ): Promise<void> {
    if (away === undefined) return
    const second = await newDevice(senderServer, name)
    await expect.poll(() => devicesOf(reader, sender.getSafeUserId()), { timeout: LATER_MS }).toContain(second.getDeviceId())
    await away.kill9()
    await logOutBehind(senderServer.url, second)
    await cryptoOf(sender).forceDiscardSession(roomId)
    await sender.sendTextMessage(roomId, `${name} while the other server was away`)
    await away.restart()
    // A server that has been given up hears from the other one that it is back.
    await eventually(
      () =>
        reader.sendTextMessage(roomId, `${name}, are you there`).then(
          () => true,
          () => false,
        ),
      (sent) => sent,
      LATER_MS,
    )
    await expect.poll(() => encryptedTexts(reader, roomId), { timeout: 120_000 }).toContain(`${name} while the other server was away`)
    await expect.poll(() => devicesOf(reader, sender.getSafeUserId()), { timeout: LATER_MS }).toEqual([sender.getDeviceId()])
    await waitUntil('the question', () => encryptedTexts(sender, roomId).includes(`${name}, are you there`), 120_000)
  }

  it('a device that goes, and a message with its keys, reach a server that was away', { timeout: 240_000 }, async () => {
    await outage(there.outage, alice, here, 'alice', bob)
    await outage(here.outage, bob, there, 'bob', alice)
  })

  it('a group over two servers decrypts on every device, and whoever leaves cannot read on', { timeout: 240_000 }, async () => {
    const members = [alice, bob]
    for (const [server, name] of [
      [here, 'carol'],
      [there, 'dave'],
      [here, 'erin'],
      [there, 'frank'],
    ] as const)
      members.push(await register(server, name))
    const devices = [...members, await newDevice(there, 'dave'), await newDevice(here, 'carol')]
    const group = await createEncryptedRoom(
      alice,
      members.slice(1).map((client) => client.getSafeUserId()),
    )
    const everybody = members.map((client) => client.getSafeUserId()).sort()
    for (const [n, client] of members.entries()) {
      if (n === 0) continue
      await join(client, group)
      // One after the other: not every server tells its clients of members who came on another branch.
      const seen = (by: MatrixClient) => by.getRoom(group)?.getMember(client.getSafeUserId())?.membership === 'join'
      await waitUntil('the join', () => members.slice(0, n).every(seen), LATER_MS)
    }
    for (const client of devices) {
      const there = () =>
        client
          .getRoom(group)
          ?.getJoinedMembers()
          .map(({ userId }) => userId)
          .sort() ?? []
      await expect.poll(there, { timeout: LATER_MS, message: `as ${client.getUserId()} sees it` }).toEqual(everybody)
      await waitForEncryption(client, group)
    }
    for (const client of devices) {
      const count = async () =>
        [...(await cryptoOf(client).getUserDeviceInfo(everybody, true)).values()].flatMap((found) => [...found.keys()]).length
      await eventually(count, (found) => found === devices.length, LATER_MS)
    }
    const texts = members.map((_, n) => `from member ${n}`)
    for (const [n, client] of members.entries()) await client.sendTextMessage(group, texts[n] ?? '')
    for (const client of devices) await waitForTexts(client, group, texts)
    await bob.leave(group)
    await waitUntil('the leave', () => alice.getRoom(group)?.getMember(bob.getSafeUserId())?.membership === 'leave', LATER_MS)
    await alice.sendTextMessage(group, 'without bob')
    for (const client of devices) if (client !== bob) await waitForTexts(client, group, [...texts, 'without bob'])
    expect(encryptedTexts(bob, group)).not.toContain('without bob')
  })
}
