import { inviteV1, inviteV2 } from '../membership/invite.ts'
import { makeJoin, makeKnock, makeLeave } from '../membership/make-membership.ts'
import { sendJoin, sendJoinV1, sendKnock, sendLeave, sendLeaveV1 } from '../membership/send-membership.ts'
import { sendTransaction } from '../transactions/send.ts'
import { getEvent } from './get-event.ts'
import { getBackfill, getEventAuth, getMissingEvents, getState, getStateIds } from './graph.ts'
import { getHierarchyForServer } from './hierarchy.ts'
import { timestampToEvent } from './timestamp-to-event.ts'

/** What other servers ask about rooms and tell them. */
export const federatedRoomEndpoints = [
  getBackfill,
  getEvent,
  getEventAuth,
  getHierarchyForServer,
  getMissingEvents,
  getState,
  getStateIds,
  inviteV1,
  inviteV2,
  makeJoin,
  makeKnock,
  makeLeave,
  sendJoin,
  sendJoinV1,
  sendKnock,
  sendLeave,
  sendLeaveV1,
  sendTransaction,
  timestampToEvent,
]
