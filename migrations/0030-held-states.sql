-- A job that may not go on now is held, and looks now and then whether it may.
create or replace function job_states() returns text[] language sql immutable parallel safe return array[
  'queued', 'reservingQuota', 'waitingForQuota',
  'generating.submitting', 'generating.checking', 'generating.rendering', 'generating.keeping', 'generating.backingOff',
  'storing', 'checkingMedia', 'awaitingSlot',
  'publishing.preparing', 'publishing.initialising', 'publishing.awaitingTurn',
  'publishing.uploading', 'publishing.reconciling', 'publishing.backingOff',
  'watching.accepted', 'watching.processing', 'watching.checking', 'watching.inModeration', 'watching.backingOff',
  'backingOff', 'paused', 'held', 'checkingHold', 'waitingForAccount', 'needsPerson', 'closing',
  'published', 'delivered', 'takenDown', 'cancelled', 'failed',
  -- Version 1.
  'publishing.confirming', 'publishing.checkingStatus'];
