import { type ReceivedEvents, verifyEvents } from './verify-events.ts'

let received: readonly ReceivedEvents[] = []

/** Takes events with PUT, and verifies all of them as often as `POST /?rounds=` says. */
export default {
  async fetch(request: Request): Promise<Response> {
    if (request.method === 'PUT') received = (await request.json()) as readonly ReceivedEvents[]
    const rounds = Number(new URL(request.url).searchParams.get('rounds') ?? 0)
    let events = 0
    for (let round = 0; round < rounds; round += 1) for (const some of received) events += verifyEvents(some)
    return Response.json({ events })
  },
}
