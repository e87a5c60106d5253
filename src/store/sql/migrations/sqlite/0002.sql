-- Owners have a version that changes with each change of owner; user tokens say when they were last used.

ALTER TABLE portcullis_owners ADD COLUMN version INTEGER NOT NULL DEFAULT 0;
ALTER TABLE portcullis_user_tokens ADD COLUMN last_used INTEGER;
