import { parseServerName, type ServerName } from '../../../matrix/ids/server-name.ts'
import type { SrvResolver } from '../../../runtime/outbound-network.ts'
import type { Guard } from '../guarded-fetch.ts'
import { OutboundError } from '../outbound-error.ts'
import { SrvLookup, type SrvTarget } from './srv-lookup.ts'
import { WellKnownLookup } from './well-known.ts'

/** Where a server is, and as whom it must prove itself. */
export interface Destination {
  /** `https://host[:port]`: certificate and `Host` header are for this host. */
  readonly baseUrl: string
  /** Places to connect to instead of that host, in the order to be tried; empty: the host itself. */
  readonly connectTo: readonly SrvTarget[]
}

/** Who finds servers. */
export interface ServerDiscovery {
  /** @throws OutboundError `blocked` for what is no server name, `unreachable`. */
  find(serverName: string): Promise<Destination>
}

const DEFAULT_PORT = 8448

/** Server discovery (server-server-api#resolving-server-names). */
export class Discovery implements ServerDiscovery {
  readonly #wellKnown: WellKnownLookup
  readonly #srv: SrvLookup

  constructor(guard: Guard, resolver: SrvResolver, now: () => number, fraction: () => number) {
    this.#wellKnown = new WellKnownLookup(guard, now)
    this.#srv = new SrvLookup(resolver, now, fraction)
  }

  async find(serverName: string): Promise<Destination> {
    const parts = parseServerName(serverName)
    if (parts === undefined) throw new OutboundError('blocked', 'not a server name')
    // Steps 1 and 2: an address or a port says everything.
    if (parts.kind !== 'dns' || parts.port !== undefined) return direct(parts)
    // Step 3: delegation, which is processed like a server name but for further delegation. Steps 4 to 6: without one.
    const delegated = await this.#wellKnown.delegation(parts.host)
    const target = (delegated === undefined ? undefined : parseServerName(delegated)) ?? parts
    return target.kind !== 'dns' || target.port !== undefined ? direct(target) : await this.#bySrv(target)
  }

  async #bySrv(parts: ServerName): Promise<Destination> {
    const targets = await this.#srv.targets(parts.host)
    return targets.length === 0 ? direct(parts) : { baseUrl: `https://${parts.host}`, connectTo: targets }
  }
}

function direct({ host, kind, port = DEFAULT_PORT }: ServerName): Destination {
  return { baseUrl: `https://${kind === 'ipv6' ? `[${host}]` : host}:${port}`, connectTo: [] }
}
