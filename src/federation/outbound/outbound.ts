import { decodeBase64 } from '../../matrix/base64.ts'
import { publicKeyOfSeed } from '../../matrix/signing.ts'
import type { Env } from '../../runtime/bindings.ts'
import { nowMs } from '../../runtime/clock.ts'
import { type Config, configOf } from '../../runtime/config.ts'
import { signerOf } from '../../runtime/event-signer.ts'
import { type OutboundNetwork, outboundNetwork, type SrvResolver } from '../../runtime/outbound-network.ts'
import { randomFraction } from '../../runtime/random.ts'
import type { ServerKeyRow } from '../../storage/d1/server-keys.ts'
import { FederationClient } from './client.ts'
import { Discovery } from './discovery/discovery.ts'
import { dohResolver } from './discovery/doh-resolver.ts'
import { serviceResolver } from './discovery/service-resolver.ts'
import type { Guard } from './guarded-fetch.ts'
import { KeyRing, ownKeyRow } from './keys/key-ring.ts'
import { notifyGateway } from './push/gateway-request.ts'
import { PushGateways } from './push/push-gateways.ts'

/** What this server needs to talk to others. One per isolate: its caches are. */
export interface Outbound {
  /** For addresses that are no homeservers'. */
  readonly guard: Guard
  readonly client: FederationClient
  readonly keys: KeyRing
  readonly pushGateways: PushGateways
}

/** What an {@link Outbound} is made of; tests put other things here. */
export interface OutboundParts {
  readonly config: Config
  readonly network: OutboundNetwork
  /** Without one: DNS over HTTPS through the same network. */
  readonly resolver: SrvResolver | undefined
  readonly now: () => number
  readonly fraction: () => number
}

/** Puts the parts together. */
export function createOutbound({ config, network, resolver, now, fraction }: OutboundParts): Outbound {
  const guard = { network, policy: { allowPrivateNetwork: config.allowPrivateNetwork } }
  const discovery = new Discovery(guard, resolver ?? dohResolver(guard), now, fraction)
  const client = new FederationClient(guard, discovery, signerOf(config))
  const own = { serverName: config.serverName, keys: ownKeys(config) }
  const keys = new KeyRing({ client, now, notaries: config.notaries, deniedKeys: config.deniedKeys, own })
  return { guard, client, keys, pushGateways: new PushGateways((url, notification) => notifyGateway(guard, url, notification), now) }
}

/** This server's own keys as rows, the current one first. */
function ownKeys({ serverName, signingKey, oldSigningKeys }: Config): readonly ServerKeyRow[] {
  const current = ownKeyRow(serverName, signingKey.keyId, publicKeyOfSeed(signingKey.seed), undefined)
  const old = oldSigningKeys.map(({ keyId, publicKey, expiredTs }) =>
    ownKeyRow(serverName, keyId, decodeBase64(publicKey) ?? new Uint8Array(0), expiredTs),
  )
  return [current, ...old]
}

const outbounds = new WeakMap<object, Outbound>()

/** This isolate's connection to other servers. */
export function outboundOf(env: Env): Outbound {
  let outbound = outbounds.get(env)
  if (outbound === undefined) {
    const resolver = env.RESOLVER === undefined ? undefined : serviceResolver(env.RESOLVER)
    outbound = createOutbound({ config: configOf(env), network: outboundNetwork(env), resolver, now: nowMs, fraction: randomFraction })
    outbounds.set(env, outbound)
  }
  return outbound
}
