import type { Failure as FailureRecord } from '../../../machines/rules/failure.ts'
import { nextStepFor } from '../../verdict/failure-verdict.ts'
import { plainMessage } from '../../verdict/plain-message.ts'
import type { VerdictSource } from '../../verdict/verdict-row.ts'
import { builder } from './builder.ts'

export const Verdict = builder.enumType('Verdict', {
  description: 'The class of a failure: what must happen before the call can succeed.',
  values: {
    RETRY_AFTER: { description: 'Time must pass. It is retried automatically.' },
    WAIT_CAP: { description: 'A cap of TikTok must reset. It is retried automatically.' },
    NEEDS_USER: { description: 'The creator must act, for example connect the account again.' },
    NEEDS_OPERATOR: { description: 'The operator of this installation must act.' },
    FIX_MEDIA: { description: 'The video or its text must be changed.' },
    PERMANENT: { description: 'Nothing helps: the call can never succeed.' },
    OUTCOME_UNKNOWN: {
      description: 'The call may have succeeded. Its outcome is looked up before anything is retried.',
    },
  } as const,
})

const sources = {
  API: { value: 'api', description: "TikTok's API, in the response to a call." },
  OAUTH: { value: 'oauth', description: "TikTok's OAuth endpoints." },
  POST: { value: 'post', description: 'The fail reason of a post, reported by TikTok.' },
  UPLOAD: { value: 'upload', description: "TikTok's upload host. Its codes are HTTP statuses." },
  REELPILOT: { value: 'reelpilot', description: 'Reelpilot itself, or the network.' },
} as const satisfies Record<string, { readonly value: VerdictSource; readonly description: string }>

export const FailureSource = builder.enumType('FailureSource', {
  description: 'The source of a failure code. The same code can mean different things in different sources.',
  values: sources,
})

/** The source that was noted; null for one that this version does not know. */
export function sourceOf(noted: string): VerdictSource | null {
  return Object.values(sources).find(({ value }) => value === noted)?.value ?? null
}

export const Failure = builder.objectRef<FailureRecord>('Failure').implement({
  description: 'A failure, with a code for programs and a message for people.',
  authScopes: { read: true },
  fields: (t) => ({
    verdict: t.expose('verdict', {
      type: Verdict,
      description: 'The class of the failure.',
    }),
    code: t.exposeString('code', {
      description: "The code of the failure. From an upstream, it is the upstream's own code.",
    }),
    source: t.field({
      type: FailureSource,
      nullable: true,
      description: 'The source of the code; null for a source that this version does not know.',
      resolve: ({ source }) => sourceOf(source ?? 'reelpilot'),
    }),
    message: t.string({
      description: 'A description of the failure.',
      resolve: (failure) => plainMessage(failure),
    }),
    nextStep: t.string({
      description: 'What a person should do about it.',
      resolve: (failure) => nextStepFor(failure),
    }),
    logId: t.string({
      nullable: true,
      description:
        "TikTok's log id of the refused call, to quote to TikTok's support; null if there is none.",
      resolve: ({ logId }) => logId ?? null,
    }),
    responseExcerpt: t.string({
      nullable: true,
      description: 'The start of the response; null unless the response could not be parsed.',
      resolve: ({ answer }) => answer ?? null,
    }),
  }),
})
