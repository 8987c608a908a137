import { verdictsOf } from './verdict-row.ts'

const continuesByItself =
  'The operator checks the storage server and the network; jobs continue automatically once it answers. Retry the jobs that have stopped.'
const restart =
  'and restarts all processes. Waiting jobs then continue within a minute; retry the jobs that have stopped.'

/** Codes of the object storage, when it is reached over a network. */
export const storageVerdicts = verdictsOf('reelpilot', {
  STORAGE_UNREACHABLE: {
    verdict: 'RETRY_AFTER',
    meaning: 'The object storage does not answer.',
    nextStep: continuesByItself,
  },
  STORAGE_BUSY: {
    verdict: 'RETRY_AFTER',
    meaning: 'The object storage is overloaded or failed on a request.',
    nextStep: continuesByItself,
  },
  STORAGE_FULL: {
    verdict: 'NEEDS_OPERATOR',
    meaning: 'The object storage is full, or the quota of its bucket or its user is used up.',
    nextStep:
      'The operator adds space or quota; waiting jobs then continue within a minute. Retry the jobs that have stopped.',
    afterSeconds: 60,
  },
  STORAGE_CREDENTIALS: {
    verdict: 'NEEDS_OPERATOR',
    meaning:
      'The object storage refuses the keys in S3_URL, or they may not list, read, write and delete in the bucket.',
    nextStep: `The operator corrects the access key, the secret key (percent-encoded) or their permissions, ${restart}`,
    afterSeconds: 60,
  },
  STORAGE_CLOCK: {
    verdict: 'NEEDS_OPERATOR',
    meaning: 'The clock of this machine differs too much from the clock of the object storage.',
    nextStep:
      'The operator sets the clock, such as by NTP; jobs then continue within a minute. Retry the jobs that have stopped.',
    afterSeconds: 60,
  },
  STORAGE_BUCKET: {
    verdict: 'NEEDS_OPERATOR',
    meaning: 'The bucket that S3_URL names does not exist.',
    nextStep: `The operator creates the bucket, or corrects its name in S3_URL ${restart}`,
    afterSeconds: 60,
  },
  STORAGE_REGION: {
    verdict: 'NEEDS_OPERATOR',
    meaning: 'The bucket is in another region than S3_URL says.',
    nextStep: `The operator sets the bucket's region, and the host that goes with it, in S3_URL (?region=…) ${restart}`,
    afterSeconds: 60,
  },
  STORAGE_REFUSED: {
    verdict: 'NEEDS_OPERATOR',
    meaning: 'The object storage refuses a request for a reason that this version does not know.',
    nextStep: 'The operator finds the answer in the log and fixes the cause; then retry the job.',
    afterSeconds: 60,
  },
  MEDIA_DAMAGED: {
    verdict: 'NEEDS_OPERATOR',
    meaning: 'A stored file of this job was changed: its content does not match its name.',
    nextStep:
      'The operator restores the file from a backup; then retry the job. If there is none, cancel the job and plan the post again.',
  },
})
