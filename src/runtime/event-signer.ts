import type { RoomVersionRules } from '../matrix/room-versions/rules.ts'
import { createSigner, type EventSigner } from '../matrix/signing.ts'
import type { Config } from './config.ts'
import { randomString } from './random.ts'

/** One signer per configuration: importing a key costs more than signing with it. */
const signers = new WeakMap<Config, EventSigner>()

/** The signer in this server's name. */
export function signerOf(config: Config): EventSigner {
  let signer = signers.get(config)
  if (signer === undefined) {
    signer = createSigner(config.serverName, config.signingKey.keyId, config.signingKey.seed)
    signers.set(config, signer)
  }
  return signer
}

/** Characters of the part of an event ID that is chosen. */
const EVENT_ID_CHARS = 24

/** An ID for an event of this server in room versions 1 and 2, where the origin chooses it; `undefined` later, where it is a hash. */
export function chosenEventId({ serverName }: Config, rules: RoomVersionRules): string | undefined {
  return rules.eventIdFormat === 'origin' ? `$${randomString(EVENT_ID_CHARS)}:${serverName}` : undefined
}
