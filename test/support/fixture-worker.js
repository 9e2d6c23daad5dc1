// A Worker with the bindings of the real one and nothing of its behaviour: for tests of the program around it.
import { DurableObject } from 'cloudflare:workers'

class Counter extends DurableObject {
  next() {
    const { sql } = this.ctx.storage
    sql.exec('CREATE TABLE IF NOT EXISTS counter (id INTEGER PRIMARY KEY)')
    sql.exec('INSERT INTO counter DEFAULT VALUES')
    return sql.exec('SELECT count(*) AS n FROM counter').one().n
  }
}
export class Room extends Counter {}
export class User extends Counter {}
export class RemoteServer extends Counter {}

const waiting = new Set()

async function answer(request, env) {
  const { pathname } = new URL(request.url)
  if (pathname === '/_matrix/client/versions') return Response.json({ versions: ['v1.19'] })
  if (pathname === '/count') return Response.json({ n: await env.ROOM.get(env.ROOM.idFromName('a')).next() })
  if (pathname === '/echo') {
    const headers = Object.fromEntries(request.headers)
    return Response.json({ method: request.method, body: await request.text(), headers, control: env.MYELIN_CONTROL_TOKEN })
  }
  if (pathname === '/fetch') {
    const answer = await fetch(await request.text())
    return Response.json({ status: answer.status })
  }
  if (pathname === '/wait') {
    // Like a parked poll it waits for something that can still happen; a request that waits for nothing is cut off as hung.
    await new Promise((resolve) => {
      waiting.add(resolve)
      setTimeout(resolve, 60_000)
    })
    return Response.json({ waited: true })
  }
  if (pathname === '/tables') {
    const { results } = await env.DB.prepare("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").all()
    return Response.json(results.map(({ name }) => name))
  }
  if (pathname === '/_myelin/control/drain') {
    for (const resolve of waiting) resolve()
    await new Promise((resolve) => setTimeout(resolve, 50))
    return Response.json({})
  }
  return new Response(null, { status: 404 })
}

export default { fetch: answer }
