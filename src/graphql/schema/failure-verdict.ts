import {
  listUnrecognised,
  type UnrecognisedCode as UnrecognisedRecord,
} from '../../store/webhook/unrecognised-codes.ts'
import { failureVerdicts } from '../../verdict/failure-verdict.ts'
import type { FailureVerdict as VerdictRecord } from '../../verdict/verdict-row.ts'
import { builder } from './builder.ts'
import { FailureSource, sourceOf, Verdict } from './failure.ts'

const FailureVerdict = builder.objectRef<VerdictRecord>('FailureVerdict').implement({
  description: 'The classification of one failure code.',
  authScopes: { read: true },
  fields: (t) => ({
    code: t.exposeString('code', {
      description: 'The code. A code that ends in `5xx` covers all statuses from 500 to 599.',
    }),
    source: t.expose('source', { type: FailureSource, description: 'The source of the code.' }),
    httpStatus: t.exposeInt('httpStatus', {
      nullable: true,
      description: 'The HTTP status of the response with this code; null if it varies.',
    }),
    verdict: t.expose('verdict', {
      type: Verdict,
      description: 'The class of the failure.',
    }),
    meaning: t.exposeString('meaning', { description: 'What happened.' }),
    nextStep: t.exposeString('nextStep', { description: 'What a person should do about it.' }),
    retryAfterSeconds: t.exposeInt('afterSeconds', {
      nullable: true,
      description:
        'The time after which a retry can succeed, in seconds. For a cap it is the whole window. Null if time alone does not help.',
    }),
    canPostAgain: t.exposeBoolean('canPostAgain', {
      nullable: true,
      description:
        'Whether the post may be opened again unchanged. Null for codes that are not fail reasons of posts.',
    }),
  }),
})

const UnrecognisedCode = builder.objectRef<UnrecognisedRecord>('UnrecognisedCode').implement({
  description: 'A failure code that has no verdict. It was given the safest class.',
  authScopes: { read: true },
  fields: (t) => ({
    code: t.exposeString('code', { description: 'The code.' }),
    source: t.field({
      type: FailureSource,
      nullable: true,
      description: 'The source of the code; null for a source that this version does not know.',
      resolve: ({ source }) => sourceOf(source),
    }),
    occurrenceCount: t.expose('occurrences', {
      type: 'SafeInt',
      description: 'The number of times that the code was received.',
    }),
    firstSeenAt: t.expose('firstSeenAt', {
      type: 'DateTime',
      description: 'When the code was first received.',
    }),
    lastSeenAt: t.expose('lastSeenAt', { type: 'DateTime', description: 'When the code was last received.' }),
    lastLogId: t.exposeString('lastLogId', {
      nullable: true,
      description: "TikTok's log id of the last call with this code; null if there is none.",
    }),
  }),
})

builder.queryFields((t) => ({
  failureVerdicts: t.field({
    type: [FailureVerdict],
    description: 'The verdict table: the classification of every known failure code.',
    authScopes: { read: true },
    args: {
      source: t.arg({
        type: FailureSource,
        description: 'Only codes of this source. All sources if omitted.',
      }),
    },
    resolve: (_root, { source }) =>
      failureVerdicts.filter((verdict) => source == null || verdict.source === source),
  }),
  unrecognisedCodes: t.field({
    type: [UnrecognisedCode],
    description: 'The last 100 failure codes that had no verdict, most recent first.',
    authScopes: { read: true },
    resolve: async (_root, _args, { viewer, read }) => [
      ...(await read((tx) => listUnrecognised(tx, viewer.organizationId))),
    ],
  }),
}))
