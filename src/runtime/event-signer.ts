import { createSigner, type EventSigner } from '../matrix/signing.ts'
import type { Config } from './config.ts'

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
