import { inviteV2 } from '../membership/invite.ts'
import { makeJoin, makeKnock, makeLeave } from '../membership/make-membership.ts'
import { sendJoin, sendKnock, sendLeave } from '../membership/send-membership.ts'
import { sendTransaction } from '../transactions/send.ts'
import { getBackfill, getEventAuth, getMissingEvents, getState, getStateIds } from './graph.ts'

/** What other servers ask about rooms and tell them. */
export const federatedRoomEndpoints = [
  getBackfill,
  getEventAuth,
  getMissingEvents,
  getState,
  getStateIds,
  inviteV2,
  makeJoin,
  makeKnock,
  makeLeave,
  sendJoin,
  sendKnock,
  sendLeave,
  sendTransaction,
]
