import type { DeviceOnPage } from '../../durable/user/oauth/account-page.ts'
import { messages } from '../messages/en.ts'

const words = messages.account

function nameOf(device: DeviceOnPage): string {
  return device.displayName ?? device.client?.name ?? words.unnamed
}

function LastSeen({ device }: { readonly device: DeviceOnPage }) {
  if (device.lastSeenTs === undefined) return null
  const iso = new Date(device.lastSeenTs).toISOString()
  const address = device.lastSeenIp === undefined ? '' : ` ${words.address} ${device.lastSeenIp}`
  return (
    <>
      <time datetime={iso}>{`${iso.slice(0, 16).replace('T', ' ')} UTC`}</time>
      {address}
    </>
  )
}

/** Everything that is known of a session. */
export function DeviceFacts({ device }: { readonly device: DeviceOnPage }) {
  return (
    <dl>
      <dt>{words.sessions}</dt>
      <dd>{nameOf(device)}</dd>
      <dt>{words.id}</dt>
      <dd>{device.deviceId}</dd>
      {device.client === undefined ? null : (
        <>
          <dt>{messages.consent.client}</dt>
          <dd>{[device.client.name, device.client.uri].filter((part) => part !== undefined).join(', ')}</dd>
        </>
      )}
      <dt>{words.lastSeen}</dt>
      <dd>
        <LastSeen device={device} />
      </dd>
    </dl>
  )
}

/** The sessions of the account. */
export function Sessions({ devices }: { readonly devices: readonly DeviceOnPage[] }) {
  const link = (action: string, device: DeviceOnPage): string => `/account?${new URLSearchParams({ action, device_id: device.deviceId })}`
  return (
    <section aria-labelledby="sessions">
      <h2 id="sessions">{words.sessions}</h2>
      <p class="muted">{devices.length === 0 ? words.none : words.sessionsIntro}</p>
      <ul class="sessions">
        {devices.map((device) => (
          <li>
            <strong>{nameOf(device)}</strong> <span class="muted">{device.deviceId}</span>
            <br />
            <span class="muted">
              <LastSeen device={device} />
            </span>
            <br />
            <a href={link('org.matrix.device_view', device)} aria-label={`${words.details}: ${nameOf(device)}`}>
              {words.details}
            </a>
            {' · '}
            <a href={link('org.matrix.device_delete', device)} aria-label={`${words.signOut}: ${nameOf(device)}`}>
              {words.signOut}
            </a>
          </li>
        ))}
      </ul>
    </section>
  )
}
