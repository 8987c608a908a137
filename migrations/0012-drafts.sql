-- A draft goes to the creator's inbox, where they write the caption and choose the rest: of a draft none of it is kept here.
alter table slot
  add column mode text not null default 'direct' check (mode in ('direct', 'draft')),
  alter column privacy drop not null,
  -- A post has a privacy that somebody chose: there is no default.
  add check ((mode = 'direct') = (privacy is not null)),
  add check (mode = 'direct' or (caption = '' and not allow_comment and not allow_duet and not allow_stitch
                                 and not brand_content and not brand_organic));
