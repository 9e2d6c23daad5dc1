import { ClientEvent, createClient, EventType, type MatrixClient, type MatrixEvent, SyncState } from 'matrix-js-sdk'
import type { CryptoApi } from 'matrix-js-sdk/lib/crypto-api/index.js'
import type { Login } from './matrix-client.ts'
import { liveEvents, logger, logInWithSdk, waitUntil } from './sdk-client.ts'

/** How long a client may take to have done its first sync, in milliseconds. */
const PREPARED_WITHIN_MS = 60_000
/** How long messages may take to be decrypted, in milliseconds. */
const DECRYPTED_WITHIN_MS = 60_000
const POLL_MS = 50

/** The key of somebody's secret storage, as they would have written it down. */
export interface RecoveryKey {
  privateKey: Uint8Array<ArrayBuffer> | undefined
}

/** A matrix-js-sdk client with Rust crypto that has done its first sync. The caller stops it. */
export async function startCryptoClient(
  baseUrl: string,
  login: Login,
  recovery: RecoveryKey = { privateKey: undefined },
): Promise<MatrixClient> {
  const client = createClient({
    baseUrl,
    ...login,
    logger,
    cryptoCallbacks: {
      getSecretStorageKey: async ({ keys }) => {
        const [keyId] = Object.keys(keys)
        return keyId === undefined || recovery.privateKey === undefined ? null : [keyId, recovery.privateKey]
      },
      cacheSecretStorageKey: (_keyId, _info, key) => {
        recovery.privateKey = key
      },
    },
  })
  await client.initRustCrypto({ useIndexedDB: false })
  let isPrepared = false
  client.on(ClientEvent.Sync, (state) => {
    isPrepared ||= state === SyncState.Prepared
  })
  await client.startClient({ initialSyncLimit: 50 })
  await waitUntil(`the first sync of ${login.userId}`, () => isPrepared, PREPARED_WITHIN_MS)
  return client
}

/** Logs in on a new device, with Rust crypto. */
export async function newCryptoDevice(baseUrl: string, user: string, password: string, recovery?: RecoveryKey): Promise<MatrixClient> {
  return startCryptoClient(baseUrl, await logInWithSdk(baseUrl, user, password), recovery)
}

/** The client's crypto. */
export function cryptoOf(client: MatrixClient): CryptoApi {
  const crypto = client.getCrypto()
  if (crypto === undefined) throw new Error('no crypto')
  return crypto
}

/** Creates an encrypted room. */
export async function createEncryptedRoom(client: MatrixClient, invite: readonly string[] = []): Promise<string> {
  const { room_id: roomId } = await client.createRoom({
    invite: [...invite],
    initial_state: [{ type: EventType.RoomEncryption, state_key: '', content: { algorithm: 'm.megolm.v1.aes-sha2' } }],
  })
  return roomId
}

/** Messages of the live timeline that came encrypted: their texts, or why there is none. */
export function encryptedTexts(client: MatrixClient, roomId: string): string[] {
  return liveEvents(client, roomId).flatMap((event) => (event.isEncrypted() ? [textOf(event)] : []))
}

function textOf(event: MatrixEvent): string {
  if (event.isDecryptionFailure()) return `cannot decrypt: ${event.decryptionFailureReason}`
  return event.getType() === EventType.RoomMessage ? String(event.getContent().body) : event.getType()
}

/** Waits until a client shows exactly these encrypted messages, decrypted, in any order. */
export async function waitForTexts(client: MatrixClient, roomId: string, texts: readonly string[]): Promise<void> {
  const wanted = [...texts].sort().join('\n')
  const seen = (): string => (client.getRoom(roomId) === null ? '' : encryptedTexts(client, roomId).sort().join('\n'))
  await waitUntil(
    `${client.getUserId()} ${client.getDeviceId()} reading ${texts.length} messages`,
    () => seen() === wanted,
    DECRYPTED_WITHIN_MS,
  ).catch((cause: unknown) => {
    throw new Error(`${String(cause)}; it shows:\n${seen()}`)
  })
}

/** Waits until a client encrypts what it sends to a room. */
export async function waitForEncryption(client: MatrixClient, roomId: string): Promise<void> {
  for (const endMs = performance.now() + DECRYPTED_WITHIN_MS; ; ) {
    if (client.getRoom(roomId) !== null && (await cryptoOf(client).isEncryptionEnabledInRoom(roomId))) return
    if (performance.now() > endMs) throw new Error(`${client.getUserId()} does not encrypt in ${roomId}`)
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
}

/** Logs a device out behind its client's back. Stopping a client that still works on something makes the SDK fail. */
export async function logOutBehind(baseUrl: string, client: MatrixClient): Promise<void> {
  const headers = { authorization: `Bearer ${client.getAccessToken()}` }
  await fetch(`${baseUrl}/_matrix/client/v3/logout`, { method: 'POST', headers })
}
