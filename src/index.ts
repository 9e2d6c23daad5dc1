import { app } from './app.ts'
import type { Env } from './runtime/bindings.ts'

export { Repair } from './domain/federation/repair/repair.ts'
export { RemoteServer } from './durable/remote-server/remote-server.ts'
export { Room } from './durable/room/room.ts'
export { User } from './durable/user/user.ts'

export default {
  fetch: (request, env, execution) => app.fetch(request, env, execution),
} satisfies ExportedHandler<Env>
