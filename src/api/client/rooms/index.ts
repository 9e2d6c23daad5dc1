import { banUser } from './ban-user.ts'
import { createRoomEndpoint } from './create-room.ts'
import { forgetRoom } from './forget-room.ts'
import { getContext } from './get-context.ts'
import { getEvent } from './get-event.ts'
import { getJoinedMembers } from './get-joined-members.ts'
import { getMembers } from './get-members.ts'
import { getMessages } from './get-messages.ts'
import { getMutualRooms, getMutualRoomsUnstable } from './get-mutual-rooms.ts'
import { getRelations } from './get-relations.ts'
import { getState } from './get-state.ts'
import { getStateEvent } from './get-state-event.ts'
import { getThreads } from './get-threads.ts'
import { inviteUserEndpoint } from './invite-user.ts'
import { joinRoomEndpoint } from './join-room.ts'
import { joinRoomById } from './join-room-by-id.ts'
import { joinedRooms } from './joined-rooms.ts'
import { kickUser } from './kick-user.ts'
import { knockRoom } from './knock-room.ts'
import { leaveRoomEndpoint } from './leave-room.ts'
import { redactEventEndpoint } from './redact-event.ts'
import { sendEvent } from './send-event.ts'
import { sendReceipt } from './send-receipt.ts'
import { setReadMarkers } from './set-read-markers.ts'
import { setStateEndpoint } from './set-state.ts'
import { setTyping } from './set-typing.ts'
import { timestampToEvent } from './timestamp-to-event.ts'
import { unbanUser } from './unban-user.ts'
import { upgradeRoomEndpoint } from './upgrade-room.ts'

/** Rooms: creating them, being in them, writing and reading. */
export const roomEndpoints = [
  createRoomEndpoint,
  upgradeRoomEndpoint,
  joinRoomEndpoint,
  joinRoomById,
  knockRoom,
  leaveRoomEndpoint,
  forgetRoom,
  inviteUserEndpoint,
  kickUser,
  banUser,
  unbanUser,
  joinedRooms,
  getMutualRooms,
  getMutualRoomsUnstable,
  sendEvent,
  setStateEndpoint,
  redactEventEndpoint,
  setTyping,
  sendReceipt,
  setReadMarkers,
  getState,
  getStateEvent,
  getEvent,
  getMembers,
  getJoinedMembers,
  getMessages,
  getContext,
  timestampToEvent,
  getRelations,
  getThreads,
]
