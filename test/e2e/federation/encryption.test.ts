import { describe } from 'vitest'
import { type StoryServers, tellEncryptionStory } from '../../support/encryption-story.ts'
import { startFederation } from '../../support/federation-pair.ts'
import { SYNAPSE_VENV, startSynapse } from '../../support/synapse-server.ts'

async function startPair(): Promise<StoryServers> {
  const federation = await startFederation(2)
  const [here, there] = federation.servers
  if (here === undefined || there === undefined) throw new Error('two servers are needed')
  const server = ({ process }: typeof here): StoryServers['here'] => ({ url: process.url, outage: process })
  return { here: server(here), there: server(there), stop: stopping(federation, []) }
}

async function startWithSynapse(): Promise<StoryServers> {
  const federation = await startFederation(1)
  const [here] = federation.servers
  if (here === undefined || SYNAPSE_VENV === undefined) throw new Error('two servers are needed')
  const synapse = await startSynapse(SYNAPSE_VENV, federation.tls)
  return { here: { url: here.process.url, outage: here.process }, there: { url: synapse.url }, stop: stopping(federation, [synapse]) }
}

type Federation = Awaited<ReturnType<typeof startFederation>>
type Synapse = Awaited<ReturnType<typeof startSynapse>>

function stopping(federation: Federation, synapses: readonly Synapse[]): () => Promise<void> {
  return async () => {
    if (process.env.SHOW_OUTPUT) for (const synapse of synapses) console.log(synapse.name, synapse.output())
    for (const synapse of synapses) await synapse.stop()
    await federation.stop()
  }
}

describe('encryption across two servers', () => tellEncryptionStory(startPair))
describe.skipIf(SYNAPSE_VENV === undefined)('encryption across this server and Synapse', () => tellEncryptionStory(startWithSynapse))
