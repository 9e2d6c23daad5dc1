import { type MatrixClient, Method } from 'matrix-js-sdk'
import { CryptoEvent } from 'matrix-js-sdk/lib/crypto-api/CryptoEvent.js'
import {
  type ShowSasCallbacks,
  VerificationPhase,
  type VerificationRequest,
  VerifierEvent,
} from 'matrix-js-sdk/lib/crypto-api/verification.js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  createEncryptedRoom,
  cryptoOf,
  encryptedTexts,
  logOutBehind,
  newCryptoDevice,
  type RecoveryKey,
  startCryptoClient,
  waitForEncryption,
  waitForTexts,
} from '../../support/crypto-client.ts'
import { registerWithSdk, waitUntil } from '../../support/sdk-client.ts'
import { type ServerProcess, startServerProcess } from '../../support/server-process.ts'

const PASSWORD = 'correct horse battery staple'
const LATER_MS = 30_000

/** Steps of one story with matrix-js-sdk's Rust crypto: each builds on those before it. */
describe('encryption between clients', () => {
  let server: ServerProcess
  let alice: MatrixClient
  let bob: MatrixClient
  let roomId: string
  const recovery: RecoveryKey = { privateKey: undefined }
  const clients: MatrixClient[] = []
  const keep = (client: MatrixClient): MatrixClient => {
    clients.push(client)
    return client
  }

  beforeAll(async () => {
    server = await startServerProcess()
    alice = keep(await startCryptoClient(server.url, await registerWithSdk(server.url, 'alice', PASSWORD), recovery))
    bob = keep(await startCryptoClient(server.url, await registerWithSdk(server.url, 'bob', PASSWORD)))
  })

  afterAll(async () => {
    for (const client of clients) {
      await logOutBehind(server.url, client)
      client.stopClient()
    }
    await server.stop()
  })

  it('a direct chat decrypts on every device of both', async () => {
    const second = keep(await newCryptoDevice(server.url, 'bob', PASSWORD))
    roomId = await createEncryptedRoom(alice, [bob.getSafeUserId()])
    await waitUntil('the invite', () => bob.getRoom(roomId)?.getMyMembership() === 'invite')
    await bob.joinRoom(roomId)
    await waitUntil('the member', () => alice.getRoom(roomId)?.getMember(bob.getSafeUserId())?.membership === 'join')
    for (const client of [alice, bob]) await waitForEncryption(client, roomId)
    await alice.sendTextMessage(roomId, 'hello from alice')
    await bob.sendTextMessage(roomId, 'hello from bob')
    for (const client of [alice, bob, second]) await waitForTexts(client, roomId, ['hello from alice', 'hello from bob'])
    await logOutBehind(server.url, second)
  })

  it('a device that logs in later reads what is sent from then on', async () => {
    const late = keep(await newCryptoDevice(server.url, 'bob', PASSWORD))
    for (const client of [alice, bob]) await waitForDevice(client, late)
    await alice.sendTextMessage(roomId, 'to the late device')
    await waitUntil('the message', () => encryptedTexts(late, roomId).includes('to the late device'), LATER_MS)
    await bob.sendTextMessage(roomId, 'from bob again')
    await waitUntil('the answer', () => encryptedTexts(late, roomId).includes('from bob again'), LATER_MS)
    await logOutBehind(server.url, late)
  })

  it('cross-signing is set up without a password the first time, and resetting it needs one', async () => {
    for (const client of [alice, bob]) {
      const asked: unknown[] = []
      await cryptoOf(client).bootstrapCrossSigning({
        authUploadDeviceSigningKeys: async (makeRequest) => {
          asked.push(1)
          await makeRequest(null)
        },
      })
      expect(asked).toHaveLength(1)
      expect(await cryptoOf(client).isCrossSigningReady()).toBe(true)
    }
    const seen = await cryptoOf(alice).getUserVerificationStatus(bob.getSafeUserId())
    expect(seen.isCrossSigningVerified()).toBe(false)
    const carol = keep(await startCryptoClient(server.url, await registerWithSdk(server.url, 'carol', PASSWORD)))
    const bootstrap = (withPassword: boolean) =>
      cryptoOf(carol).bootstrapCrossSigning({
        setupNewCrossSigning: true,
        authUploadDeviceSigningKeys: async (makeRequest) => {
          const identifier = { type: 'm.id.user', user: carol.getSafeUserId() }
          const auth = { type: 'm.login.password', identifier, password: PASSWORD }
          await makeRequest(withPassword ? auth : null)
        },
      })
    await bootstrap(false)
    await expect(bootstrap(false)).rejects.toMatchObject({ httpStatus: 401 })
    const before = await cryptoOf(carol).getCrossSigningKeyId()
    await bootstrap(true)
    // The client looks its own keys up again before it believes in them.
    await expect.poll(() => cryptoOf(carol).getCrossSigningKeyId(), { timeout: LATER_MS }).not.toBe(before)
    const after = await cryptoOf(carol).getCrossSigningKeyId()
    const published = await carol.downloadKeysForUsers([carol.getSafeUserId()])
    expect(Object.values(published.master_keys?.[carol.getSafeUserId()]?.keys ?? {})).toEqual([after])
    await logOutBehind(server.url, carol)
  })

  it('secret storage and a backup are set up, and messages go into the backup', async () => {
    const crypto = cryptoOf(alice)
    await crypto.bootstrapSecretStorage({
      createSecretStorageKey: () => crypto.createRecoveryKeyFromPassphrase('a passphrase to recover with'),
      setupNewSecretStorage: true,
      setupNewKeyBackup: true,
    })
    expect(await crypto.getActiveSessionBackupVersion()).not.toBeNull()
    await waitForBackup(alice, 1)
  })

  it('a new device is verified with the recovery key, and reads the history from the backup', async () => {
    const fresh = keep(await newCryptoDevice(server.url, 'alice', PASSWORD, recovery))
    const crypto = cryptoOf(fresh)
    await waitUntil('undecryptable history', () => fresh.getRoom(roomId) !== null && encryptedTexts(fresh, roomId).length >= 4)
    await crypto.userHasCrossSigningKeys(undefined, true)
    await crypto.bootstrapCrossSigning({})
    const status = () => crypto.getDeviceVerificationStatus(fresh.getSafeUserId(), fresh.getDeviceId() ?? '')
    await expect.poll(async () => (await status())?.crossSigningVerified, { timeout: LATER_MS }).toBe(true)
    await crypto.loadSessionBackupPrivateKeyFromSecretStorage()
    await crypto.checkKeyBackupAndEnable()
    const { imported, total } = await crypto.restoreKeyBackup()
    expect([imported, imported === total]).toEqual([expect.any(Number), true])
    const all = ['hello from alice', 'hello from bob', 'to the late device', 'from bob again']
    await waitForTexts(fresh, roomId, all)
    await logOutBehind(server.url, fresh)
  })

  it('a new device is verified by comparing emoji', async () => {
    const fresh = keep(await newCryptoDevice(server.url, 'alice', PASSWORD))
    const incoming = new Promise<VerificationRequest>((resolve) => alice.once(CryptoEvent.VerificationRequestReceived, resolve))
    const outgoing = await cryptoOf(fresh).requestOwnUserVerification()
    const received = await incoming
    await received.accept()
    await waitUntil('readiness', () => outgoing.phase === VerificationPhase.Ready, LATER_MS)
    const verifier = await outgoing.startVerification('m.sas.v1')
    await waitUntil('the start', () => received.verifier !== undefined, LATER_MS)
    const other = received.verifier ?? expect.fail()
    const shown: string[] = []
    const show = ({ sas, confirm }: ShowSasCallbacks): void => {
      shown.push(JSON.stringify(sas.emoji))
      confirm().catch(() => shown.push('failed'))
    }
    verifier.on(VerifierEvent.ShowSas, show)
    other.on(VerifierEvent.ShowSas, show)
    await Promise.all([verifier.verify(), other.verify()])
    expect([shown.length, new Set(shown).size]).toEqual([2, 1])
    await waitUntil('the end', () => received.phase === VerificationPhase.Done && outgoing.phase === VerificationPhase.Done, LATER_MS)
    const status = async () => cryptoOf(alice).getDeviceVerificationStatus(fresh.getSafeUserId(), fresh.getDeviceId() ?? '')
    await expect.poll(async () => (await status())?.crossSigningVerified, { timeout: LATER_MS }).toBe(true)
    await expect.poll(() => cryptoOf(fresh).isCrossSigningReady(), { timeout: LATER_MS }).toBe(true)
    await logOutBehind(server.url, fresh)
  })

  it('two users verify each other, and both see it', async () => {
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

  it('whoever leaves cannot read on, not even after coming back', async () => {
    await bob.leave(roomId)
    await waitUntil('the leave', () => alice.getRoom(roomId)?.getMember(bob.getSafeUserId())?.membership === 'leave')
    await alice.sendTextMessage(roomId, 'without bob')
    // The SDK's own method would also hand over the keys of the past (MSC4268).
    await alice.http.authedRequest(Method.Post, `/rooms/${encodeURIComponent(roomId)}/invite`, undefined, { user_id: bob.getSafeUserId() })
    await bob.joinRoom(roomId)
    await waitUntil('the return', () => alice.getRoom(roomId)?.getMember(bob.getSafeUserId())?.membership === 'join')
    await alice.sendTextMessage(roomId, 'with bob again')
    await waitUntil('the message', () => encryptedTexts(bob, roomId).includes('with bob again'), LATER_MS)
    expect(encryptedTexts(bob, roomId)).not.toContain('without bob')
    expect(encryptedTexts(bob, roomId).filter((text) => text.startsWith('cannot decrypt')).length).toBe(1)
  })

  it('encrypts on after a power failure', async () => {
    await server.kill9()
    await server.restart()
    await alice.sendTextMessage(roomId, 'after the restart').catch(() => alice.sendTextMessage(roomId, 'after the restart'))
    await waitUntil('the message after the restart', () => encryptedTexts(bob, roomId).includes('after the restart'), 60_000)
    await bob.sendTextMessage(roomId, 'answer after the restart')
    await waitUntil('the answer', () => encryptedTexts(alice, roomId).includes('answer after the restart'), 60_000)
  })

  it('a dehydrated device receives keys while every device is offline', { timeout: 120_000 }, async () => {
    expect(await cryptoOf(alice).isDehydrationSupported()).toBe(true)
    await cryptoOf(alice).startDehydration()
    for (const client of clients) if (client.getSafeUserId() === alice.getSafeUserId()) await logOutBehind(server.url, client)
    const writer = keep(await newCryptoDevice(server.url, 'bob', PASSWORD))
    await waitForEncryption(writer, roomId)
    await writer.sendTextMessage(roomId, 'while everybody was away')
    await logOutBehind(server.url, writer)
    const fresh = keep(await newCryptoDevice(server.url, 'alice', PASSWORD, recovery))
    await cryptoOf(fresh).userHasCrossSigningKeys(undefined, true)
    await cryptoOf(fresh).bootstrapCrossSigning({})
    const progress: number[] = []
    fresh.on(CryptoEvent.RehydrationProgress, (keys) => progress.push(keys))
    await cryptoOf(fresh).startDehydration({ createNewKey: false, rehydrate: true })
    await waitUntil('the message', () => encryptedTexts(fresh, roomId).includes('while everybody was away'), LATER_MS)
    expect(progress.at(-1)).toBeGreaterThan(0)
  })
})

/** Waits until the backup has some keys. Clients take up to ten seconds before they upload. */
async function waitForBackup(client: MatrixClient, atLeast: number): Promise<void> {
  const count = async () => (await client.http.authedRequest<{ count: number }>(Method.Get, '/room_keys/version')).count
  await expect.poll(count, { timeout: LATER_MS, interval: 200 }).toBeGreaterThanOrEqual(atLeast)
}

/** Waits until a client knows a device of somebody. */
async function waitForDevice(client: MatrixClient, device: MatrixClient): Promise<void> {
  const known = async () => {
    const devices = await cryptoOf(client).getUserDeviceInfo([device.getSafeUserId()])
    return devices.get(device.getSafeUserId())?.has(device.getDeviceId() ?? '')
  }
  await expect.poll(known, { timeout: LATER_MS }).toBe(true)
}
