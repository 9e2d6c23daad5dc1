import type { JsonValue } from '../../matrix/json.ts'
import type { ObjectStore } from '../object-store.ts'

/** The fields of the profile by name. */
export function readProfile(store: ObjectStore): Map<string, JsonValue> {
  const fields = store.all<{ name: string; value: string }>('SELECT name, value FROM profile_fields ORDER BY name')
  return new Map(fields.map(({ name, value }) => [name, JSON.parse(value)]))
}

/** One field, or `undefined`. */
export function readProfileField(store: ObjectStore, name: string): JsonValue | undefined {
  const row = store.first<{ value: string }>('SELECT value FROM profile_fields WHERE name = ?', name)
  return row && JSON.parse(row.value)
}

/** Bytes that names and values of all fields but one take. */
export function profileBytesWithout(store: ObjectStore, name: string): number {
  const row = store.first<{ bytes: number | null }>(
    'SELECT sum(octet_length(name) + octet_length(value)) AS bytes FROM profile_fields WHERE name != ?',
    name,
  )
  return row?.bytes ?? 0
}

/** Sets a field to a value, given as JSON. */
export function writeProfileField(store: ObjectStore, name: string, json: string): void {
  store.run('INSERT OR REPLACE INTO profile_fields (name, value) VALUES (?, ?)', name, json)
}

/** Removes a field. */
export function deleteProfileField(store: ObjectStore, name: string): void {
  store.run('DELETE FROM profile_fields WHERE name = ?', name)
}

/** Removes the whole profile. */
export function deleteProfile(store: ObjectStore): void {
  store.run('DELETE FROM profile_fields')
}
