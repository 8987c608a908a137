import type { Failure as FailureRecord } from '../../machines/failure.ts'
import { builder } from './builder.ts'

const Verdict = builder.enumType('Verdict', {
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
    message: t.exposeString('message', { description: 'What exactly, for people.' }),
    logId: t.string({
      nullable: true,
      description: "TikTok's id of the refused call, to be quoted to its support.",
      resolve: ({ logId }) => logId ?? null,
    }),
  }),
})
