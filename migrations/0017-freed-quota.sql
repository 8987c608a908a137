-- Quota that is freed again: stored bytes are a level, and deleting a file lowers it.
alter table quota_entry
  drop constraint quota_entry_kind_check,
  add constraint quota_entry_kind_check
    check (kind in ('grant', 'limit', 'adjust', 'reserve', 'commit', 'release', 'use', 'free'));
