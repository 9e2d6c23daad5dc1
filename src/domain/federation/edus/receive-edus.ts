import { limitExceeded } from '../../../matrix/errors.ts'
import { log } from '../../../runtime/log.ts'
import type { RequestContext } from '../../context.ts'
import type { ReceivedEdu } from '../ingest/parse-transaction.ts'
import { receiveDeviceEdus } from './device-edus.ts'
import { receivePresence } from './presence.ts'
import { receiveReceipts } from './receipts.ts'
import { receiveTyping } from './typing.ts'

/**
 * Takes in EDUs of one kind, in order. Speaks only of users of `serverName`, whatever the contents say (SECURITY D1); what is malformed is left out.
 * @returns false where there is no room for them now: the transaction may come again.
 */
export type EduHandler = (ctx: RequestContext, serverName: string, edus: readonly ReceivedEdu[]) => Promise<boolean>

interface EduKind {
  readonly types: readonly string[]
  readonly receive: EduHandler
  /** The transaction must come again if they cannot be taken in. What is worth something only now is left out instead. */
  readonly lasts?: true
}

/** Kinds of EDUs that are taken in together, and how. Kinds that are not listed are ignored. */
const HANDLERS: readonly EduKind[] = [
  // One handler: the order of these among one another matters.
  {
    types: ['m.direct_to_device', 'm.device_list_update', 'm.signing_key_update', 'org.matrix.signing_key_update'],
    receive: receiveDeviceEdus,
    lasts: true,
  },
  { types: ['m.presence'], receive: receivePresence },
  { types: ['m.receipt'], receive: receiveReceipts },
  { types: ['m.typing'], receive: receiveTyping },
]

/** When a server may come again whose messages there is no room for, in milliseconds. */
const FULL_RETRY_MS = 30_000

/**
 * Takes in the EDUs of a transaction; what must not be lost is durable afterwards. One kind that fails does not hold the others.
 * @throws MatrixError M_LIMIT_EXCEEDED where there is no room for messages.
 */
export async function receiveEdus(ctx: RequestContext, serverName: string, edus: readonly ReceivedEdu[]): Promise<void> {
  const answers = await Promise.all(
    HANDLERS.map(async ({ types, receive, lasts }) => {
      const ofKind = edus.filter(({ type }) => types.includes(type))
      if (ofKind.length === 0) return true
      const received = receive(ctx, serverName, ofKind)
      return lasts === true ? await received : await received.catch(leftOut)
    }),
  )
  if (!answers.includes(false)) return
  log.warn(`there is no room for what ${serverName} sends to devices`)
  throw limitExceeded(FULL_RETRY_MS)
}

function leftOut(cause: unknown): true {
  log.warn('what another server said was not taken in', cause)
  return true
}
