import { readPeerPosition, writePeerPosition } from '../../../storage/peers/positions.ts'
import { toldDevices, writeToldDevices } from '../../../storage/remote-server/told-devices.ts'
import type { PeerReply, ServerDelivery } from '../../protocol.ts'
import type { Outbox } from '../outbox.ts'
import { type RemoteServerParts, ready } from '../parts.ts'

/**
 * Takes what a local user has for the other server: durable when this answers. Items that came before are ignored; items behind a gap are refused by an answer that
 * names what is there.
 */
export function takeFromUser(parts: RemoteServerParts, outbox: Outbox, { from, after, items }: ServerDelivery): PeerReply {
  const store = ready(parts)
  const had = readPeerPosition(store, from)
  const last = items.at(-1)?.id
  if (had < after || last === undefined || last <= had) return { accepted: had, durable: had }
  const fresh = items.filter(({ id }) => id > had)
  const told = toldDevices(store, from)
  const wanted = fresh.filter(({ stream, ifUntold }) => ifUntold !== true || told === undefined || stream === undefined || told < stream)
  outbox.add(
    wanted.flatMap(({ edus }) => edus),
    () => {
      writePeerPosition(store, from, last)
      const stream = Math.max(...wanted.map((item) => item.stream ?? 0), 0)
      if (stream > (told ?? -1)) writeToldDevices(store, from, stream)
    },
  )
  return { accepted: last, durable: last }
}
