/** The calls that carry an access token; each has a limit a minute. */
export const apiEndpoints = [
  'creatorInfo',
  'videoInit',
  'inboxInit',
  'photoInit',
  'statusFetch',
  'cancel',
  'userInfo',
  'videoList',
  'videoQuery',
] as const

/** Where a fault may strike; `webhook` is the one call that this server makes and does not take. */
export const endpoints = ['authorize', 'token', 'revoke', 'upload', 'webhook', ...apiEndpoints] as const

export type ApiEndpoint = (typeof apiEndpoints)[number]
export type Endpoint = (typeof endpoints)[number]
