/** The calls that carry an access token. Each has a limit per minute. */
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

/** The calls that a fault can apply to. `webhook` is the only one that this server sends instead of receiving. */
export const endpoints = ['authorize', 'token', 'revoke', 'upload', 'webhook', ...apiEndpoints] as const

export type ApiEndpoint = (typeof apiEndpoints)[number]
export type Endpoint = (typeof endpoints)[number]
