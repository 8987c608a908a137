import type { Failure as FailureRecord } from '../../../machines/rules/failure.ts'
import { nextStepFor } from '../../verdict/failure-verdict.ts'
import { plainMessage } from '../../verdict/plain-message.ts'
import type { VerdictSource } from '../../verdict/verdict-row.ts'
import { builder } from './builder.ts'

export const Verdict = builder.enumType('Verdict', {
  description: 'What has to happen before trying again makes sense.',
  values: {
    RETRY_AFTER: { description: 'Time: it is tried again by itself.' },
    WAIT_CAP: { description: 'A cap of the platform has to reset.' },
    NEEDS_USER: { description: 'The creator has to act, such as connect the account again.' },
    NEEDS_OPERATOR: { description: 'Whoever runs this installation has to act.' },
    FIX_MEDIA: { description: 'The video or its text has to be changed.' },
    PERMANENT: { description: 'Nothing: it will never work.' },
    OUTCOME_UNKNOWN: { description: 'The truth has to be looked up: it may have happened.' },
  } as const,
})

const sources = {
  API: { value: 'api', description: "TikTok's API, in the answer to a call." },
  OAUTH: { value: 'oauth', description: "TikTok's sign-in." },
  POST: { value: 'post', description: 'TikTok, of a post that failed: its fail reason.' },
  UPLOAD: { value: 'upload', description: "TikTok's upload host, which answers with no more than a status." },
  REELPILOT: { value: 'reelpilot', description: 'Reelpilot itself, or the network.' },
} as const satisfies Record<string, { readonly value: VerdictSource; readonly description: string }>

export const FailureSource = builder.enumType('FailureSource', {
  description: 'Whose word a code is: the same code may mean different things.',
  values: sources,
})

/** The source that was noted; null for one that this version does not know. */
export function sourceOf(noted: string): VerdictSource | null {
  return Object.values(sources).find(({ value }) => value === noted)?.value ?? null
}

export const Failure = builder.objectRef<FailureRecord>('Failure').implement({
  description: 'What went wrong, in words for a person and a code for a program.',
  authScopes: { read: true },
  fields: (t) => ({
    verdict: t.expose('verdict', {
      type: Verdict,
      description: 'What has to happen before trying again makes sense.',
    }),
    code: t.exposeString('code', {
      description: 'What exactly, for programs; often the code of the upstream.',
    }),
    source: t.field({
      type: FailureSource,
      nullable: true,
      description: 'Whose word the code is; null for a source that this version does not know.',
      resolve: ({ source }) => sourceOf(source ?? 'reelpilot'),
    }),
    message: t.string({
      description: 'What exactly, for people.',
      resolve: (failure) => plainMessage(failure),
    }),
    nextStep: t.string({
      description: 'What a person does about it now, in plain words.',
      resolve: (failure) => nextStepFor(failure),
    }),
    logId: t.string({
      nullable: true,
      description: "TikTok's id of the refused call, to be quoted to its support.",
      resolve: ({ logId }) => logId ?? null,
    }),
    responseExcerpt: t.string({
      nullable: true,
      description: 'What was answered, as far as it was kept: only where it could not be read.',
      resolve: ({ answer }) => answer ?? null,
    }),
  }),
})
