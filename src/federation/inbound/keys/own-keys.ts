import { encodeBase64 } from '../../../matrix/base64.ts'
import type { JsonObject } from '../../../matrix/json.ts'
import { publicKeyOfSeed, signJson } from '../../../matrix/signing.ts'
import type { Config } from '../../../runtime/config.ts'
import { signerOf } from '../../../runtime/event-signer.ts'

/** How long others may believe our keys before they look again, in milliseconds. */
const VALIDITY_MS = 24 * 60 * 60 * 1_000

/** This server's own keys, signed (server-server-api#publishing-keys). */
export function ownKeyResponse(config: Config, nowMs: number): JsonObject {
  const { serverName, signingKey, oldSigningKeys } = config
  const old = oldSigningKeys.map(({ keyId, publicKey, expiredTs }) => [keyId, { expired_ts: expiredTs, key: publicKey }] as const)
  return signJson(
    {
      server_name: serverName,
      verify_keys: { [signingKey.keyId]: { key: encodeBase64(publicKeyOfSeed(signingKey.seed)) } },
      old_verify_keys: Object.fromEntries(old),
      valid_until_ts: nowMs + VALIDITY_MS,
    },
    signerOf(config),
  )
}
