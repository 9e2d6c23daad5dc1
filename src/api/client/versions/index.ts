import { endpoint } from '../../endpoint.ts'

/** Specification versions whose client-server API this server speaks. Clients look for the features that came with each. */
const VERSIONS = ['r0.6.1', 'v1.1', 'v1.2', 'v1.3', 'v1.4', 'v1.5', 'v1.6', 'v1.7', 'v1.8', 'v1.9', 'v1.10', 'v1.11', 'v1.12', 'v1.13']

/** `GET /versions` (client-server-api#get_matrixclientversions). Unstable features are listed when they are served, and not before. */
const versions = endpoint({ method: 'GET', path: '/_matrix/client/versions', auth: 'none', rateLimit: 'none' }, ({ ctx }) => ({
  versions: VERSIONS,
  unstable_features: {
    'org.matrix.simplified_msc3575': true,
    // Extensions of sliding sync: typing, to_device, e2ee, account_data, receipts.
    'org.matrix.msc4508': true,
    'org.matrix.msc4508.stable': true,
    'org.matrix.msc4538': true,
    'org.matrix.msc4543': true,
    'org.matrix.msc4548': true,
    'org.matrix.msc4551': true,
    'org.matrix.msc3391': true,
    'org.matrix.msc4140': true,
    'org.matrix.msc4155': true,
    'uk.half-shot.msc2666.query_mutual_rooms': true,
    ...(ctx.config.threadSubscriptions ? { 'org.matrix.msc4306': true } : {}),
  },
}))

/** What clients ask first. */
export const versionEndpoints = [versions]
