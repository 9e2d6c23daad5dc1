import type { OrderedRoom } from '../../storage/user/ordered-rooms.ts'

type Compare = (left: OrderedRoom, right: OrderedRoom) => number

/** The order of lists: the latest activity first. Total, so that every room has one place. */
export const compareActivity: Compare = (left, right) =>
  right.activityTs - left.activityTs || right.lastSeq - left.lastSeq || compareIds(left, right)

/** The latest entry of the feed first. */
export const compareLeaving: Compare = (left, right) => right.lastSeq - left.lastSeq || compareIds(left, right)

function compareIds(left: OrderedRoom, right: OrderedRoom): number {
  return left.roomId < right.roomId ? -1 : left.roomId > right.roomId ? 1 : 0
}

/** Puts a room into its place. */
export function insertSorted(rooms: OrderedRoom[], room: OrderedRoom, compare: Compare): void {
  rooms.splice(placeOf(rooms, room, compare), 0, room)
}

/** Takes a room out, where it is in. */
export function removeSorted(rooms: OrderedRoom[], room: OrderedRoom, compare: Compare): void {
  const place = placeOf(rooms, room, compare)
  if (rooms[place]?.roomId === room.roomId) rooms.splice(place, 1)
}

/** The index of the first room that does not come before. */
function placeOf(rooms: readonly OrderedRoom[], room: OrderedRoom, compare: Compare): number {
  let [low, high] = [0, rooms.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    const candidate = rooms[middle]
    if (candidate !== undefined && compare(candidate, room) < 0) low = middle + 1
    else high = middle
  }
  return low
}
