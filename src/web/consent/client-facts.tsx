import type { OAuthClient } from '../../domain/oauth/clients.ts'
import { clientTitle } from '../../domain/oauth/clients.ts'
import { messages } from '../messages/en.ts'

/** What is known of a client that asks to be let in. */
export interface ClientFactsProps {
  readonly client: OAuthClient
  readonly deviceId: string
  /** Where the answer goes, if it goes somewhere. */
  readonly answersTo?: string
}

/** What a user needs to judge a client. Its logo is not shown: it would be loaded from elsewhere, and prove nothing. */
export function ClientFacts({ client, deviceId, answersTo }: ClientFactsProps) {
  const words = messages.consent
  const { client_uri: website, policy_uri: policy, tos_uri: terms } = client.metadata
  return (
    <>
      <dl>
        <dt>{words.client}</dt>
        <dd>{clientTitle(client)}</dd>
        <dt>{words.website}</dt>
        <dd>
          <a href={website} rel="noreferrer">
            {new URL(website).host}
          </a>
        </dd>
        {answersTo === undefined ? null : (
          <>
            <dt>{words.answersTo}</dt>
            <dd>{answersTo}</dd>
          </>
        )}
        <dt>{words.device}</dt>
        <dd>{deviceId}</dd>
      </dl>
      {policy === undefined && terms === undefined ? null : (
        <p class="muted">
          {policy === undefined ? null : (
            <a href={policy} rel="noreferrer">
              {words.policy}
            </a>
          )}{' '}
          {terms === undefined ? null : (
            <a href={terms} rel="noreferrer">
              {words.terms}
            </a>
          )}
        </p>
      )}
    </>
  )
}
