import { z } from 'zod'
import type { LocalTikTok } from '../simulator.ts'
import {
  accountBody,
  advanceBody,
  appBody,
  disconnectBody,
  faultBody,
  grantBody,
  postBody,
  postDraftBody,
  settingsBody,
  webhookBody,
} from './control-body.ts'

/** Handles a request and returns its answer. Throws RangeError, with a message for people, for an invalid request. */
export type ControlHandler = (body: unknown) => unknown

/** The control API for other processes, by method and name. */
export function controlHandlers(local: LocalTikTok): Readonly<Record<string, ControlHandler | undefined>> {
  return {
    'GET app': () => local.app,
    'PATCH app': checked(appBody, (app) => local.changeApp(app)),
    'GET settings': () => local.settings(),
    'PATCH settings': checked(settingsBody, (settings) => local.changeSettings(settings)),

    'GET accounts': () => local.accounts(),
    'POST accounts': checked(accountBody, (account) => local.createAccount(account)),
    'POST grants': checked(grantBody, ({ username, scopes }) => local.grant(username, scopes)),
    'POST disconnects': checked(disconnectBody, ({ username, reason }) => local.disconnect(username, reason)),

    'GET posts': () => local.posts(),
    'POST posts/draft': checked(postDraftBody, ({ publishId, isPublic }) =>
      local.postDraft(publishId, isPublic),
    ),
    'POST posts/takedown': checked(postBody, ({ publishId }) => local.takeDown(publishId)),
    'POST posts/public': checked(postBody, ({ publishId }) => local.makePublic(publishId)),

    'GET counters': () => local.counters(),
    'GET rates': () => local.rates(),
    'GET webhooks': () => local.webhooks(),
    'POST webhooks': checked(webhookBody, ({ event, username, content }) =>
      local.sendWebhook(event, username, content),
    ),
    'POST webhooks/flush': () => local.flushWebhooks(),

    'GET faults': () => local.faults(),
    'POST faults': checked(faultBody, (fault) => local.injectFault(fault)),
    'DELETE faults': () => local.clearFaults(),
    'POST advance': checked(advanceBody, ({ seconds }) => local.advance(seconds)),
  }
}

function checked<Body>(schema: z.ZodType<Body>, handle: (body: Body) => unknown): ControlHandler {
  return (body) => {
    const parsed = schema.safeParse(body)
    if (!parsed.success) throw new RangeError(z.prettifyError(parsed.error))
    return handle(parsed.data)
  }
}
