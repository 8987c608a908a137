import { z } from 'zod'
import { parseJsonObject, readBody } from './body.ts'
import { accountBody, advanceBody, faultBody, grantBody, knobsBody } from './control-body.ts'
import type { LocalTikTok } from './local-tiktok.ts'
import type { Reply } from './reply.ts'
import { type Call, keptBytes, type World } from './world.ts'

/**
 * `/__local/…`: what a test or a demonstration in another process asks of the local TikTok, and the real one does not have.
 * Reads are GET, changes take JSON and answer what they made.
 */
export async function control(world: World, local: LocalTikTok, { request, url }: Call): Promise<Reply> {
  const name = url.pathname.slice('/__local/'.length)
  if (name.startsWith('avatar/')) return avatar(name.slice('avatar/'.length))
  if (name.startsWith('media/')) return media(world, name.slice('media/'.length), request.headers.range)

  const answer = answers(local)[`${request.method} ${name}`]
  if (!answer) return { status: 404, json: { error: 'no such control' } }
  const made = answer(parseJsonObject(await readBody(request)))
  return made instanceof Error
    ? { status: 400, json: { error: made.message } }
    : { status: 200, json: made ?? {} }
}

/** Answers what was made, or an error that says what is wrong with the request. */
type Answer = (body: unknown) => unknown

function answers(local: LocalTikTok): Readonly<Record<string, Answer | undefined>> {
  return {
    'GET app': () => local.app,
    'GET posts': () => local.posts(),
    'GET accounts': () => local.accounts(),
    'GET counters': () => local.counters(),
    'GET knobs': () => local.knobs(),
    'POST accounts': checked(accountBody, (account) => local.createAccount(account)),
    'POST grants': checked(grantBody, ({ username, scopes }) =>
      local.accounts().some((account) => account.username === username)
        ? local.grant(username, scopes)
        : new Error(`no account ${username}`),
    ),
    'POST faults': checked(faultBody, (wanted) => local.injectFault(wanted)),
    'DELETE faults': () => local.clearFaults(),
    'POST advance': checked(advanceBody, ({ seconds }) => local.advance(seconds)),
    'PATCH knobs': checked(knobsBody, (knobs) => local.setKnobs(knobs)),
  }
}

function checked<Body>(schema: z.ZodType<Body>, act: (body: Body) => unknown): Answer {
  return (body) => {
    const parsed = schema.safeParse(body)
    return parsed.success ? act(parsed.data) : new Error(z.prettifyError(parsed.error))
  }
}

function media(world: World, encodedId: string, range: string | undefined): Reply {
  const publish = world.book.get('publish', decodeURIComponent(encodedId))
  return publish?.sha256
    ? { status: 200, file: { path: keptBytes(world, publish.publishId), range } }
    : { status: 404, json: { error: 'no such video' } }
}

function avatar(name: string): Reply {
  const letter = /^[a-z\d]/i.exec(name)?.[0]?.toUpperCase() ?? '?'
  const text = `<text x="50" y="66" font-family="sans-serif" font-size="48" text-anchor="middle">${letter}</text>`
  const body = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 100">${text}</svg>`
  return { status: 200, text: { type: 'image/svg+xml', body } }
}
