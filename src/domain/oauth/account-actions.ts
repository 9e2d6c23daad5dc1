/** What clients may send their users to the account page for (client-server-api#account-management-url-actions), under old names too. */
export const ACCOUNT_ACTIONS = [
  'org.matrix.profile',
  'org.matrix.devices_list',
  'org.matrix.device_view',
  'org.matrix.device_delete',
  'org.matrix.account_deactivate',
  'org.matrix.cross_signing_reset',
  'org.matrix.sessions_list',
  'org.matrix.session_view',
  'org.matrix.session_end',
] as const

/** What the account page shows. */
export type AccountView = 'overview' | 'device' | 'sign-out' | 'deactivate' | 'cross-signing-reset'

const VIEWS: Readonly<Record<(typeof ACCOUNT_ACTIONS)[number], AccountView>> = {
  'org.matrix.profile': 'overview',
  'org.matrix.devices_list': 'overview',
  'org.matrix.device_view': 'device',
  'org.matrix.device_delete': 'sign-out',
  'org.matrix.account_deactivate': 'deactivate',
  'org.matrix.cross_signing_reset': 'cross-signing-reset',
  'org.matrix.sessions_list': 'overview',
  'org.matrix.session_view': 'device',
  'org.matrix.session_end': 'sign-out',
}

/** The view that an action means; the whole page for one that is not known. */
export function viewOf(action: string | null): AccountView {
  const known = ACCOUNT_ACTIONS.find((one) => one === action)
  return known === undefined ? 'overview' : VIEWS[known]
}
