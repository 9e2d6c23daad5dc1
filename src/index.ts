export { Room } from './durable/room/room.ts'
export { User } from './durable/user/user.ts'

export default {
  fetch: () => new Response('Myelin'),
}
