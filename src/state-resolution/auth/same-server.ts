import { serverNameOf } from '../../matrix/ids/server-name.ts'

/** Whether two IDs belong to the same server; IDs without a server belong to none. */
export function onSameServer(left: string, right: string): boolean {
  const server = serverNameOf(left)
  return server !== undefined && server === serverNameOf(right)
}
