import { app } from './app.ts'
import { sweepCopies } from './domain/media/sweep.ts'
import type { Env } from './runtime/bindings.ts'

export { Repair } from './domain/federation/repair/repair.ts'
export { RemoteServer } from './durable/remote-server/remote-server.ts'
export { Room } from './durable/room/room.ts'
export { User } from './durable/user/user.ts'

export default {
  fetch: (request, env, execution) => app.fetch(request, env, execution),
  scheduled: async (_controller, env) => {
    await sweepCopies(env)
  },
} satisfies ExportedHandler<Env>
