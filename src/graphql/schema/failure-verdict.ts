import {
  listUnrecognised,
  type UnrecognisedCode as UnrecognisedRecord,
} from '../../store/webhook/unrecognised-codes.ts'
import { failureVerdicts } from '../../verdict/failure-verdict.ts'
import type { FailureVerdict as VerdictRecord } from '../../verdict/verdict-row.ts'
import { builder } from './builder.ts'
import { FailureSource, sourceOf, Verdict } from './failure.ts'

const FailureVerdict = builder.objectRef<VerdictRecord>('FailureVerdict').implement({
  description: 'What one code means, and what a person does about it.',
  authScopes: { read: true },
  fields: (t) => ({
    code: t.exposeString('code', {
      description: 'The code. One that ends in `5xx` stands for each of the hundred.',
    }),
    source: t.expose('source', { type: FailureSource, description: 'Whose word it is.' }),
    httpStatus: t.exposeInt('httpStatus', {
      nullable: true,
      description: 'The HTTP status that it comes with, where it always comes with the same.',
    }),
    verdict: t.expose('verdict', {
      type: Verdict,
      description: 'What has to happen before trying again makes sense.',
    }),
    meaning: t.exposeString('meaning', { description: 'What happened, in plain words.' }),
    nextStep: t.exposeString('nextStep', { description: 'What a person does about it, in plain words.' }),
    retryAfterSeconds: t.exposeInt('afterSeconds', {
      nullable: true,
      description: 'After how long waiting helps; of a cap, its whole window.',
    }),
    canPostAgain: t.exposeBoolean('canPostAgain', {
      nullable: true,
      description: 'Of a fail reason: whether the post may be opened anew, with nothing changed.',
    }),
  }),
})

const UnrecognisedCode = builder.objectRef<UnrecognisedRecord>('UnrecognisedCode').implement({
  description: 'A code that the table of verdicts does not have. It was given the safest class.',
  authScopes: { read: true },
  fields: (t) => ({
    code: t.exposeString('code', { description: 'The code.' }),
    source: t.field({
      type: FailureSource,
      nullable: true,
      description: 'Whose word it is; null for a source that this version does not know.',
      resolve: ({ source }) => sourceOf(source),
    }),
    occurrenceCount: t.expose('occurrences', { type: 'SafeInt', description: 'How often it was met.' }),
    firstSeenAt: t.expose('firstSeenAt', { type: 'DateTime', description: 'When it was first met.' }),
    lastSeenAt: t.expose('lastSeenAt', { type: 'DateTime', description: 'When it was last met.' }),
    lastLogId: t.exposeString('lastLogId', {
      nullable: true,
      description: "TikTok's id of the last call that it came with.",
    }),
  }),
})

builder.queryFields((t) => ({
  failureVerdicts: t.field({
    type: [FailureVerdict],
    description: 'What every known code means: the table that failures are judged by.',
    authScopes: { read: true },
    args: { source: t.arg({ type: FailureSource, description: 'Only codes of this source.' }) },
    resolve: (_root, { source }) =>
      failureVerdicts.filter((verdict) => source == null || verdict.source === source),
  }),
  unrecognisedCodes: t.field({
    type: [UnrecognisedCode],
    description: 'The last 100 codes that the table did not have, the most recent first.',
    authScopes: { read: true },
    resolve: async (_root, _args, { viewer, read }) => [
      ...(await read((tx) => listUnrecognised(tx, viewer.organizationId))),
    ],
  }),
}))
