import type { Handler } from './context.ts'
import { userInfo } from './display/user-info.ts'
import { videoList } from './display/video-list.ts'
import { videoQuery } from './display/video-query.ts'
import type { Endpoint } from './endpoint.ts'
import { authorize } from './oauth/authorize.ts'
import { revoke } from './oauth/revoke.ts'
import { token } from './oauth/token.ts'
import { cancel } from './post/cancel.ts'
import { creatorInfo } from './post/creator-info.ts'
import { inboxInit } from './post/inbox-init.ts'
import { photoInit } from './post/photo-init.ts'
import { statusFetch } from './post/status-fetch.ts'
import { upload } from './post/upload.ts'
import { videoInit } from './post/video-init.ts'

export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT'
  readonly endpoint: Endpoint
  readonly handle: Handler
}

const post = (endpoint: Endpoint, handle: Handler): Route => ({ method: 'POST', endpoint, handle })

/** TikTok's endpoints. Every path ends in a slash; TikTok answers 404 without it. */
export const routes: Readonly<Record<string, Route | undefined>> = {
  '/v2/auth/authorize/': { method: 'GET', endpoint: 'authorize', handle: authorize },
  '/v2/oauth/token/': post('token', token),
  '/v2/oauth/revoke/': post('revoke', revoke),
  '/v2/post/publish/creator_info/query/': post('creatorInfo', creatorInfo),
  '/v2/post/publish/video/init/': post('videoInit', videoInit),
  '/v2/post/publish/inbox/video/init/': post('inboxInit', inboxInit),
  '/v2/post/publish/content/init/': post('photoInit', photoInit),
  '/video/': { method: 'PUT', endpoint: 'upload', handle: upload },
  '/v2/post/publish/status/fetch/': post('statusFetch', statusFetch),
  '/v2/post/publish/cancel/': post('cancel', cancel),
  '/v2/user/info/': { method: 'GET', endpoint: 'userInfo', handle: userInfo },
  '/v2/video/list/': post('videoList', videoList),
  '/v2/video/query/': post('videoQuery', videoQuery),
}
